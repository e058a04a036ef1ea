import Cluster

/// Counts the denials of one session between those that are told of, a second apart: somebody who asks a million times
/// for what he may not have costs a line a second, and no more of an event loop than the answers.
struct Denials {
  private static let pause: Int64 = 1_000

  private var next = Instant(milliseconds: .min)
  private var untold: UInt64 = 0

  /// Counts one more.
  /// - Returns: how many are to be told of now, this one included; nil: none yet.
  mutating func count(_ now: Instant) -> UInt64? {
    untold += 1
    guard now >= next else { return nil }
    next = now + Self.pause
    defer { untold = 0 }
    return untold
  }

  /// Those that nobody was told of; nil: none.
  var rest: UInt64? { untold > 0 ? untold : nil }
}
