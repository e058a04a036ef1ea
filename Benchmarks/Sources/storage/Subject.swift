import Cluster
import Glibc
import Storage

/// A store, and one drone that owns all of it.
struct Subject {
  let store: SQLiteStore
  private let opening: PartitionOpening
  private let keys: UInt64
  private let valueLength: Int
  private let clients: UInt64
  private var sequences = [UInt64](repeating: 0, count: Partition.count)
  private var writes: UInt64 = 0

  init(directory: String, keys: UInt64, valueLength: Int, clients: UInt64) throws {
    store = try SQLiteStore(directory: directory, cluster: "benchmark")
    self.keys = keys
    self.valueLength = valueLength
    self.clients = max(1, clients)
    opening = PartitionOpening(
      holder: try Principal("keyval-drone/d1@KEYVAL.TEST"), incarnation: Incarnation(7),
      token: FencingToken(term: Term(1), counter: 1), partitions: .all)
    _ = try store.raiseTerm(to: Term(1))
    _ = try store.open(opening)
  }

  /// One group commit, and a fold when the log has grown long, as a database's core does it.
  mutating func write(_ numbers: some Sequence<UInt64>, _ long: Int, _ figures: inout Figures) throws {
    let group = group(numbers)
    try figures.append.measure { _ = try store.append([group]) }
    if store.backlog.records > long { try fold(&figures) }
  }

  func drain(_ figures: inout Figures) throws {
    while !store.backlog.isEmpty { try fold(&figures) }
  }

  private func fold(_ figures: inout Figures) throws {
    let start = Machine.now
    try figures.fold.measure { _ = try store.perform(.fold) }
    figures.folds += 1
    figures.longestFold = max(figures.longestFold, Machine.now - start)
  }

  private mutating func group(_ numbers: some Sequence<UInt64>) -> AppendGroup {
    var records: [Partition: [LogRecord]] = [:]
    for number in numbers {
      writes += 1
      // Spread over the partitions, and never the same for two numbers.
      let mixed = (number &+ 1) &* 0x9e37_79b9_7f4a_7c15
      let key = [UInt64(0), mixed].flatMap { word in
        (0..<8).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) }
      }
      let record = LogRecord(
        key: key,
        change: .put(value: [UInt8](repeating: UInt8(truncatingIfNeeded: writes), count: valueLength)),
        client: ClientIncarnation(
          high: 0x1234_5678_9abc_def0, low: writes % clients &+ 0x7fff_ffff_0000_0000),
        write: writes / clients, outcome: .written(existed: false), digest: UInt32(truncatingIfNeeded: mixed))
      records[Partition.all[Int(mixed >> 55)], default: []].append(record)
    }
    let batches = records.keys.sorted().map { partition in
      let batch = PartitionBatch(
        partition: partition, token: opening.token, incarnation: opening.incarnation,
        firstSequence: sequences[partition.index] + 1, records: records[partition] ?? [])
      sequences[partition.index] += UInt64(batch.records.count)
      return batch
    }
    return AppendGroup(holder: opening.holder, batches: batches)
  }

  /// A partition at a time, in sixteen openings of 32, as drones come for what they own.
  func load(_ name: String, _ expected: Int) throws {
    var cost = Cost()
    var count = 0
    let parts = stride(from: 0, to: Partition.count, by: 32).map { start in
      opening.restricted(to: PartitionSet(Partition.all[start..<start + 32]))
    }
    try cost.measure {
      for part in parts {
        try store.contents(of: part) { part in
          if case .entries(_, let entries) = part { count += entries.count }
          return true
        }
      }
    }
    guard count == expected else { return print("\(name): \(count) entries in place of \(expected)") }
    print("\(name): \(Int(Double(count) / cost.processor)) rows a second of CPU")
  }

  func scrub() throws {
    var cost = Cost()
    var rows = 0
    var isLast = false
    try cost.measure {
      while !isLast {
        let step = try store.scrub()
        rows += step.rows
        isLast = step.isLast
        for damage in step.damages { print(damage) }
      }
    }
    print("scrub: \(rows) rows in \(rounded(cost.processor * 1_000)) ms of CPU")
  }
}
