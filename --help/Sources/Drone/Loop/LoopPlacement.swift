import Cluster

/// Which of a drone's data loops runs a partition.
public struct LoopPlacement: Hashable, Sendable {
  /// At least one.
  public let count: Int

  public init(count: Int) { self.count = max(1, count) }

  /// The position of the loop that runs it.
  @inlinable
  public func loop(of partition: Partition) -> Int { partition.index % count }

  /// Those of the set that a loop runs.
  public func partitions(of loop: Int, in set: PartitionSet = .all) -> PartitionSet {
    PartitionSet(set.filter { self.loop(of: $0) == loop })
  }
}
