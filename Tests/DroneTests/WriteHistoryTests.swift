import Cluster
import Testing

@testable import Drone

@Suite("The history of writes") struct WriteHistoryTests {
  private func client(_ number: Int) -> ClientIncarnation {
    ClientIncarnation(high: 1, low: UInt64(number) + 1)
  }

  private final class Numbers {
    var last: UInt64 = 0
  }
  private let numbers = Numbers()

  /// Of the next record.
  private func outcome(_ number: Int, _ write: Int, existed: Bool = false) -> WriteOutcome {
    numbers.last += 1
    return WriteOutcome(
      client: client(number), write: UInt64(write), sequence: numbers.last,
      outcome: .written(existed: existed))
  }

  @Test("what is repeated to a copy leaves nothing unseen that was ever completed, however little is kept")
  func repeated() {
    var random = SplitMix(seed: 7)
    for _ in 0..<2_000 {
      var bounds = HistoryBounds()
      bounds.outcomes = Int(random.next(in: 1...3))
      bounds.clients = Int(random.next(in: 1...2))
      var writes: [Int: Int] = [:]
      let all = (0..<Int(random.next(in: 2...12))).map { _ in
        let number = Int(random.next(in: 1...3))
        writes[number, default: 0] += 1
        return outcome(number, writes[number]!)
      }
      let applied = Int(random.next(in: 1...Int64(all.count)))
      var owner = WriteHistory(bounds)
      for outcome in all[..<applied] { owner.complete(outcome) }
      var copy = WriteHistory(bounds, owner.past)
      for outcome in all[Int(random.next(in: 0...Int64(applied)))...] { copy.complete(outcome) }
      for outcome in all {
        #expect(copy.past(of: outcome.write, by: outcome.client) != .unseen)
      }
    }
  }

  @Test("unseen, under way, done, and at the horizon forgotten; later writes of that client are unseen")
  func life() {
    var history = WriteHistory()
    #expect(history.past(of: 5, by: client(1)) == .unseen)
    history.begin(
      LogRecord(key: [1], change: .delete, client: client(1), write: 5, outcome: .written(existed: true)),
      sequence: 1)
    #expect(history.past(of: 5, by: client(1)) == .pending(1))
    history.complete(outcome(1, 5, existed: true))
    #expect(history.past(of: 5, by: client(1)).existed == true)
    for write in 0..<HistoryBounds().outcomes - 1 { history.complete(outcome(2, write)) }
    #expect(history.past(of: 5, by: client(1)).existed == true)
    history.complete(outcome(2, HistoryBounds().outcomes))
    #expect(history.past(of: 5, by: client(1)) == .forgotten)
    #expect(history.past(of: 4, by: client(1)) == .forgotten)
    #expect(history.past(of: 6, by: client(1)) == .unseen)
    #expect(history.past(of: 0, by: client(2)).existed == false)
    #expect(history.past(of: 1, by: client(3)) == .unseen)
  }

  @Test("a client's highest dropped write counts, in whatever order its writes were stored")
  func order() {
    var history = WriteHistory(past: [outcome(1, 9), outcome(1, 3)])
    for write in 0..<HistoryBounds().outcomes { history.complete(outcome(2, write)) }
    #expect(history.past(of: 9, by: client(1)) == .forgotten)
    #expect(history.past(of: 4, by: client(1)) == .forgotten)
  }

  @Test("beyond the clients that are remembered, an unknown one's retry is doubtful, never unseen")
  func manyClients() {
    var history = WriteHistory()
    let count = HistoryBounds().outcomes + HistoryBounds().clients
    for number in 0..<count { history.complete(outcome(number, 1)) }
    #expect(history.past(of: 2, by: client(-1 & 0xffff_ffff)) == .unseen)
    history.complete(outcome(count, 1))
    // Client 0 came first and went first.
    #expect(history.past(of: 1, by: client(0)) == .forgotten)
    #expect(history.past(of: 2, by: client(0)) == .forgotten)
    #expect(history.past(of: 2, by: client(1)) == .unseen)
    #expect(history.past(of: 1, by: client(1)) == .forgotten)
    #expect(history.past(of: 1, by: client(count)).existed == false)
  }

  @Test("a client that was forgotten is not known again by an older write that is dropped later")
  func outOfOrder() {
    var bounds = HistoryBounds()
    (bounds.outcomes, bounds.clients) = (1, 1)
    var history = WriteHistory(bounds)
    for (number, write) in [(1, 7), (2, 1), (2, 2), (1, 6), (2, 3)] {
      history.complete(outcome(number, write))
    }
    #expect(history.past(of: 7, by: client(1)) == .forgotten)
  }

  @Test("what a database has kept is taken over")
  func loaded() {
    let history = WriteHistory(
      HistoryBounds(),
      PastWrites(
        outcomes: [outcome(1, 4, existed: true)],
        gaps: (0...HistoryBounds().clients).map { .writes(client($0), through: 2) }))
    #expect(history.past(of: 4, by: client(1)).existed == true)
    #expect(history.past(of: 2, by: client(HistoryBounds().clients)) == .forgotten)
    // It had more clients than are remembered here.
    #expect(history.past(of: 1, by: client(9_999_999)) == .forgotten)
  }

  @Test(
    "it is a dictionary of all that it has room for, and what it dropped is never unseen", arguments: 1...6)
  func model(seed: UInt64) {
    var random = SplitMix(seed: seed)
    var bounds = HistoryBounds()
    // With room for all, and for hardly any.
    (bounds.outcomes, bounds.clients) = seed > 3 ? (Int(seed), 3) : (4_000, 100)
    var history = WriteHistory(bounds)
    var model: [ClientIncarnation: [UInt64: WriteHistory.Past]] = [:]
    var underWay: [(record: LogRecord, sequence: UInt64)] = []
    var sequence: UInt64 = 0
    for _ in 0..<4_000 {
      let client = ClientIncarnation(
        high: UInt64(random.next(in: 1...3)), low: UInt64(random.next(in: 1...4)))
      if random.next(in: 0...1) == 0, !underWay.isEmpty {
        let (record, number) = underWay.removeFirst()
        record.withView { history.complete($0, sequence: number) }
        model[record.client]?[record.write] = .done(record.outcome, sequence: number)
      } else {
        // Mostly upwards, as clients do.
        let highest = model[client]?.keys.max() ?? 0
        let write = random.next(in: 0...4) == 0 ? UInt64(random.next(in: 1...900)) : highest + 1
        if model[client]?[write] != nil { continue }
        sequence += 1
        let record = LogRecord(
          key: [1], change: .delete, client: client, write: write,
          outcome: .written(existed: [nil, false, true][Int(random.next(in: 0...2))]), digest: nil)
        history.begin(record, sequence: sequence)
        model[client, default: [:]][write] = .pending(sequence)
        underWay.append((record, sequence))
      }
      let write = UInt64(random.next(in: 1...900))
      let (past, known) = (history.past(of: write, by: client), model[client]?[write] ?? .unseen)
      let isRight = seed <= 3 ? past == known : past == known || past == .forgotten
      if !isRight {
        Issue.record("seed \(seed), write \(write) of \(client): \(past) instead of \(known)")
        return
      }
    }
    let completed = history.past.outcomes
    #expect(completed.map(\.sequence) == completed.map(\.sequence).sorted())
    #expect(
      seed <= 3 ? completed.count == Int(sequence) - underWay.count : completed.count == bounds.outcomes)
  }

  // MARK: Principals

  private func outcome(of mark: UInt64, _ life: UInt64, _ write: UInt64) -> WriteOutcome {
    numbers.last += 1
    return WriteOutcome(
      client: ClientIncarnation(high: mark, low: life), write: write, sequence: numbers.last,
      outcome: .written(existed: true))
  }

  @Test(
    "one principal's writes and lives, however many, make nothing of another's unknown, here and in a copy")
  func shares() {
    let bounds = HistoryBounds()
    var history = WriteHistory(bounds)
    // More than are kept as outcomes, so that some of these are known as dropped.
    for write in 1...UInt64(bounds.outcomes + 50) { history.complete(outcome(of: 1, 1, write)) }
    for write in 1...UInt64(40) { history.complete(outcome(of: 2, 1, write)) }
    for life in 1...UInt64(3 * bounds.clients) { history.complete(outcome(of: 3, life, 1)) }
    let copy = WriteHistory(bounds, history.past)
    for history in [history, copy] {
      let (first, second) = (ClientIncarnation(high: 1, low: 1), ClientIncarnation(high: 2, low: 1))
      for write in 1...UInt64(40) { #expect(history.past(of: write, by: second).existed == true) }
      #expect(history.past(of: 41, by: second) == .unseen)
      #expect(history.past(of: 1, by: ClientIncarnation(high: 2, low: 2)) == .unseen)
      #expect(history.past(of: 1, by: first) == .forgotten)
      #expect(history.past(of: UInt64(bounds.outcomes + 50), by: first).existed == true, "its share")
      #expect(history.past(of: UInt64(bounds.outcomes + 51), by: first) == .unseen)
      #expect(history.past(of: 1, by: ClientIncarnation(high: 3, low: 1)) == .forgotten)
      #expect(
        history.past(of: 9, by: ClientIncarnation(high: 3, low: .max)) == .forgotten, "it may be one of those"
      )
      #expect(!history.past.gaps.contains(.anybody))
    }
  }

  @Test("of principals beyond all bounds too nothing is ever called unseen that was seen")
  func manyPrincipals() {
    var bounds = HistoryBounds()
    (bounds.outcomes, bounds.clients) = (2, 2)
    var history = WriteHistory(bounds)
    let all = (1...UInt64(40)).map { outcome(of: $0, 1, 1) }
    for outcome in all { history.complete(outcome) }
    #expect(all.allSatisfy { history.past(of: 1, by: $0.client) != .unseen })
    #expect(history.past.gaps.contains(.anybody))
  }

  @Test("a number that was another write's is found out, under way, done and in a copy")
  func reused() {
    let record = LogRecord(
      key: [1], change: .delete, client: client(1), write: 5, outcome: .written(existed: false), digest: 77)
    var history = WriteHistory()
    history.begin(record, sequence: 1)
    #expect(history.past(of: 5, by: client(1), 77) == .pending(1))
    #expect(history.past(of: 5, by: client(1), 78) == .reused)
    history.complete(WriteOutcome(record, sequence: 1))
    let copy = WriteHistory(past: history.past.outcomes)
    for history in [history, copy] {
      #expect(history.past(of: 5, by: client(1), 77).existed == false)
      #expect(history.past(of: 5, by: client(1), 78) == .reused)
      #expect(history.past(of: 5, by: client(1)).existed == false)
    }
    // What a file of before there were digests tells.
    let old = WriteHistory(past: [outcome(1, 5)])
    #expect(old.past(of: 5, by: client(1), 78).existed == false)
  }
}

extension WriteHistory {
  fileprivate init(past outcomes: [WriteOutcome]) {
    self.init(HistoryBounds(), PastWrites(outcomes: outcomes))
  }
}

extension WriteHistory.Past {
  /// Of a write that is done.
  fileprivate var existed: Bool? {
    if case .done(.written(let existed), _) = self { existed } else { nil }
  }
}
