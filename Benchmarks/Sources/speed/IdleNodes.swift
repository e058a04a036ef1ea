import LocalCluster
import Measuring

/// What nodes take of a processor while nobody asks them anything.
struct IdleNodes {
  static let name = "CPU of an idle"

  private let cluster: MeasuredCluster
  private let redis: RedisServers

  init(_ cluster: MeasuredCluster, _ redis: RedisServers) {
    self.cluster = cluster
    self.redis = redis
  }

  func measure(for seconds: Double) async throws -> [Figure] {
    // What a start leaves to be done is done by then.
    try await Task.sleep(for: .seconds(2))
    let roles: [(name: String, processes: [ProcessFigures])] = [
      ("drone", cluster.processes(.drone)), ("database", cluster.processes(.database)),
      ("authority", cluster.processes(.authority)), ("redis-server", redis.processes),
    ]
    let before = try roles.map { try Self.used(by: $0.processes) }
    let (clock, began) = (ContinuousClock(), ContinuousClock.now)
    try await Task.sleep(for: .seconds(seconds))
    let elapsed = (clock.now - began) / .seconds(1)
    let shares = try zip(roles, before).map { role, before in
      (try Self.used(by: role.processes) - before) * 100 / elapsed / Double(max(1, role.processes.count))
    }
    return zip(roles, shares).dropLast().map { role, share in
      Figure(
        name: "\(Self.name) \(role.name)", unit: "% of a core", keyval: share,
        redis: role.name == "drone" ? shares.last : nil)
    }
  }

  private static func used(by processes: [ProcessFigures]) throws -> Double {
    try processes.reduce(0) { try $0 + $1.processorTime }
  }
}
