import Cluster
import Drone
import Synchronization

/// The requests a second of all principals at this drone: their sessions are on all its loops. Nobody comes here whose line
/// of the access list has no limit.
final class SharedBudget: Sendable, RequestLimiter {
  private let budget = Mutex(RequestBudget())

  func consume(_ limit: RequestLimit, of principal: String, _ now: Instant) -> Int64? {
    budget.withLock { $0.consume(limit, of: principal, now) }
  }
}
