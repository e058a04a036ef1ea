import Cluster

/// Holds each principal to the requests a second that its line of the access list gives it, at one drone. What it does not
/// use it has for a second; whoever asks for more is told when to come back, each a little later than the last, so that they
/// do not all come at the same time.
public struct RequestBudget: Sendable {
  private struct Name: Hashable {
    let principal: String
    let line: Int
  }

  fileprivate struct Bucket {
    var perSecond: Int
    /// Thousandths of a request.
    var tokens: Int
    var filledAt: Instant
    /// The last one who was turned away was told to come then.
    var promised: Instant
    /// Thousandths of a millisecond beyond that.
    var rest = 0
  }

  /// Principals and lines that are remembered; whoever is forgotten begins with a full bucket.
  public static let capacity = 65_536
  /// Nobody is sent away for longer, in milliseconds.
  public static let longestWait: Int64 = 10_000

  private var buckets: [Name: Bucket] = [:]

  public init() {}

  /// A principal makes a request.
  /// - Returns: milliseconds until it is worth coming back; nil: it may go on.
  public mutating func consume(_ limit: RequestLimit, of principal: String, _ now: Instant) -> Int64? {
    let name = Name(principal: principal, line: limit.line)
    var bucket = buckets[name] ?? Bucket(limit, now)
    if bucket.perSecond != limit.perSecond { bucket = Bucket(limit, now) }
    let wait = bucket.consume(now)
    if buckets[name] == nil, buckets.count >= Self.capacity { forget(now) }
    buckets[name] = bucket
    return wait
  }

  /// First those who are owed nothing; if there are none, everybody.
  private mutating func forget(_ now: Instant) {
    buckets = buckets.filter { now - $0.value.filledAt < 1_000 }
    if buckets.count >= Self.capacity { buckets = [:] }
  }
}

extension RequestBudget.Bucket {
  fileprivate init(_ limit: RequestLimit, _ now: Instant) {
    self.init(perSecond: limit.perSecond, tokens: limit.perSecond * 1_000, filledAt: now, promised: now)
  }

  fileprivate mutating func consume(_ now: Instant) -> Int64? {
    let passed = Int(min(1_000, max(0, now - filledAt)))
    tokens = min(perSecond * 1_000, tokens + passed * perSecond)
    filledAt = max(filledAt, now)
    if tokens >= 1_000 {
      tokens -= 1_000
      return nil
    }
    if promised < now { (promised, rest) = (now, 0) }
    // So long one request takes.
    rest += max(1, 1_000_000 / perSecond)
    promised = promised + Int64(rest / 1_000)
    rest %= 1_000
    let longest = now + RequestBudget.longestWait
    if promised > longest { promised = longest }
    return max(1, promised - now)
  }
}
