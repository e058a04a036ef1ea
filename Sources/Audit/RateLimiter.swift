/// Bounds what strangers can have a node write: so many lines of a kind for each source, and so many of that kind for all
/// sources together. What is left out is counted, and each count is told once.
///
/// It keeps a bounded number of sources; whoever comes with ever new ones meets the bound of the kind.
public struct RateLimiter: Sendable {
  /// Of one kind and source.
  public struct Budget: Hashable, Sendable {
    /// Lines at once.
    public let burst: Int
    /// Lines in the long run.
    public let perMinute: Int

    public init(burst: Int, perMinute: Int) {
      self.burst = burst
      self.perMinute = perMinute
    }

    /// What all sources of a kind have together.
    var forAll: Budget { Budget(burst: burst * 10, perMinute: perMinute * 10) }
  }

  public enum Verdict: Hashable, Sendable {
    /// It may be written; so many like it were left out before it.
    case passes(leftOut: UInt64)
    case isLeftOut
  }

  /// What was left out of one kind, and that nobody will be told of by a line of the same source.
  public struct Omission: Hashable, Sendable {
    public let kind: String
    public var count: UInt64
    /// How many sources it came from.
    public var sources: Int
    /// One of them.
    public let source: String

    public init(kind: String, count: UInt64, sources: Int, source: String) {
      self.kind = kind
      self.count = count
      self.sources = sources
      self.source = source
    }
  }

  /// Sources kept at most.
  public static let capacity = 1_024
  private static let maximumKinds = 256
  /// How long a source is remembered that does nothing, in milliseconds; what was left out of it is told then.
  public static let period: Int64 = 10_000

  private struct Key: Hashable {
    let kind: String
    let source: String
  }

  private struct Bucket {
    let budget: Budget
    var tokens: Double
    var filled: Int64
    var leftOut: UInt64 = 0

    init(_ budget: Budget, _ now: Int64) {
      self.budget = budget
      tokens = Double(budget.burst)
      filled = now
    }

    mutating func fill(_ now: Int64) {
      let passed = Double(max(0, now - filled))
      tokens = min(Double(budget.burst), tokens + passed * Double(budget.perMinute) / 60_000)
      filled = max(filled, now)
    }

    var isFull: Bool { tokens >= Double(budget.burst) }
  }

  // Two generations: a source that is met moves to the younger, and those that stay in the older go.
  private var young: [Key: Bucket] = [:]
  private var old: [Key: Bucket] = [:]
  private var kinds: [String: Bucket] = [:]
  private var gone: [String: Omission] = [:]
  private var turned: Int64?
  /// When something was told last.
  private var told: Int64?
  /// What was left out and not told yet.
  public private(set) var untold: UInt64 = 0

  public init() {}

  /// - Parameters:
  ///   - weight: how many the line stands for.
  ///   - now: milliseconds on a clock that is never set.
  public mutating func admit(
    kind: String, source: String, budget: Budget, weight: UInt64 = 1, now: Int64
  ) -> Verdict {
    turnIfDue(now)
    let key = Key(kind: kind, source: source)
    if young.count >= Self.capacity / 2, young[key] == nil { turn(now, keepsUnfilled: false) }
    var bucket = young[key] ?? old.removeValue(forKey: key) ?? Bucket(budget, now)
    bucket.fill(now)
    defer { young[key] = bucket }
    guard bucket.tokens >= 1, consumeOfAll(kind, budget, now) else {
      bucket.leftOut &+= weight
      untold &+= weight
      return .isLeftOut
    }
    bucket.tokens -= 1
    defer { bucket.leftOut = 0 }
    untold &-= bucket.leftOut
    return .passes(leftOut: bucket.leftOut)
  }

  /// What was left out of sources that have been quiet for a while, or that there was no room for; in order of kind. Once
  /// a period at most, so that the counts are no flood themselves.
  public mutating func takeOmissions(now: Int64) -> [Omission] {
    turnIfDue(now)
    guard !gone.isEmpty, now - (told ?? Int64.min / 2) >= Self.period else { return [] }
    told = now
    defer { gone = [:] }
    let omissions = gone.values.sorted { $0.kind < $1.kind }
    untold &-= omissions.reduce(0) { $0 &+ $1.count }
    return omissions
  }

  /// Everything that was left out and not told yet: at the end.
  public mutating func takeAll(now: Int64) -> [Omission] {
    for _ in 0..<2 { turn(now, keepsUnfilled: true) }
    told = nil
    return takeOmissions(now: now)
  }

  private mutating func consumeOfAll(_ kind: String, _ budget: Budget, _ now: Int64) -> Bool {
    // Kinds are what the program says, so they are few; should they not be, the rest share one bucket.
    let name = kinds[kind] != nil || kinds.count < Self.maximumKinds ? kind : ""
    var bucket = kinds[name] ?? Bucket(budget.forAll, now)
    bucket.fill(now)
    defer { kinds[name] = bucket }
    guard bucket.tokens >= 1 else { return false }
    bucket.tokens -= 1
    return true
  }

  private mutating func turnIfDue(_ now: Int64) {
    if let turned, now - turned >= Self.period { turn(now, keepsUnfilled: true) }
    turned = turned ?? now
  }

  /// - Parameter keepsUnfilled: whether a source that has used up its budget remains known until that is full again.
  private mutating func turn(_ now: Int64, keepsUnfilled: Bool) {
    var kept: [Key: Bucket] = [:]
    for (key, var bucket) in old {
      if bucket.leftOut > 0 {
        // The source that is named must not depend on the order of a dictionary.
        let known = gone[key.kind]
        gone[key.kind] = Omission(
          kind: key.kind, count: (known?.count ?? 0) &+ bucket.leftOut, sources: (known?.sources ?? 0) + 1,
          source: known.map { min($0.source, key.source) } ?? key.source)
        bucket.leftOut = 0
      }
      bucket.fill(now)
      if keepsUnfilled, !bucket.isFull { kept[key] = bucket }
    }
    old = young
    young = kept
    turned = now
  }
}
