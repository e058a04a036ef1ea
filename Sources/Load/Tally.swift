import Histogram

/// What came of the requests of one event loop.
struct Tally: Sendable {
  /// Nanoseconds from when a request was due to its answer.
  private(set) var gets = Tally.empty()
  private(set) var puts = Tally.empty()
  var misses: UInt64 = 0
  /// Requests that were asked again because nothing had been executed.
  var retries: UInt64 = 0
  var moved: UInt64 = 0
  var unknown: UInt64 = 0
  /// Requests whose session ended before the answer.
  var lost: UInt64 = 0
  /// Requests that were due and never asked, since those before them took too long.
  var unsent: UInt64 = 0
  /// The first of these ends the load.
  var failure: LoadError?

  static let slowest: UInt64 = 3_600_000_000_000

  static func empty() -> Histogram<UInt64> {
    Histogram(
      lowestDiscernibleValue: 100, highestTrackableValue: slowest, numberOfSignificantValueDigits: .three)
  }

  @inline(__always)
  mutating func record(_ nanoseconds: UInt64, isPut: Bool, count: UInt64) {
    let value = min(nanoseconds, Self.slowest)
    if isPut { puts.record(value, count: count) } else { gets.record(value, count: count) }
  }

  var answered: UInt64 { gets.totalCount + puts.totalCount }

  mutating func add(_ other: Tally) {
    gets.add(other.gets)
    puts.add(other.puts)
    misses += other.misses
    retries += other.retries
    moved += other.moved
    unknown += other.unknown
    lost += other.lost
    unsent += other.unsent
    failure = failure ?? other.failure
  }
}
