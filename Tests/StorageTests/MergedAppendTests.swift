import Cluster
import Drone
import StoreRules
import Testing
import Wire

@testable import Storage

@Suite("Appends of which overwritten records have only the outcome")
struct MergedAppendTests {
  private static let all: PartitionSet = [partition(0), partition(1), partition(2)]
  private static let now = Instant(milliseconds: 10_000)

  /// A data loop that owns some partitions, and the store that it appends to.
  private struct Side {
    var core = DataCore(incarnation: Incarnation(7))
    let fixture: StoreFixture
    let store: SQLiteStore
    /// What was appended, as it came.
    var records: [Partition: [(record: LogRecord, version: Version)]] = [:]
    private var answers = CBORWriter()

    init() throws {
      fixture = try StoreFixture()
      store = try fixture.store()
      _ = try store.raiseTerm(to: Term(1))
      _ = try store.open(opening(all))
      _ = core.beginOpening(all, token: token(1, 1), mode: .load)
      for partition in all {
        _ = core.finishLoading(partition, token: token(1, 1), sequence: 0, past: PastWrites())
      }
      core.serve(all, until: now + 1_000_000)
    }

    mutating func execute(_ write: Write) {
      core.beginBatch()
      write.withRequest { request in
        core.execute(
          LocatedRequest(.write(request), in: write.partition), client: client,
          replyTo: ReplyAddress(loop: 0, connection: 1, number: write.number), now: now, answers: &answers)
      }
    }

    /// - Parameters:
    ///   - arrives: whether it is stored.
    ///   - isAnswered: whether the loop hears of it.
    mutating func append(arrives: Bool = true, isAnswered: Bool = true) throws {
      let batches = core.takeAppend()
      guard !batches.isEmpty else { return }
      var results: [StoreAnswer.PartitionResult] = []
      if arrives {
        results = try store.append([AppendGroup(holder: firstDrone, batches: batches)]).flatMap { $0 }
        for batch in batches {
          var known = records[batch.partition] ?? []
          batch.forEachChange { if $1.sequence > UInt64(known.count) { known.append(($0, $1)) } }
          records[batch.partition] = known
        }
      }
      if arrives, isAnswered { _ = core.appended(results) } else { core.retryAppend() }
    }
  }

  private struct Write {
    let partition: Partition
    let number: UInt64
    let kind: WriteKind
    let level: AcknowledgementLevel
    let key: [UInt8]
    let expected: [UInt8]
    let value: [UInt8]

    init(_ number: UInt64, _ random: inout SplitMix) {
      partition = StorageTests.partition(Int(random.next(in: 0...2)))
      self.number = number
      kind =
        switch random.next(in: 0...9) {
        case 0: .delete
        case 1, 2: .compareAndPut
        default: .put
        }
      level = random.next(in: 0...7) == 0 ? .durable : .memory
      key = [UInt8(random.next(in: 0...3))]
      expected = [UInt8(random.next(in: 0...3))]
      value = [UInt8](repeating: UInt8(random.next(in: 0...3)), count: Int(random.next(in: 1...2)))
    }

    func withRequest(_ body: (WriteRequest) -> Void) {
      key.withUnsafeBytes { key in
        expected.withUnsafeBytes { expected in
          value.withUnsafeBytes { value in
            body(
              WriteRequest(
                kind, number: number, write: number, retry: false, level: level, key: key,
                expected: kind == .compareAndPut ? expected : nil, value: kind == .delete ? nil : value))
          }
        }
      }
    }
  }

  @Test(
    "after each of them the store has what it would have record by record: entries, versions and outcomes",
    arguments: 1...4)
  func alike(seed: UInt64) throws {
    var random = SplitMix(seed: seed)
    var merging = try Side()
    // Where each write is an append of its own, nothing is merged.
    var plain = try Side()
    for number: UInt64 in 1...600 {
      let write = Write(number, &random)
      merging.execute(write)
      plain.execute(write)
      try plain.append()
      switch random.next(in: 0...39) {
      case 0: try merging.append(arrives: false)
      case 1: try merging.append(isAnswered: false)
      case 2, 3: try merging.append()
      case 4: try merging.store.fold()
      default: continue
      }
      try compare(merging, plain)
    }
    try merging.append()
    try compare(merging, plain)
    #expect(merging.records.values.map(\.count).reduce(0, +) == 600)
    let merged = zip(changes(merging), changes(plain)).count { $0 != $1 && $0 == .nothing }
    #expect(merged > 40)
  }

  private func changes(_ side: Side) -> [LogRecord.Change] {
    Self.all.flatMap { side.records[$0, default: []].map(\.record.change) }
  }

  /// One store at its sequence numbers with what the other one was given up to these.
  private func compare(_ merging: Side, _ plain: Side) throws {
    for partition in Self.all {
      let found = try merging.store.everything(opening([partition]))
      let tail = try #require(found.tails.first)
      var model: [[UInt8]: StoredEntry] = [:]
      for (record, version) in plain.records[partition, default: []] where version.sequence <= tail.sequence {
        switch record.change {
        case .put(let value):
          model[record.key] = StoredEntry(key: record.key, value: value, version: version)
        case .delete: model[record.key] = nil
        case .nothing: break
        }
      }
      #expect(found.chunks.flatMap { $0 } == model.values.sorted { KeyPlace($0.key) < KeyPlace($1.key) })
      let outcomes = try plain.store.everything(opening([partition])).tails.first?.past.outcomes ?? []
      #expect(tail.past.outcomes == outcomes.filter { $0.sequence <= tail.sequence })
    }
  }

  @Test("a record is merged into a later one of its append, never beyond its end or where somebody waits")
  func rules() throws {
    func log(_ levels: [AcknowledgementLevel]) -> WriteLog {
      var log = WriteLog()
      for (index, level) in levels.enumerated() {
        put([1], [UInt8(index)], write: UInt64(index)).withView {
          log.append($0, WriteLog.Entry(level: level, since: nil))
        }
        log.note(UInt64(index), overwrittenBy: UInt64(index) + 1)
      }
      return log
    }
    func changes(_ log: WriteLog, after sequence: UInt64 = 0, records: Int = 9) -> [LogRecord.Change] {
      var room = records * (log.length / log.count)
      return log.merged(after: sequence, room: &room).map(\.change)
    }
    let memory = log([.memory, .memory, .memory])
    #expect(changes(memory) == [.nothing, .nothing, .put(value: [2])])
    #expect(changes(memory, records: 2) == [.nothing, .put(value: [1])])
    #expect(changes(memory, records: 1) == [.put(value: [0])])
    #expect(changes(memory, after: 2) == [.put(value: [2])])
    #expect(changes(log([.durable, .secured, .memory])) == [.put(value: [0]), .nothing, .put(value: [2])])
    var room = 1_000
    #expect(memory.records(after: 0, room: &room).map(\.change).last == .put(value: [2]))
    #expect(!memory.records(after: 0, room: &room).map(\.change).contains(.nothing), "shadows get all")
  }
}
