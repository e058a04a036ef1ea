import Cluster
import Testing

@testable import Database

@Suite("Receipts of how far a store had come")
struct ReceiptTests {
  private let later = StoreMark(identity: mark.identity, commit: 90)

  private func reports(_ actions: [DatabaseAction]) -> [UInt64] {
    actions.compactMap { if case .report(let report) = $0 { report.mark.commit } else { nil } }
  }

  /// A database with a drone in session 1, and the authority in session 2.
  private func subject() -> Subject {
    var subject = Subject()
    _ = subject.handle(.listening(address))
    _ = subject.handle(.opened(session: 1, .drone(firstDrone)))
    _ = subject.handle(.opened(session: 2, .authority))
    return subject
  }

  private func remember(_ receipt: StoreReceipt) -> DatabaseEvent {
    .requested(.remember(receipt), session: 1)
  }

  private func canBeUsed(_ subject: inout Subject) -> Bool {
    let append = StoreRequest.append(number: 9, batches: [batch(0)])
    return subject.effects(.requested(append, session: 1)).contains {
      if case .perform = $0 { true } else { false }
    }
  }

  @Test("each drone gets one behind the answers to its appends, of what is stored then")
  func given() {
    var subject = subject()
    _ = subject.handle(.opened(session: 3, .drone(secondDrone)))
    _ = subject.handle(.requested(.append(number: 1, batches: [batch(0)]), session: 1))
    // These two wait for the first, and are one group.
    for (number, session) in [(2, 3), (3, 1), (4, 3)] as [(UInt64, UInt64)] {
      _ = subject.handle(.requested(.append(number: number, batches: []), session: session))
    }
    let first = subject.handle(
      .finished(
        .appended([[]]), backlog: StoreBacklog(), mark: StoreMark(identity: mark.identity, commit: 41)))
    #expect(receipts(first) == [1])
    let actions = subject.handle(
      .finished(.appended([[], [], []]), backlog: StoreBacklog(), mark: later))
    #expect(receipts(actions) == [3, 1])
    guard case .answer(.receipt(let receipt), _)? = actions.last else {
      Issue.record("\(actions)")
      return
    }
    #expect(receipt.mark == later && receiptKey.hasSealed(receipt))
  }

  @Test(
    "a question that nothing is in the way of is answered at once, and brings no receipt that a drone has")
  func question() {
    var subject = subject()
    let ask = { (number: UInt64) in DatabaseEvent.requested(.append(number: number, batches: []), session: 1)
    }
    let first = subject.handle(ask(1))
    #expect(first.effects == [.answer(.appended(number: 1, results: []), session: 1)])
    #expect(receipts(first) == [1])
    #expect(subject.handle(ask(2)) == [.answer(.appended(number: 2, results: []), session: 1)])
    _ = subject.handle(.requested(.append(number: 3, batches: [batch(0)]), session: 1))
    #expect(subject.handle(ask(4)) == [], "behind an append it waits as that does")
  }

  @Test("a database of which nobody wants anything wakes to register, and more often while it folds")
  func wakes() {
    var subject = subject()
    _ = subject.handle(.received(verdict(on: mark), session: 2))
    var ticks: [Int64] = []
    let start = subject.now
    while subject.now - start < 4_000 {
      subject.now = subject.now + 10
      if subject.now >= subject.core.nextTick {
        ticks.append(subject.now - start)
        _ = subject.handle(.ticked)
      }
    }
    // Until it has been quiet for long enough to fold, with each heartbeat; then to register.
    #expect(ticks == [10, 260, 510, 760, 1_010, 2_010, 3_010])
    _ = subject.handle(.requested(.append(number: 1, batches: [batch(0)]), session: 1))
    #expect(subject.core.nextTick - subject.now <= Timing().heartbeat)
  }

  private func receipts(_ actions: [DatabaseAction]) -> [UInt64] {
    actions.compactMap { if case .answer(.receipt, let session) = $0 { session } else { nil } }
  }

  @Test(
    "one of more than the store has holds it, whatever the authority has said; the authority is told until it knows"
  )
  func behind() {
    var subject = subject()
    let actions = subject.handle(remember(receiptKey.receipt(of: later)))
    #expect(actions.contains(.note(.storeHeld(mark, known: KnownStore(mark: later, seenAt: subject.wall)))))
    #expect(reports(actions) == [90])
    #expect(!canBeUsed(&subject))
    // An answer to a report of before.
    _ = subject.handle(.received(verdict(on: mark), session: 2))
    #expect(!canBeUsed(&subject))
    #expect(reports(subject.handle(.ticked)) == [90])
    _ = subject.handle(.received(verdict(on: later), session: 2))
    #expect(reports(subject.handle(.ticked)) == [40], "now it is asked about what is there")
    _ = subject.handle(.received(verdict(on: mark, known: later), session: 2))
    #expect(!canBeUsed(&subject))
    // An administrator accepts it.
    let accepted = subject.effects(.received(verdict(on: mark), session: 2))
    #expect(accepted == [.perform(.advance(to: 90 + 1 << 20))])
    let advanced = StoreMark(identity: mark.identity, commit: 90 + 1 << 20)
    _ = subject.handle(.finished(.advanced, backlog: StoreBacklog(), mark: advanced))
    #expect(subject.handle(remember(receiptKey.receipt(of: later))) == [], "what was shown is behind it now")
    #expect(canBeUsed(&subject))
  }

  @Test("what this store has not sealed, another store's, and one of no more than it has, change nothing")
  func others() {
    var subject = subject()
    var forged = receiptKey.receipt(of: later).tag
    forged[0] ^= 1
    #expect(
      subject.handle(remember(StoreReceipt(mark: later, tag: forged))) == [
        .note(.receiptRefused(firstDrone, later))
      ])
    let further = StoreMark(identity: mark.identity, commit: .max)
    #expect(
      subject.handle(remember(StoreReceipt(mark: further, tag: receiptKey.receipt(of: later).tag))) == [
        .note(.receiptRefused(firstDrone, further))
      ])
    let foreign = StoreMark(identity: StoreIdentity(high: 1, low: 1), commit: 90)
    for known in [foreign, mark, StoreMark(identity: mark.identity, commit: 1)] {
      #expect(subject.handle(remember(receiptKey.receipt(of: known))) == [])
    }
    #expect(canBeUsed(&subject))
  }
}
