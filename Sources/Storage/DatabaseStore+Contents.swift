import Cluster
import GRDB

extension DatabaseStore {
  /// A part of the contents of opened partitions, as `contents` hands them out.
  public enum Part: Sendable {
    /// Entries of one partition, in order of key.
    case entries(Partition, [StoredEntry])
    /// That was all of this partition.
    case end(PartitionTail)
  }

  /// What a chunk of entries holds at most, unless one entry alone is larger: bytes.
  public static let chunkLength = 256 << 10

  /// Reads opened partitions, one after the other, in one snapshot of keyed table and unfolded log.
  ///
  /// - Parameters:
  ///   - opening: as it was opened; a partition that has been opened by another since ends the reading.
  ///   - receive: called on this thread; answers whether it wants more. It may block, for as long as the
  ///     snapshot may be kept: until then SQLite's write-ahead log grows.
  /// - Throws: `fenced`; `cancelled` when `receive` wants no more; `damaged`, `failed`.
  public func contents(
    of opening: PartitionOpening, receive: (Part) -> Bool
  ) throws(StoreError) {
    let partitions = opening.partitions
    try reading { database in
      var fences: [PartitionFence] = []
      var table = FenceTable()
      for partition in partitions {
        guard let fence = try table.fence(of: partition, database) else {
          throw StoreError.fenced(partition, by: .none)
        }
        guard fence.token == opening.token, fence.holder == opening.holder,
          fence.incarnation == opening.incarnation
        else { throw StoreError.fenced(partition, by: fence.token) }
        fences.append(fence)
      }
      var unfolded = try UnfoldedLog(of: partitions, database)
      for (partition, fence) in zip(partitions, fences) {
        try Self.merge(partition, unfolded.take(partition), database, receive)
        let tail = try Self.tail(
          of: partition, fence, unfolded.takeOutcomes(partition), database)
        guard receive(.end(tail)) else { throw StoreError.cancelled }
      }
    }
  }

  /// Merges the keyed table with the later changes of the log; both are in order of key.
  private static func merge(
    _ partition: Partition, _ changes: [(key: [UInt8], change: LogChange)], _ database: Database,
    _ receive: (Part) -> Bool
  ) throws {
    var chunk = EntryChunk(partition: partition)
    var pending = changes[...]
    let rows = try Row.fetchCursor(
      try database.cachedStatement(
        sql: "SELECT key, value, term, counter, sequence, \(StoreTable.entries.isWhole) FROM entries "
          + "WHERE partition = ? ORDER BY key"),
      arguments: [partition.number])
    while let row = try rows.next() {
      try StoreTable.entries.check(row, 5, partition: Int64(partition.number))
      let key = [UInt8](row[0] as Blob)
      while let first = pending.first, first.key.lexicographicallyPrecedes(key) {
        try chunk.add(pending.removeFirst(), receive)
      }
      if let first = pending.first, first.key == key {
        try chunk.add(pending.removeFirst(), receive)
      } else {
        let fence = FencingToken(term: Term(UInt64(stored: row[2])), counter: UInt64(stored: row[3]))
        let version = Version(fence: fence, sequence: UInt64(stored: row[4]))
        try chunk.add(StoredEntry(key: key, value: [UInt8](row[1] as Blob), version: version), receive)
      }
    }
    for change in pending { try chunk.add(change, receive) }
    try chunk.flush(receive)
  }

  private static func tail(
    of partition: Partition, _ fence: PartitionFence, _ unfolded: [WriteOutcome], _ database: Database
  ) throws -> PartitionTail {
    let (outcomes, dropped) = FairShare.split(
      try OutcomeTable.stored(partition, database) + unfolded, among: \.client.principalMark,
      limit: OutcomeTable.kept)
    var forgotten = try OutcomeTable.forgotten(of: partition, database)
    for outcome in dropped { forgotten.add(outcome) }
    forgotten.keep(OutcomeTable.maximumClients)
    return PartitionTail(
      partition: partition, sequence: fence.sequence, inSync: fence.inSync,
      outcomes: outcomes,
      forgotten: forgotten.inOrder.map { ForgottenWrites(client: $0.client, write: $0.write) })
  }
}

/// Entries gathered until they are worth a message.
private struct EntryChunk {
  let partition: Partition
  private var entries: [StoredEntry] = []
  private var length = 0

  init(partition: Partition) { self.partition = partition }

  mutating func add(
    _ change: (key: [UInt8], change: LogChange), _ receive: (DatabaseStore.Part) -> Bool
  ) throws(StoreError) {
    guard case .put(let value) = change.change.change else { return }
    try add(StoredEntry(key: change.key, value: value, version: change.change.version), receive)
  }

  mutating func add(
    _ entry: StoredEntry, _ receive: (DatabaseStore.Part) -> Bool
  ) throws(StoreError) {
    if length + entry.approximateLength > DatabaseStore.chunkLength { try flush(receive) }
    entries.append(entry)
    length += entry.approximateLength
  }

  mutating func flush(_ receive: (DatabaseStore.Part) -> Bool) throws(StoreError) {
    guard !entries.isEmpty else { return }
    guard receive(.entries(partition, entries)) else { throw .cancelled }
    entries.removeAll(keepingCapacity: true)
    length = 0
  }
}

/// What the log holds of some partitions beyond the keyed table. The backlog's bounds are its bounds.
private struct UnfoldedLog {
  private var changes: [Partition: [[UInt8]: LogChange]] = [:]
  private var outcomes: [Partition: [WriteOutcome]] = [:]

  init(of wanted: PartitionSet, _ database: Database) throws {
    let rows = try Row.fetchCursor(
      database, sql: "SELECT partitions, batches, \(StoreTable.log.isWhole) FROM log ORDER BY number")
    while let row = try rows.next() {
      try StoreTable.log.check(row, 2)
      let bits: Blob = row[0]
      guard let set = bits.withUnsafeBytes({ PartitionSet(bytes: $0) }) else {
        throw CBORDamage.partitionSet
      }
      guard !set.intersection(wanted).isEmpty else { continue }
      try LogRow.forEachBatch(in: row[1], of: wanted) { batch in
        batch.forEachChange { record, version in
          if let change = LogChange(record, version) {
            changes[batch.partition, default: [:]][record.key] = change
          }
          outcomes[batch.partition, default: []].append(WriteOutcome(record, version))
        }
      }
    }
  }

  /// The last change of each key, in order of key.
  mutating func take(_ partition: Partition) -> [(key: [UInt8], change: LogChange)] {
    (changes.removeValue(forKey: partition) ?? [:])
      .map { (key: $0.key, change: $0.value) }
      .sorted { $0.key.lexicographicallyPrecedes($1.key) }
  }

  /// In order of sequence.
  mutating func takeOutcomes(_ partition: Partition) -> [WriteOutcome] {
    outcomes.removeValue(forKey: partition) ?? []
  }
}

/// A row of the log that nobody wrote so.
private enum CBORDamage: Error, CustomStringConvertible {
  case partitionSet
  var description: String { "a row of the log has a malformed set of partitions" }
}
