import Cluster

/// Whether answers that were read under leases may still leave: the clock is read after the requests were
/// executed and before their answers are sealed. An answer read under a lease that is over by then may be
/// stale, and nobody gets it.
public struct AnswerLease: Sendable {
  /// The end of the shortest lease under which a gathered answer was read.
  private var end = Instant(milliseconds: .max)

  public init() {}

  /// - Parameter end: `DataCore.batchLeaseEnd` of the batch whose answers are gathered.
  public mutating func gather(until end: Instant) { self.end = min(self.end, end) }

  /// Whether everything gathered since the last time may be sealed. If not, throw all of it away.
  /// - Parameter now: reads the clock; only when something was read under a lease.
  public mutating func mayLeave(now: () -> Instant) -> Bool {
    defer { end = Instant(milliseconds: .max) }
    return end == Instant(milliseconds: .max) || now() < end
  }
}
