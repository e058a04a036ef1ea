import Foundation
import Keyval
import Measuring

/// Every drone is stopped and started again, one after the other, under load.
struct RollingRestartTrial {
  /// Whether each is emptied first; otherwise it is told to end, and no more.
  let isDrained: Bool

  func run(_ system: KeyvalSystem, _ keys: KeySet) async throws -> [Reading] {
    try await system.view.awaitWhole()
    let observer = try KeyvalView.client(of: system.cluster.directory, deadline: .seconds(30))
    defer { observer.close() }
    let load = Load(keys.tags, system.view.store)
    var steps: [(name: String, end: ContinuousClock.Instant)] = []
    let duration = try await load.during {
      try await load.warmUp()
      load.mark()
      let start = ContinuousClock.now
      for name in try system.cluster.drones.map(\.name) {
        if isDrained {
          try await drain(name, by: observer)
          steps.append(("\(name) was emptied", .now))
        }
        try system.cluster.send(SIGTERM, to: name)
        try await system.cluster.awaitEnd(of: name)
        steps.append(("\(name) ended", .now))
        try system.restart(name)
        try await KeyvalCluster.awaitWhole(by: observer)
        steps.append(("\(name) was filled", .now))
      }
      return ContinuousClock.now - start
    }
    let longest = load.callers.max { $0.longestGap < $1.longestGap }
    let outcome = try await load.finish()
    if let longest, let step = steps.first(where: { $0.end >= longest.longestGapEnd }) {
      let keys = load.callers.count { $0.longestGap * 2 > longest.longestGap }
      Session.say("  the longest time without an answer ended before \(step.name); for \(keys) callers")
    }
    return outcome.readings(failedGoal: 0) + [
      Reading("without an answer, the longest of all keys", longest?.longestGap ?? .zero),
      Reading("all three restarted", duration),
    ]
  }

  private func drain(_ name: String, by client: KeyvalClient) async throws {
    let reply = try await client.administer(.drain, name)
    guard reply.isAccepted else { throw BenchmarkError("\(name) cannot be drained: \(reply.sentence)") }
    try await eventually("\(name) is drained", within: .seconds(60), every: .milliseconds(20)) {
      try await client.status().drones.contains { $0.principal.instance == name && $0.state == .drained }
    }
  }
}
