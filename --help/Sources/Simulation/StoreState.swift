import Cluster
import StoreRules

/// What a database has stored: rows in memory, and a value, so that a crash can take it back to what was synced.
struct StoreState {
  struct WriteName: Hashable {
    let client: ClientIncarnation
    let write: UInt64
  }

  /// The rows of a partition's keyed table, and of what is remembered of its writes.
  private struct Partitioned {
    /// In order of their first places.
    var images: [StoredImage] = []
    var folded: UInt64 = 0
    /// In order of their ends.
    var outcomes: [(last: UInt64, run: [UInt8])] = []
    var forgotten: [UInt8]?
  }

  var identity = StoreIdentity(high: 1, low: 1)
  /// How many transactions have changed it.
  private(set) var commit: UInt64 = 0
  private var storedTerm = Term.none
  private(set) var keys: [StoredSealingKey] = []
  private var fences = [PartitionFence?](repeating: nil, count: Partition.count)
  private var heads = [[UInt64]?](
    repeating: nil, count: Partition.count / FenceTable.partitionsOfHead)
  private var log: [(row: StoredLogRow, partitions: PartitionSet)] = []
  private var lastRow: Int64 = 0
  private var partitioned: [Partition: Partitioned] = [:]
  private(set) var changeCount = 0
  /// Every write that was ever appended.
  private(set) var written: Set<WriteName> = []
  /// Of them those that were appended twice, for the watch.
  private(set) var repeated: [(record: LogRecord, partition: Partition)] = []

  /// As it counts: its row, and how far the partition is written.
  func standing(of partition: Partition) -> PartitionFence? {
    guard var fence = fences[partition.index] else { return nil }
    let (row, place) = partition.index.quotientAndRemainder(dividingBy: FenceTable.partitionsOfHead)
    fence.sequence = max(fence.sequence, heads[row]?[place] ?? 0)
    return fence
  }

  func has(_ write: UInt64, of client: ClientIncarnation) -> Bool {
    written.contains(WriteName(client: client, write: write))
  }

  private mutating func change(_ partition: Partition, _ body: (inout Partitioned) -> Void) {
    body(&partitioned[partition, default: Partitioned()])
    changeCount += 1
  }
}

extension StoreState: StoreTransaction {
  func foreignChanges() -> Int { 0 }

  mutating func nested(_ body: (inout StoreState) throws -> Void) throws {
    let before = self
    do { try body(&self) } catch {
      self = before
      throw error
    }
  }

  // MARK: The store itself, and who commands

  func mark() -> StoreMark { StoreMark(identity: identity, commit: commit) }

  mutating func set(_ mark: StoreMark) {
    commit = mark.commit
    changeCount += 1
  }

  func backlog() -> StoreBacklog {
    var backlog = StoreBacklog(rows: log.count)
    for (row, _) in log {
      backlog.records += row.records
      backlog.bytes += row.batches.count
    }
    for rows in partitioned.values { backlog.table += rows.images.reduce(0) { $0 + $1.entries.count } }
    return backlog
  }

  func term() -> Term { storedTerm }

  mutating func set(_ term: Term) {
    storedTerm = term
    changeCount += 1
  }

  func sealingKey(of term: Term, identifier: UInt64) -> StoredSealingKey? {
    keys.first { $0.term == term && $0.key.identifier == identifier }
  }

  func sealingTerms() -> [Term] { keys.map(\.term) }

  mutating func insert(_ key: StoredSealingKey) {
    keys.append(key)
    changeCount += 1
  }

  mutating func deleteSealingKeys(of term: Term) {
    keys.removeAll { $0.term == term }
    changeCount += 1
  }

  // MARK: Who may write

  func fence(of partition: Partition) -> PartitionFence? { fences[partition.index] }

  mutating func set(_ fence: PartitionFence, of partition: Partition) {
    fences[partition.index] = fence
    changeCount += 1
  }

  func head(_ number: Int) -> [UInt64]? { heads[number] }

  mutating func setHead(_ number: Int, _ sequences: [UInt64]) {
    heads[number] = sequences
    changeCount += 1
  }

  // MARK: The log

  func forEachLogRow(
    behind number: Int64?, of wanted: PartitionSet, _ body: (StoredLogRow) throws -> Bool
  ) throws {
    for (row, partitions) in log where row.number > number ?? .min {
      guard !partitions.intersection(wanted).isEmpty else { continue }
      guard try body(row) else { return }
    }
  }

  func forEachLogLength(
    behind number: Int64?, through last: Int64, _ body: (Int64, StoreBacklog) throws -> Bool
  ) throws {
    for (row, _) in log where row.number > number ?? .min && row.number <= last {
      let length = StoreBacklog(rows: 1, records: row.records, bytes: row.batches.count)
      guard try body(row.number, length) else { return }
    }
  }

  mutating func append(_ row: LogRow) throws {
    lastRow += 1
    let stored = StoredLogRow(number: lastRow, records: row.recordCount, batches: row.batches)
    log.append((stored, row.partitions))
    changeCount += 1
    try LogRow.forEachBatch(in: stored.batches, of: .all) { batch in
      batch.forEachChange { record, _ in
        let name = WriteName(client: record.client, write: record.write)
        if !written.insert(name).inserted { repeated.append((record, batch.partition)) }
      }
    }
  }

  mutating func deleteLog(behind number: Int64?, through last: Int64) {
    log.removeAll { $0.row.number > number ?? .min && $0.row.number <= last }
    changeCount += 1
  }

  // MARK: The keyed table

  func folded(of partition: Partition) -> UInt64 { partitioned[partition]?.folded ?? 0 }

  mutating func setFolded(_ sequence: UInt64, of partition: Partition) {
    change(partition) { $0.folded = sequence }
  }

  func forEachImage(of partition: Partition, _ body: (StoredImage) throws -> Void) throws {
    for image in partitioned[partition]?.images ?? [] { try body(image) }
  }

  func image(at place: KeyPlace, of partition: Partition) -> StoredImage? {
    partitioned[partition]?.images.last { !place.bytes.lexicographicallyPrecedes($0.first) }
  }

  func firstImage(of partition: Partition) -> StoredImage? { partitioned[partition]?.images.first }

  func placeOfImage(behind first: [UInt8], of partition: Partition) -> [UInt8]? {
    partitioned[partition]?.images.first { first.lexicographicallyPrecedes($0.first) }?.first
  }

  mutating func insert(_ image: NewImage, generation: UInt64, of partition: Partition) {
    let stored = StoredImage(first: image.first, entries: Array(image.entries))
    change(partition) { rows in
      rows.images.removeAll { $0.first == stored.first }
      let place = rows.images.firstIndex { stored.first.lexicographicallyPrecedes($0.first) }
      rows.images.insert(stored, at: place ?? rows.images.endIndex)
    }
  }

  mutating func deleteImage(from first: [UInt8], of partition: Partition) {
    change(partition) { $0.images.removeAll { $0.first == first } }
  }

  // MARK: What is remembered of writes

  func outcomeRuns(of partition: Partition, through last: UInt64) -> [[UInt8]] {
    (partitioned[partition]?.outcomes ?? []).filter { $0.last <= last }.map(\.run)
  }

  mutating func insertOutcomes(_ run: [UInt8], last: UInt64, of partition: Partition) {
    change(partition) { rows in
      rows.outcomes.removeAll { $0.last == last }
      rows.outcomes.append((last, run))
      rows.outcomes.sort { $0.last < $1.last }
    }
  }

  mutating func deleteOutcomes(of partition: Partition, through last: UInt64) {
    change(partition) { $0.outcomes.removeAll { $0.last <= last } }
  }

  func forgottenClients(of partition: Partition) -> [UInt8]? { partitioned[partition]?.forgotten }

  mutating func setForgottenClients(_ clients: [UInt8], of partition: Partition) {
    change(partition) { $0.forgotten = clients }
  }
}

extension StoreJob {
  /// Records that it carries.
  var recordCount: Int64 {
    guard case .append(let groups) = self else { return 0 }
    return groups.reduce(0) { $1.batches.reduce($0) { $0 + Int64($1.records.count) } }
  }
}
