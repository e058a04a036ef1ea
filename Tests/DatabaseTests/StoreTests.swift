import Cluster
import Testing

@testable import Database

@Suite("Which store a database may use")
struct StoreTests {
  private let older = StoreMark(identity: mark.identity, commit: 90)

  private func reports(_ actions: [DatabaseAction]) -> [StoreReport] {
    actions.compactMap { if case .report(let report) = $0 { report } else { nil } }
  }

  @Test("until the authority has accepted the store nothing is opened, appended, stored or handed out")
  func unknown() throws {
    var subject = Subject(isAccepted: false)
    _ = subject.handle(.opened(session: 1, .drone(firstDrone)))
    let open = StoreRequest.open(
      number: 1, grant: try grant([partition(0)]), partitions: [partition(0)], copy: nil)
    let refused = subject.effects(.requested(open, session: 1))
    #expect(refused.count == 1)
    guard case .answer(.openRefused(1, _, .other, _), session: 1) = refused.first else {
      Issue.record("\(refused)")
      return
    }
    let append = StoreRequest.append(number: 2, batches: [batch(0)])
    guard
      case .answer(.appendFailed(2, _), session: 1)? = subject.effects(.requested(append, session: 1)).first
    else {
      Issue.record("the append was not refused")
      return
    }
    _ = subject.handle(.opened(session: 2, .authority))
    let order = ControlMessage.raiseTerm(RaiseTerm(term: Term(5)))
    #expect(subject.effects(.received(order, session: 2)).isEmpty)
    subject.command(3, term: 3)
    let key = sealingKey(3, identifier: 7)
    let delivery = DeliverKey(term: Term(3), identifier: 7, key: key.key.key)
    for message in [ControlMessage.deliverKey(delivery), .fenceQuestion(FenceQuestion(term: Term(3)))] {
      let effects = subject.effects(.received(message, session: 3))
      #expect(effects.count == 1)
      guard case .send(.refused, session: 3)? = effects.first else {
        Issue.record("\(effects)")
        return
      }
    }
  }

  @Test("the authority is told at once and again until it answers, and once accepted the store is used")
  mutating func accepted() throws {
    var subject = Subject(isAccepted: false)
    let report = StoreReport(incarnation: identity.incarnation, mark: mark)
    #expect(reports(subject.handle(.listening(address))) == [report])
    #expect(reports(subject.handle(.ticked)) == [report])
    _ = subject.handle(.opened(session: 2, .authority))
    #expect(
      subject.handle(.received(verdict(on: mark), session: 2)) == [.note(.storeAccepted(mark))])
    #expect(reports(subject.handle(.ticked)) == [], "there is nothing new to tell")
    let order = ControlMessage.raiseTerm(RaiseTerm(term: Term(5)))
    #expect(subject.effects(.received(order, session: 2)) == [.perform(.raiseTerm(Term(5)))])
    let next = StoreMark(identity: mark.identity, commit: 41)
    _ = subject.handle(.finished(.termRaised(Term(5)), backlog: StoreBacklog(), mark: next))
    subject.now = subject.now + 10_000
    #expect(reports(subject.handle(.ticked)).map(\.mark) == [next])
  }

  @Test("a store that is held says so once and is not used; accepted later it is")
  func held() {
    var subject = Subject(isAccepted: false)
    _ = subject.handle(.opened(session: 2, .authority))
    let known = KnownStore(mark: older, seenAt: start)
    #expect(
      subject.handle(.received(verdict(on: mark, known: older), session: 2)) == [
        .note(.storeHeld(mark, known: known))
      ])
    #expect(subject.handle(.received(verdict(on: mark, known: older), session: 2)) == [])
    let order = ControlMessage.raiseTerm(RaiseTerm(term: Term(5)))
    #expect(subject.effects(.received(order, session: 2)).isEmpty)
    // It goes on counting where nothing of what was lost can have counted.
    let accepted = subject.effects(.received(verdict(on: mark), session: 2))
    #expect(accepted == [.perform(.advance(to: 90 + 1 << 20))])
    _ = subject.handle(.finished(.advanced, backlog: StoreBacklog(), mark: older))
    #expect(subject.effects(.received(order, session: 2)) == [.perform(.raiseTerm(Term(5)))])
  }

  @Test("a store that may not be the right one is not folded either")
  func notFolded() {
    let long = StoreBacklog(rows: 1, records: 1, bytes: StoreBounds().longLog.bytes + 1)
    var subject = Subject(backlog: long, isAccepted: false)
    #expect(subject.effects(.ticked).isEmpty)
    _ = subject.handle(.opened(session: 2, .authority))
    #expect(subject.effects(.received(verdict(on: mark), session: 2)) == [.perform(.fold)])
  }

  @Test("a verdict on another process, another store or a later state of this one says nothing")
  func others() {
    var subject = Subject(isAccepted: false)
    _ = subject.handle(.opened(session: 2, .authority))
    let foreign = StoreMark(identity: StoreIdentity(high: 1, low: 1), commit: 1)
    for other in [verdict(on: mark, incarnation: 98), verdict(on: foreign), verdict(on: older)] {
      #expect(subject.handle(.received(other, session: 2)) == [])
    }
    let order = ControlMessage.raiseTerm(RaiseTerm(term: Term(5)))
    #expect(subject.effects(.received(order, session: 2)).isEmpty)
  }

  @Test("nobody but the authority says whether a store may be used")
  func notPermitted() {
    var subject = Subject(isAccepted: false)
    _ = subject.handle(.opened(session: 1, .drone(firstDrone)))
    let effects = subject.effects(.received(verdict(on: mark), session: 1))
    #expect(effects.contains { if case .close(1, .notPermitted) = $0 { true } else { false } })
    #expect(!subject.core.isAccepted)
  }
}
