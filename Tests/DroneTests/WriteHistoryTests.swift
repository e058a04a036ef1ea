import Cluster
import Testing

@testable import Drone

@Suite("The history of writes") struct WriteHistoryTests {
  private func client(_ number: Int) -> ClientIncarnation {
    ClientIncarnation(high: 0, low: UInt64(number))
  }

  private func outcome(_ number: Int, _ write: Int, existed: Bool = false) -> WriteOutcome {
    WriteOutcome(client: client(number), write: UInt64(write), sequence: 0, existed: existed)
  }

  @Test("unseen, under way, done, and at the horizon forgotten; later writes of that client are unseen")
  func life() {
    var history = WriteHistory()
    #expect(history.past(of: 5, by: client(1)) == .unseen)
    history.begin(5, by: client(1), sequence: 9)
    #expect(history.past(of: 5, by: client(1)) == .pending(9))
    history.settle(outcome(1, 5, existed: true))
    #expect(history.past(of: 5, by: client(1)).existed == true)
    for write in 0..<HistoryBounds().outcomes - 1 { history.settle(outcome(2, write)) }
    #expect(history.past(of: 5, by: client(1)).existed == true)
    history.settle(outcome(2, HistoryBounds().outcomes))
    #expect(history.past(of: 5, by: client(1)) == .forgotten)
    #expect(history.past(of: 4, by: client(1)) == .forgotten)
    #expect(history.past(of: 6, by: client(1)) == .unseen)
    #expect(history.past(of: 0, by: client(2)).existed == false)
    #expect(history.past(of: 1, by: client(3)) == .unseen)
  }

  @Test("a client's highest dropped write counts, in whatever order its writes were stored")
  func order() {
    var history = WriteHistory(outcomes: [outcome(1, 9), outcome(1, 3)], forgotten: [])
    for write in 0..<HistoryBounds().outcomes { history.settle(outcome(2, write)) }
    #expect(history.past(of: 9, by: client(1)) == .forgotten)
    #expect(history.past(of: 4, by: client(1)) == .forgotten)
  }

  @Test("beyond the clients that are remembered, an unknown one's retry is doubtful, never unseen")
  func manyClients() {
    var history = WriteHistory()
    let count = HistoryBounds().outcomes + HistoryBounds().clients
    for number in 0..<count { history.settle(outcome(number, 1)) }
    #expect(history.past(of: 2, by: client(-1 & 0xffff_ffff)) == .unseen)
    history.settle(outcome(count, 1))
    // Client 0 came first and went first.
    #expect(history.past(of: 1, by: client(0)) == .forgotten)
    #expect(history.past(of: 2, by: client(0)) == .forgotten)
    #expect(history.past(of: 2, by: client(1)) == .unseen)
    #expect(history.past(of: 1, by: client(1)) == .forgotten)
    #expect(history.past(of: 1, by: client(count)).existed == false)
  }

  @Test("what a database has kept is taken over")
  func loaded() {
    let history = WriteHistory(
      outcomes: [outcome(1, 4, existed: true)],
      forgotten: (0...HistoryBounds().clients).map { ForgottenWrites(client: client($0), write: 2) })
    #expect(history.past(of: 4, by: client(1)).existed == true)
    #expect(history.past(of: 2, by: client(HistoryBounds().clients)) == .forgotten)
    // It had more clients than are remembered here.
    #expect(history.past(of: 1, by: client(9_999_999)) == .forgotten)
  }
}

extension WriteHistory.Past {
  /// Of a write that is done.
  fileprivate var existed: Bool? {
    if case .done(let existed, _) = self { existed } else { nil }
  }
}
