import Histogram

/// What came of a load.
public struct LoadOutcome: Sendable {
  /// Latencies in nanoseconds, from when a request was due until it was answered.
  public struct Latencies: Sendable {
    private let histogram: Histogram<UInt64>

    public init(_ histogram: Histogram<UInt64>) { self.histogram = histogram }

    public var count: UInt64 { histogram.totalCount }
    public var mean: Double { count == 0 ? 0 : histogram.mean }
    public var maximum: UInt64 { count == 0 ? 0 : histogram.max }
    public func percentile(_ percent: Double) -> UInt64 {
      count == 0 ? 0 : histogram.valueAtPercentile(percent)
    }
  }

  /// From the first request until the last answer.
  public let seconds: Double
  /// Seconds of processor time of this process meanwhile.
  public let processorTime: Double
  public let gets: Latencies
  public let puts: Latencies
  public let all: Latencies
  /// Gets of keys that have no value.
  public let misses: UInt64
  /// Requests asked again, because the drone had said that nothing was executed and to come again.
  public let retries: UInt64
  /// Requests for keys that another drone serves by now.
  public let moved: UInt64
  /// Writes of which the drone does not know what became.
  public let unknown: UInt64
  /// Requests whose session ended before the answer.
  public let lost: UInt64
  /// Requests of a fixed rate that were due, and never asked.
  public let unsent: UInt64

  init(_ tally: Tally, seconds: Double, processorTime: Double) {
    self.seconds = seconds
    self.processorTime = processorTime
    gets = Latencies(tally.gets)
    puts = Latencies(tally.puts)
    var all = tally.gets
    all.add(tally.puts)
    self.all = Latencies(all)
    misses = tally.misses
    retries = tally.retries
    moved = tally.moved
    unknown = tally.unknown
    lost = tally.lost
    unsent = tally.unsent
  }

  /// Requests that were executed and answered.
  public var answered: UInt64 { all.count }
  public var perSecond: Double { seconds > 0 ? Double(answered) / seconds : 0 }
  /// Requests that were not executed, or of which nobody knows.
  public var failures: UInt64 { moved + unknown + lost }
  /// Microseconds of this process's processor time for a request.
  public var cost: Double { answered == 0 ? 0 : processorTime * 1_000_000 / Double(answered) }
}
