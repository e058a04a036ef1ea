import Cluster
import Synchronization
import Wire

/// The partitions that a drone serves, where all of its data loops see them: a read is executed by the loop that it has
/// come to, whoever runs the partition. To hand it over and back would be two wake-ups of a thread, which cost more than
/// all else about it.
///
/// A partition stays its loop's alone. What others see of it are its table and the end of its lease, under a lock for each
/// partition: its own loop takes that to change either, and needs none to read them.
public final class SharedPartitions: Sendable {
  private let places = Partition.all.map { _ in Place() }
  private let newest = Atomic<UInt64>(0)

  public init() {}

  /// Where one partition is to be seen.
  final class Place: Sendable {
    /// What is beyond the lock is its loop's. Not kept alive by this: that would cost each read two counts. Its loop has
    /// it until it has hidden it, and all loops of a drone live until the last of them has ended.
    private struct Shown: @unchecked Sendable { unowned(unsafe) let data: DataPartition }

    private let shown = Mutex<Shown?>(nil)

    /// From now on it is served, until it is hidden, which has to be before its loop lets go of it.
    func show(_ data: DataPartition) {
      let new = Shown(data: data)
      shown.withLock { $0 = new }
    }

    func hide() { shown.withLock { $0 = nil } }

    /// Changes what others see.
    @inline(__always)
    func change<Result>(_ body: () -> Result) -> Result {
      // What comes out stays with the loop that has changed it.
      nonisolated(unsafe) var result: Result?
      shown.withLock { _ in result = body() }
      return result.unsafelyUnwrapped
    }

    /// - Returns: false where it is not served.
    @inline(__always)
    func read(_ body: (DataPartition) -> Bool) -> Bool {
      shown.withLock { $0.map { body($0.data) } ?? false }
    }
  }

  func place(of partition: Partition) -> Place { places[partition.index] }

  /// One of the loops has this access list.
  func install(edition: UInt64) {
    // All are given the same lists in the same order, each at its own time.
    newest.max(edition, ordering: .sequentiallyConsistent)
  }

  /// Whether no loop has a newer list.
  func isNewest(_ edition: UInt64) -> Bool { edition >= newest.load(ordering: .sequentiallyConsistent) }
}

extension DataCore {
  /// Executes a read of a partition that another loop runs.
  /// - Parameter edition: of the access list by which it was let through.
  /// - Returns: false: that loop is to be asked, be it that it has to wait or to be refused.
  mutating func readElsewhere(
    _ request: ReadRequest, in partition: Partition, edition: UInt64, now: Instant, answers: inout CBORWriter
  ) -> Bool {
    let operation = request.kind.operation
    guard !operation.isSecured, Self.check(request.key) == nil else { return false }
    let key = HashedKey(request.key)
    return shared.place(of: partition).read { data in
      // In this order: a lease that was given under a newer list has been seen only after that list.
      guard data.leaseEnd > now, shared.isNewest(edition) else { return false }
      if data.leaseEnd < batchLeaseEnd { batchLeaseEnd = data.leaseEnd }
      data.answer(request.number, key, by: operation, &answers)
      return true
    }
  }
}
