import Cluster
import Testing

@testable import Database

@Suite("Terms, keys and the commander's sessions")
struct TermTests {
  var subject = Subject()

  @Test("the authority raises the term; it is told after the term is on the disk")
  mutating func raise() {
    #expect(subject.effects(.opened(session: 1, .authority)).isEmpty)
    let order = ControlMessage.raiseTerm(RaiseTerm(term: Term(5)))
    #expect(subject.effects(.received(order, session: 1)) == [.perform(.raiseTerm(Term(5)))])
    #expect(subject.core.term == Term(3))
    let raised = ControlMessage.termRaised(TermRaised(term: Term(5)))
    #expect(subject.finish(.termRaised(Term(5))).effects == [.send(raised, session: 1)])
    #expect(subject.core.term == Term(5))
  }

  @Test("a term that is stored already, or a lower one, is answered with the stored one at once")
  mutating func lower() {
    _ = subject.handle(.opened(session: 1, .authority))
    for term: UInt64 in [1, 3] {
      let order = ControlMessage.raiseTerm(RaiseTerm(term: Term(term)))
      #expect(
        subject.effects(.received(order, session: 1)) == [
          .send(.termRaised(TermRaised(term: Term(3))), session: 1)
        ])
    }
  }

  @Test("an order that is repeated while it is being carried out is carried out once")
  mutating func repeated() {
    _ = subject.handle(.opened(session: 1, .authority))
    let order = ControlMessage.raiseTerm(RaiseTerm(term: Term(5)))
    _ = subject.handle(.received(order, session: 1))
    #expect(subject.effects(.received(order, session: 1)).isEmpty)
    #expect(subject.finish(.termRaised(Term(5))).effects.count == 1)
  }

  @Test("nobody but the authority raises the term")
  mutating func notPermitted() {
    _ = subject.handle(.opened(session: 1, .drone(firstDrone)))
    _ = subject.handle(.opened(session: 2, .commander(Term(3))))
    let order = ControlMessage.raiseTerm(RaiseTerm(term: Term(5)))
    for session: UInt64 in [1, 2] {
      let effects = subject.effects(.received(order, session: session))
      #expect(effects.contains { if case .close(session, .notPermitted) = $0 { true } else { false } })
      #expect(!effects.contains { if case .perform = $0 { true } else { false } })
    }
  }

  @Test("when the term rises, command sessions of lower terms are closed, after a word why")
  mutating func closesLower() {
    _ = subject.handle(.opened(session: 1, .authority))
    _ = subject.handle(.opened(session: 2, .commander(Term(4))))
    _ = subject.handle(.opened(session: 3, .commander(Term(3))))
    _ = subject.handle(.received(.raiseTerm(RaiseTerm(term: Term(4))), session: 1))
    let error = DatabaseAccessError.oldTerm(Term(3), current: Term(4))
    #expect(
      subject.finish(.termRaised(Term(4))).effects == [
        .send(.refused(Refused(reason: "\(error)", term: Term(4))), session: 3), .close(session: 3, error),
        .send(.termRaised(TermRaised(term: Term(4))), session: 1),
      ])
    let late = ControlMessage.keyStored(KeyStored(term: Term(3), identifier: 1))
    #expect(subject.effects(.received(late, session: 3)).isEmpty)
  }

  @Test("a commander of a lower term gets no session")
  mutating func oldCommander() {
    let error = DatabaseAccessError.oldTerm(Term(2), current: Term(3))
    #expect(
      subject.effects(.opened(session: 1, .commander(Term(2)))) == [
        .send(.refused(Refused(reason: "\(error)", term: Term(3))), session: 1), .close(session: 1, error),
      ])
  }

  @Test("a key is acknowledged once it is on the disk, raises the term, and grants under it are read")
  mutating func key() throws {
    subject.command(1, term: 4)
    _ = subject.handle(.opened(session: 2, .drone(firstDrone)))
    let stored = sealingKey(4)
    let delivery = DeliverKey(term: Term(4), identifier: 1, key: stored.key.key)
    let ping = ControlMessage.keyStored(KeyStored(term: Term(4), identifier: 1))
    #expect(subject.effects(.received(.deliverKey(delivery), session: 1)) == [.perform(.storeKey(stored))])
    let early = subject.effects(.received(ping, session: 1))
    #expect(early.allSatisfy { if case .send(.refused, session: 1) = $0 { true } else { false } })
    #expect(subject.finish(.keyStored(.stored)).effects == [.send(ping, session: 1)])
    #expect(subject.core.term == Term(4))
    #expect(subject.effects(.received(ping, session: 1)) == [.send(ping, session: 1)])
    let request = StoreRequest.open(
      number: 1, grant: try grant([partition(1)], token: token(4), key: stored), partitions: [partition(1)])
    let opened = subject.effects(.requested(request, session: 2))
    #expect(opened.contains { if case .perform(.open) = $0 { true } else { false } })
  }

  @Test("a commander delivers keys of its own term only")
  mutating func foreignKey() {
    subject.command(1, term: 3)
    let delivery = DeliverKey(term: Term(4), identifier: 1, key: sealingKey(4).key.key)
    let effects = subject.effects(.received(.deliverKey(delivery), session: 1))
    #expect(effects.last == .close(session: 1, .notPermitted("key of another term")))
    #expect(!effects.contains { if case .perform = $0 { true } else { false } })
  }

  @Test(
    "a key that the store refuses is not acknowledged",
    arguments: [KeyStorage.conflict, .oldTerm(stored: Term(9))])
  mutating func refusedKey(storage: KeyStorage) {
    subject.command(1, term: 3)
    let delivery = DeliverKey(term: Term(3), identifier: 2, key: sealingKey(3).key.key)
    _ = subject.handle(.received(.deliverKey(delivery), session: 1))
    let effects = subject.finish(.keyStored(storage)).effects
    #expect(!effects.contains { if case .send(.keyStored, _) = $0 { true } else { false } })
    #expect(effects.contains { if case .close(session: 1, _) = $0 { true } else { false } })
  }

  @Test("a store that fails acknowledges nothing")
  mutating func failure() {
    _ = subject.handle(.opened(session: 1, .authority))
    _ = subject.handle(.received(.raiseTerm(RaiseTerm(term: Term(5))), session: 1))
    #expect(subject.effects(.failed(full, backlog: StoreBacklog())).isEmpty)
    #expect(subject.core.term == Term(3))
  }

  @Test("it registers when it listens, and again every four heartbeats")
  mutating func registers() {
    let register = DatabaseAction.register(
      Register(incarnation: identity.incarnation, endpoint: address, membership: 1))
    #expect(subject.effects(.ticked).isEmpty)
    #expect(subject.effects(.listening(address)) == [register])
    subject.now = subject.now + 999
    #expect(subject.effects(.ticked).isEmpty)
    subject.now = subject.now + 1
    #expect(subject.effects(.ticked) == [register])
    #expect(subject.effects(.ticked).isEmpty)
  }
}
