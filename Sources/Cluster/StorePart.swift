/// A part of the contents of opened partitions, as a store hands them out.
public enum StorePart: Sendable {
  /// Entries of one partition, in order of place: of their keys' hashes.
  case entries(Partition, StoredEntries)
  /// That was all of this partition.
  case end(PartitionTail)
}

/// What a partition's contents are followed by.
public struct PartitionTail: Hashable, Sendable {
  public let partition: Partition
  /// That of the last write.
  public let sequence: UInt64
  public let inSync: InSyncList
  public let past: PastWrites

  public init(partition: Partition, sequence: UInt64, inSync: InSyncList, past: PastWrites) {
    self.partition = partition
    self.sequence = sequence
    self.inSync = inSync
    self.past = past
  }
}
