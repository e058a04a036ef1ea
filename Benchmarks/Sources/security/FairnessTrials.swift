import Keyval
import Measuring

/// What somebody who puts short values has of the cluster while somebody else rewrites long ones as fast as he can.
struct FairnessTrials {
  private let cluster: VictimCluster
  private let pace: Pace
  private static let callers = 16
  private static let longValue = 400_000

  init(_ cluster: VictimCluster, _ pace: Pace) {
    self.cluster = cluster
    self.pace = pace
  }

  func run(_ report: inout Report) async throws {
    let (short, long) = (try cluster.otherClient(), try cluster.client())
    defer {
      short.close()
      long.close()
    }
    try await waitForRights(of: short)
    var (alone, beside, longAlone, longBeside): ([Double], [Double], [Double], [Double]) = ([], [], [], [])
    var (slowest, slowestAlone): ([Double], [Double]) = ([], [])
    for _ in 0..<pace.trials {
      let first = try await put(short, "short", 64)
      alone.append(first.perSecond)
      slowestAlone.append(first.slowest)
      longAlone.append(try await put(long, "long", Self.longValue).perSecond)
      async let others = put(long, "long", Self.longValue)
      let second = try await put(short, "short", 64)
      longBeside.append(try await others.perSecond)
      beside.append(second.perSecond)
      slowest.append(second.slowest)
    }
    report.add("short puts, alone", alone, "a second")
    report.add("short puts beside another's long ones", beside, "a second")
    report.add("… ratio", zip(beside, alone).map { $0 / $1 }, "×", atLeast: 1.0 / 3)
    report.add("… the slowest, alone", slowestAlone, "ms")
    report.add("… the slowest", slowest, "ms")
    report.add("long puts, alone", longAlone.map { $0 * Double(Self.longValue) / 1e6 }, "MB a second")
    report.add("… beside the short ones", longBeside.map { $0 * Double(Self.longValue) / 1e6 }, "MB a second")
  }

  private func waitForRights(of client: KeyvalClient) async throws {
    let clock = ContinuousClock()
    let began = clock.now
    while true {
      do {
        try await client.put("short-0", "")
        return
      } catch KeyvalError.notPermitted {
        guard clock.now - began < .seconds(20) else {
          throw BenchmarkError("the list is not in force")
        }
        try await Task.sleep(for: .milliseconds(200))
      }
    }
  }

  /// Rewrites a few keys, each when the put before is answered.
  private func put(
    _ client: KeyvalClient, _ name: String, _ length: Int
  ) async throws -> (perSecond: Double, slowest: Double) {
    let value = [UInt8](repeating: 0x61, count: length)
    let (count, clock, time) = (Count(), ContinuousClock(), pace.time)
    let began = clock.now
    let slowest = try await withThrowingTaskGroup(of: Duration.self) { group in
      for caller in 0..<Self.callers {
        group.addTask {
          var slowest = Duration.zero
          let key = Array("\(name)-\(caller)".utf8)
          while clock.now - began < time {
            let asked = clock.now
            try await client.put(key, value)
            slowest = max(slowest, clock.now - asked)
            count.add()
          }
          return slowest
        }
      }
      return try await group.reduce(Duration.zero) { max($0, $1) }
    }
    return (Double(count.all) / ((clock.now - began) / .seconds(1)), slowest / .milliseconds(1))
  }
}
