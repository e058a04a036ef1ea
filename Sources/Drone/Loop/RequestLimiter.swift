import Cluster

/// Who holds each principal to its requests a second at one drone, on whichever of its loops their sessions are
/// (`RequestBudget`).
public protocol RequestLimiter {
  /// A principal makes a request.
  /// - Returns: milliseconds until it is worth coming back; nil: it may go on.
  func consume(_ limit: RequestLimit, of principal: String, _ now: Instant) -> Int64?
}
