import Cluster
import Histogram
import Keyval
import Load
import Measuring

/// Callers of the Swift library that share one client, beside as many connections to Redis with one request each.
struct CallerTrials {
  static let callers = 50
  static let name = "get callers=\(callers)"

  private let cluster: MeasuredCluster
  private let pace: Pace

  init(_ cluster: MeasuredCluster, _ pace: Pace) {
    self.cluster = cluster
    self.pace = pace
  }

  /// Each get must find its key.
  func read() async throws -> Reading {
    let before = try cluster.processorTime()
    let (start, processor) = (MonotonicClock.now(), MonotonicClock.processorTime())
    let end = start + UInt64(pace.seconds * 1e9)
    let histogram = try await withThrowingTaskGroup { [client = cluster.client, names = pace.keys] group in
      for caller in 0..<Self.callers {
        group.addTask { try await Self.call(client, names, seed: start &+ UInt64(caller), until: end) }
      }
      return try await group.reduce(into: Self.empty()) { $0.add($1) }
    }
    let seconds = Double(MonotonicClock.now() - start) / 1e9
    let generator = Double(MonotonicClock.processorTime() - processor) / 1e9
    let used = try cluster.processorTime() - before
    var reading = Reading(
      LoadOutcome.Latencies(histogram), seconds: seconds, generator: generator, servers: used.all)
    reading.add(used)
    return reading
  }

  private static func empty() -> Histogram<UInt64> {
    Histogram(
      lowestDiscernibleValue: 100, highestTrackableValue: 3_600_000_000_000,
      numberOfSignificantValueDigits: .three)
  }

  private static func call(
    _ client: KeyvalClient, _ names: KeyNames, seed: UInt64, until end: UInt64
  ) async throws -> Histogram<UInt64> {
    var (histogram, random) = (empty(), SplitMix(seed: seed))
    var now = MonotonicClock.now()
    while now < end {
      guard try await client.get(names.key(random.next(below: names.count))) != nil else {
        throw BenchmarkError("a key has no value")
      }
      let then = MonotonicClock.now()
      histogram.record(then &- now)
      now = then
    }
    return histogram
  }
}
