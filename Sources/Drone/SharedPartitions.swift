import Cluster
import Synchronization
import Wire

/// The partitions that a drone serves, where all of its data loops see them: a read is executed by the loop that it has
/// come to, and does not wait for the one that runs the partition.
///
/// What is seen of a partition are its table and the end of its lease, under a lock for each partition: whoever changes
/// either takes that beside the lock of the partition's loop (`GuardedLoop`), and who has that one may read them without.
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

    /// Calls `body` where it is served.
    @inline(__always)
    func read(_ body: (DataPartition) -> Void) {
      shown.withLock { shown in if let shown { body(shown.data) } }
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

extension SharedPartitions {
  /// Has what is known of some keys fetched, for all of them at once: first their buckets, then their entries. What is
  /// met first says where the rest is.
  func prefetch(_ requests: borrowing RequestBatch) {
    requests.forEachKey { key, partition in
      place(of: partition).read { $0.table.prefetchBucket(of: key) }
    }
    requests.forEachKey { key, partition in
      place(of: partition).read { $0.table.prefetchEntry(of: key) }
    }
  }

  /// Executes a read of a partition, whichever loop runs it.
  /// - Parameter edition: of the access list by which it was let through.
  /// - Returns: until when the answer may leave; nil: the partition's loop is to be asked, be it that the read has to wait
  ///   or to be refused.
  func answer(
    _ request: ReadRequest, _ key: HashedKey, in partition: Partition, edition: UInt64, now: Instant,
    answers: inout CBORWriter
  ) -> Instant? {
    let operation = request.kind.operation
    guard !operation.isSecured, DataCore.check(request.key) == nil else { return nil }
    var end: Instant?
    place(of: partition).read { data in
      // In this order: a lease that was given under a newer list has been seen only after that list.
      guard data.leaseEnd > now, isNewest(edition) else { return }
      end = data.leaseEnd
      data.answer(request.number, key, by: operation, &answers)
    }
    return end
  }
}
