import Cluster
import GRDB

extension DatabaseStore {
  /// A part of the contents of opened partitions, as `contents` hands them out.
  public enum Part: Sendable {
    /// Entries of one partition, in order of place: of their keys' hashes.
    case entries(Partition, [StoredEntry])
    /// That was all of this partition.
    case end(PartitionTail)
  }

  /// What a chunk of entries holds at most, unless one entry alone is larger: bytes.
  public static let chunkLength = 256 << 10

  /// Reads opened partitions, one after the other, in one snapshot of images and unfolded log.
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

  /// Merges the images with the later changes of the log; both are in order of place.
  private static func merge(
    _ partition: Partition, _ changes: [KeyChange], _ database: Database, _ receive: (Part) -> Bool
  ) throws {
    try OldTables.requireNone(of: partition, database)
    var chunk = EntryChunk(partition: partition)
    var pending = changes[...]
    try ImageTable.forEachEntry(of: partition, database) { entry in
      while let first = pending.first, !entry.precedes(first.place) {
        pending.removeFirst()
        try chunk.add(first, receive)
        if entry.isAt(first.place) { return }
      }
      try chunk.add(entry.stored, receive)
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

  mutating func add(_ change: KeyChange, _ receive: (DatabaseStore.Part) -> Bool) throws(StoreError) {
    guard let value = change.value else { return }
    try add(StoredEntry(key: change.place.key, value: value, version: change.version), receive)
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

/// What the log holds of some partitions beyond their images. The backlog's bounds are its bounds.
private struct UnfoldedLog {
  private var changes: [Partition: [KeyChange]] = [:]
  private var outcomes: [Partition: [WriteOutcome]] = [:]

  init(of wanted: PartitionSet, _ database: Database) throws {
    var folded: [Partition: UInt64] = [:]
    for partition in wanted { folded[partition] = try ImageTable.folded(of: partition, database) }
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
        let through = folded[batch.partition] ?? 0
        batch.forEachChange { record, version in
          guard version.sequence > through else { return }
          if let change = KeyChange(record, version) { changes[batch.partition, default: []].append(change) }
          outcomes[batch.partition, default: []].append(WriteOutcome(record, version))
        }
      }
    }
  }

  /// The last change of each key, in order of place.
  mutating func take(_ partition: Partition) -> [KeyChange] {
    KeyChange.last(of: changes.removeValue(forKey: partition) ?? [])
  }

  /// In order of sequence.
  mutating func takeOutcomes(_ partition: Partition) -> [WriteOutcome] {
    (outcomes.removeValue(forKey: partition) ?? []).sorted { $0.sequence < $1.sequence }
  }
}

/// A row of the log that nobody wrote so.
private enum CBORDamage: Error, CustomStringConvertible {
  case partitionSet
  var description: String { "a row of the log has a malformed set of partitions" }
}
