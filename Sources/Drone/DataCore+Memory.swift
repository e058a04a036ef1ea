import Cluster

/// What this loop holds, and whether there is room for more.
extension DataCore {
  /// Bytes that are counted: keys, values and what an entry takes besides, what is remembered of writes, and what waits
  /// for the database or a shadow; of what is served, is being loaded, or is kept as a copy.
  public var memory: Int { held + copyStore.held }

  /// How this loop's copies and shadows stand.
  public func replication(_ now: Instant) -> Replication {
    Replication(
      copies: copies, journaled: copyStore.journaled, shadowed: shadowed, behind: behind(now),
      backlog: backlog,
      memory: memoryUse, losses: losses)
  }

  /// How much the rest of the process has: the drone's other loops, and what is beyond all that is counted.
  public mutating func setMemory(elsewhere: Int) {
    gate.elsewhere = elsewhere
    gate.look(memory)
  }

  /// How the whole drone stands, as this loop knows it.
  var memoryUse: MemoryUse {
    MemoryUse(
      used: UInt64(clamping: gate.used(memory)), ceiling: UInt64(clamping: gate.ceiling),
      isFull: gate.isClosed)
  }

  /// For what a client puts. Whether it grows by it is not asked: a client that may not read would be told something of
  /// what is there.
  var hasRoomToPut: Bool {
    mutating get {
      gate.look(memory)
      return !gate.isClosed
    }
  }

  /// A delete takes room until the database has it, also one of nothing. Beyond what is kept, deletes come one by one:
  /// with each there is room for the next.
  var hasRoomToDelete: Bool { shares.unstored == 0 || gate.hasRoomForRecords(held: memory) }

  /// Those that there is no room to load. They are not begun: the commander gives them to another.
  func withoutRoom(_ partitions: PartitionSet, mode: Grant.Mode) -> PartitionSet {
    // What is promoted is here already.
    guard mode != .promote else { return [] }
    return PartitionSet(
      partitions.filter { !gate.hasRoomForRecords(loadNeeds[$0] ?? 0, held: memory) })
  }

  mutating func setLoading(_ partition: Partition, _ data: DataPartition?) {
    if let old = loading[partition.index] { held.discount(old) }
    standing.remove(partition)
    loading[partition.index] = data
  }
}
