import Cluster
import StoreRules
import Testing
import Wire

@testable import Storage

@Suite("Contents and folding")
struct ContentsTests {
  let fixture: StoreFixture
  let store: SQLiteStore
  let opened = opening([partition(1)])

  init() throws {
    fixture = try StoreFixture()
    store = try fixture.store()
    _ = try store.raiseTerm(to: Term(1))
    _ = try store.open(opening([partition(1), partition(2)]))
  }

  @Test("images and log read as one, in order of place; the later change wins and deletes vanish")
  func merged() throws {
    _ = try store.append(batch(1, from: 1, [put("b", "1"), put("d", "1"), put("f", "1"), put("", "1")]))
    try store.foldAll()
    #expect(store.backlog.isEmpty && store.backlog.records == 0 && store.backlog.bytes == 0)
    _ = try store.append(
      batch(
        1, from: 5, [put("a", "2"), put("d", "2"), delete("f"), put("g", "2"), delete("g"), put("h", "2")]))
    _ = try store.append(batch(2, from: 1, [put("b", "other")]))
    let expected = ["=1", "a=2", "b=1", "d=2", "h=2"]
    #expect(try store.texts(opened) == expected)
    let before = try store.everything(opened)
    try store.foldAll()
    let after = try store.everything(opened)
    #expect(before.chunks == after.chunks)
    #expect(before.tails == after.tails)
    #expect(try store.entries(opened).map(\.version.sequence) == [4, 5, 1, 6, 10])
    let places = after.chunks.flatMap { $0 }.map { KeyPlace($0.key) }
    #expect(places == places.sorted())
  }

  @Test("keys and values come back byte for byte, the longest too")
  func bytes() throws {
    let longKey = [UInt8](repeating: 0xff, count: Limits.maximumKeyLength)
    let longValue = (0..<Limits.maximumValueLength).map { UInt8(truncatingIfNeeded: $0) }
    let records = [put([], []), put([0], [0, 255]), put([0, 0], [1]), put(longKey, longValue)]
    _ = try store.append(batch(1, from: 1, records))
    for _ in 0..<2 {
      let entries = try store.entries(opened)
      #expect(entries.map(\.key) == [[], [0], [0, 0], longKey])
      #expect(entries.map(\.value) == [[], [0, 255], [1], longValue])
      try store.foldAll()
    }
  }

  @Test("a chunk has at most 64 KiB, unless one entry alone is larger, and always fits a record")
  func chunks() throws {
    var records = (0..<600).map {
      put("k\($0 + 1000)", String(repeating: "v", count: 1000), write: UInt64($0))
    }
    records.insert(put([UInt8]("k1300+".utf8), .init(repeating: 1, count: Limits.maximumValueLength)), at: 0)
    for (index, record) in records.enumerated() {
      _ = try store.append(batch(1, from: UInt64(index) + 1, [record]))
      if index == 250 { try store.foldAll() }
    }
    let chunks = try store.everything(opened).chunks
    #expect(chunks.count > 10)
    #expect(chunks.flatMap { $0 }.count == 601)
    for chunk in chunks {
      #expect(chunk.count == 1 || chunk.map(\.approximateLength).reduce(0, +) <= StoreRules.chunkLength)
      let answer = StoreAnswer.contents(number: .max, partition: partition(1), entries: StoredEntries(chunk))
      #expect(answer.encoded().count <= Limits.maximumPlaintextLength)
    }
  }

  @Test("several partitions come one after the other, each with its own end")
  func several() throws {
    _ = try store.append(batch(2, from: 1, [put("x", "2")]), batch(1, from: 1, [put("x", "1")]))
    let both = opening([partition(1), partition(2)])
    #expect(try store.texts(both) == ["x=1", "x=2"])
    #expect(try store.everything(both).tails.map(\.partition) == [partition(1), partition(2)])
    #expect(try store.everything(both).tails.map(\.sequence) == [1, 1])
  }

  @Test("who has been fenced off reads nothing")
  func fenced() throws {
    _ = try store.open(opening([partition(1)], holder: secondDrone, token: token(1, 2)))
    #expect(throws: StoreError.fenced(partition(1), by: token(1, 2))) { try store.everything(opened) }
    #expect(throws: StoreError.fenced(partition(7), by: .none)) {
      try store.everything(opening([partition(7)]))
    }
  }

  @Test("a receiver that wants no more ends the reading")
  func cancelled() throws {
    _ = try store.append(batch(1, from: 1, [put("a", "1")]))
    #expect(throws: StoreError.cancelled) {
      try store.contents(of: opened) { _ in false }
    }
    #expect(try store.texts(opened) == ["a=1"])
  }

  @Test(
    "1,024 outcomes are kept, folded or not, of each principal some; of older ones each client's highest number"
  )
  func outcomes() throws {
    let other = ClientIncarnation(high: .max, low: 7)
    let early = LogRecord(
      key: [1], change: .delete, client: other, write: .max, outcome: .written(existed: true))
    _ = try store.append(batch(1, from: 1, [early]))
    for index in 0..<3 {
      let start = UInt64(index) * 500 + 2
      _ = try store.append(
        batch(1, from: start, (0..<500).map { put([UInt8($0 & 7)], [1], write: start + $0, existed: $0 > 7) })
      )
      if index == 1 { try store.fold(records: 1) }
    }
    var tails: [PartitionTail] = []
    for _ in 0..<2 {
      tails += try store.everything(opened).tails
      try store.foldAll()
    }
    tails += try store.everything(opened).tails
    for tail in tails {
      #expect(tail.sequence == 1501)
      #expect(tail.past.outcomes.count == 1024)
      #expect(tail.past.outcomes.map(\.sequence) == [1] + Array(479...1501))
      #expect(tail.past.outcomes.dropFirst().allSatisfy { $0.write == $0.sequence })
      #expect(tail.past.gaps == [.writes(client, through: 478)])
    }
  }

  @Test("one principal's writes, however many lives it draws, make no other's outcome or client unknown")
  func shares() throws {
    func record(_ mark: UInt64, _ life: UInt64, write: UInt64) -> LogRecord {
      LogRecord(
        key: [1], change: .delete, client: .init(high: mark, low: life), write: write,
        outcome: .written(existed: false))
    }
    var sequence: UInt64 = 1
    func append(_ records: [LogRecord]) throws {
      _ = try store.append(batch(1, from: sequence, records))
      sequence += UInt64(records.count)
      try store.foldAll()
    }
    // Two kinds of others: one whose outcomes are kept, and one of whose dropped writes the highest is.
    try append((1...600).map { record(1, 1, write: $0) })
    try append((1...20).map { record(2, 1, write: $0) })
    for round in 0..<UInt64(10) { try append((1...1024).map { record(3, round * 1024 + $0, write: 1) }) }
    let tail = try #require(try store.everything(opened).tails.first)
    #expect(tail.past.outcomes.filter { $0.client.high == 2 }.map(\.write) == Array(1...20))
    #expect(tail.past.outcomes.contains { $0.client.high == 1 && $0.write == 600 })
    #expect(
      tail.past.gaps.contains { gap in
        guard case .writes(.init(high: 1, low: 1), let through) = gap else { return false }
        return through < 600
      })
    #expect(tail.past.gaps.contains(.clients(of: 3)))
    #expect(!tail.past.gaps.contains { [.anybody, .clients(of: 1), .clients(of: 2)].contains($0) })
  }

  @Test(
    "clients beyond the limit are forgotten, those whose writes are the longest ago first, and that is remembered"
  )
  func manyClients() throws {
    let count = UInt64(OutcomeKeeping().maximumClients + OutcomeKeeping().kept + 100)
    for start in stride(from: 1, through: count, by: 1024) {
      let records = (start...min(count, start + 1023)).map {
        LogRecord(
          key: [1], change: .delete, client: .init(high: 1, low: $0), write: 1,
          outcome: .written(existed: false))
      }
      _ = try store.append(batch(1, from: start, records))
    }
    let others = HistoryGap.clients(of: 1)
    let before = try #require(try store.everything(opened).tails.first)
    try store.foldAll()
    let tail = try #require(try store.everything(opened).tails.first)
    #expect(before.past.outcomes == tail.past.outcomes)
    #expect(before.past.gaps.first == others && tail.past.gaps.first == others)
    #expect(before.past.gaps.count == OutcomeKeeping().maximumClients + 1)
    #expect(before.past.gaps.dropFirst().first == .writes(.init(high: 1, low: 101), through: 1))
    #expect(tail.past.gaps.count <= OutcomeKeeping().maximumClients + 1)
    #expect(tail.past.gaps.count > OutcomeKeeping().maximumClients * 3 / 4)
    #expect(tail.past.gaps.dropFirst().elementsEqual(before.past.gaps.suffix(tail.past.gaps.count - 1)))
    // One that comes back may have made any write.
    _ = try store.append(
      batch(
        1, from: count + 1,
        [
          LogRecord(
            key: [1], change: .delete, client: .init(high: 1, low: 1), write: 2,
            outcome: .written(existed: false))
        ]
          + (1...1024).map {
            LogRecord(
              key: [1], change: .delete, client: .init(high: 1, low: .max), write: $0,
              outcome: .written(existed: false))
          }))
    for _ in 0..<2 {
      let again = try #require(try store.everything(opened).tails.first)
      #expect(again.past.gaps.contains(.writes(.init(high: 1, low: 1), through: .max)))
      try store.foldAll()
    }
    let answer = StoreAnswer.opened(
      number: .max, partition: tail.partition, sequence: tail.sequence, past: tail.past)
    #expect(answer.encoded().count <= Limits.maximumPlaintextLength)
  }

  @Test("a fold takes a bounded stretch of the log, and leaves the rest")
  func bounded() throws {
    for index in 1...5 { _ = try store.append(batch(1, from: UInt64(index), [put("k\(index)", "v")])) }
    #expect(store.backlog.rows == 5)
    #expect(try store.fold(records: 2).rows == 3)
    #expect(try store.fold(bytes: 1).rows == 2)
    let measured = try store.reading { try $1.backlog() }
    #expect(measured == store.backlog)
    #expect(try store.texts(opened) == ["k1=v", "k2=v", "k3=v", "k4=v", "k5=v"])
  }
}
