import Cluster
import Synchronization

/// A data loop's core under its lock. Its own thread runs it; what is asked of its partitions on sessions of the drone's
/// other loops is executed by their threads. Nobody holds two of these locks, and nobody holds one for longer than a
/// request, an event or a record of an owner takes.
public final class GuardedLoop: @unchecked Sendable {
  private let mutex = Mutex(())
  private var core: DataLoopCore

  public init(_ core: consuming DataLoopCore) { self.core = core }

  @inline(__always)
  public func change<Result>(_ body: (inout DataLoopCore) -> Result) -> Result {
    // What comes out belongs to whoever asked.
    nonisolated(unsafe) var result: Result?
    mutex.withLock { _ in result = body(&core) }
    return result.unsafelyUnwrapped
  }
}

/// All data loops of a drone. A request is executed by the thread of the session that it came on, whoever runs its
/// partition: to hand it over and back would be two wake-ups of a thread, which cost more than all else about it.
public struct DroneLoops: Sendable {
  public let placement: LoopPlacement
  let partitions: SharedPartitions
  private let loops: [GuardedLoop]

  /// - Parameter loops: in the order of their positions.
  public init(_ loops: [GuardedLoop]) {
    self.loops = loops
    // They have the same.
    partitions = loops.first?.change { $0.data.shared } ?? SharedPartitions()
    placement = LoopPlacement(count: loops.count)
  }

  @inline(__always)
  func change<Result>(_ loop: Int, _ body: (inout DataLoopCore) -> Result) -> Result {
    loops[loop].change(body)
  }
}
