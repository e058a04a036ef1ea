import Cluster

/// Why contents were not read to their end, though nothing is wrong with the store.
package enum ReadingEnd: Error, Hashable {
  /// The partition went to another token.
  case fenced(Partition, by: FencingToken)
  /// The receiver wants no more.
  case cancelled
}

extension StoreRules {
  /// What a chunk of entries holds at most, unless one entry alone is larger: bytes. A longer one would be no longer in the
  /// processor's cache when its receiver reads it, and takes buffers that are too long to be kept.
  package static let chunkLength = 64 << 10

  /// Reads opened partitions, one after the other, in one snapshot of images and unfolded log.
  ///
  /// - Parameters:
  ///   - opening: as it was opened; a partition that has been opened by another since ends the reading.
  ///   - receive: called on this thread; answers whether it wants more.
  /// - Throws: `ReadingEnd`, and what the rows throw.
  package func contents(
    of opening: PartitionOpening, _ rows: some StoreSnapshot, receive: (StorePart) -> Bool
  ) throws {
    var fences: [PartitionFence] = []
    var table = FenceTable()
    for partition in opening.partitions {
      guard let fence = try table.fence(of: partition, rows) else {
        throw ReadingEnd.fenced(partition, by: .none)
      }
      guard fence.token == opening.token, fence.holder == opening.holder,
        fence.incarnation == opening.incarnation
      else { throw ReadingEnd.fenced(partition, by: fence.token) }
      fences.append(fence)
    }
    var unfolded = try UnfoldedLog(of: opening.partitions, rows)
    for (partition, fence) in zip(opening.partitions, fences) {
      try merge(partition, unfolded.take(partition), rows, receive)
      let past = try outcomes.past(of: partition, unfolded.takeOutcomes(partition), rows)
      let tail = PartitionTail(
        partition: partition, sequence: fence.sequence, inSync: fence.inSync, past: past)
      guard receive(.end(tail)) else { throw ReadingEnd.cancelled }
    }
  }

  /// Merges the images with the later changes of the log; both are in order of place.
  private func merge(
    _ partition: Partition, _ changes: [KeyChange], _ rows: some StoreSnapshot,
    _ receive: (StorePart) -> Bool
  ) throws {
    try rows.requireReadable(partition)
    var chunk = EntryChunk(partition: partition)
    var pending = changes[...]
    try rows.forEachImage(of: partition) { image in
      try image.forEachEntry(of: partition) { entry in
        while let first = pending.first, !entry.precedes(first.place) {
          pending.removeFirst()
          try chunk.add(first, receive)
          if entry.isAt(first.place) { return }
        }
        try chunk.add(entry.view, receive)
      }
    }
    for change in pending { try chunk.add(change, receive) }
    try chunk.flush(receive)
  }
}

/// Entries gathered until they are worth a message.
private struct EntryChunk {
  let partition: Partition
  private var entries = StoredEntriesWriter()

  init(partition: Partition) { self.partition = partition }

  mutating func add(_ change: KeyChange, _ receive: (StorePart) -> Bool) throws(ReadingEnd) {
    guard let value = change.value else { return }
    let entry = StoredEntry(key: change.place.key, value: value, version: change.version)
    let isOver = entry.withView { !add($0, receive) }
    if isOver { throw .cancelled }
  }

  mutating func add(_ entry: StoredEntryView, _ receive: (StorePart) -> Bool) throws(ReadingEnd) {
    if !add(entry, receive) { throw .cancelled }
  }

  /// - Returns: whether more is wanted.
  private mutating func add(_ entry: StoredEntryView, _ receive: (StorePart) -> Bool) -> Bool {
    let isFull = entries.approximateLength + entry.approximateLength > StoreRules.chunkLength
    guard !isFull || entries.isEmpty || receive(.entries(partition, entries.take())) else { return false }
    entries.add(entry)
    return true
  }

  mutating func flush(_ receive: (StorePart) -> Bool) throws(ReadingEnd) {
    guard !entries.isEmpty else { return }
    guard receive(.entries(partition, entries.take())) else { throw .cancelled }
  }
}

/// What the log holds of some partitions beyond their images. The backlog's bounds are its bounds.
private struct UnfoldedLog {
  private var changes: [Partition: [KeyChange]] = [:]
  private var outcomes: [Partition: [WriteOutcome]] = [:]

  init(of wanted: PartitionSet, _ rows: some StoreSnapshot) throws {
    var folded: [Partition: UInt64] = [:]
    for partition in wanted { folded[partition] = try rows.folded(of: partition) }
    try rows.forEachLogRow(behind: nil, of: wanted) { row in
      try row.forEachBatch(of: wanted) { batch in
        let through = folded[batch.partition] ?? 0
        batch.forEachChange { record, version in
          guard version.sequence > through else { return }
          if let change = KeyChange(record, version) { changes[batch.partition, default: []].append(change) }
          outcomes[batch.partition, default: []].append(WriteOutcome(record, version))
        }
      }
      return true
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
