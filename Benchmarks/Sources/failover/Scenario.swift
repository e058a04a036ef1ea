/// A kind of trial, and the cluster that it wants.
struct Scenario: Sendable {
  enum Setting: Hashable, Sendable {
    /// Milliseconds between heartbeats; a lease is eight of them.
    case keyval(heartbeat: Int, onHosts: Bool = false)
    /// Milliseconds of `cluster-node-timeout`.
    case redis(nodeTimeout: Int, onHosts: Bool = false)

    /// Whether every process has a host of its own, which can be cut off; otherwise all are on the loopback address.
    var isOnHosts: Bool {
      switch self {
      case .keyval(_, let onHosts), .redis(_, let onHosts): onHosts
      }
    }
  }

  enum Trial: Sendable {
    case outage(OutageTrial)
    case cut
    case commander
    case rollingRestart(isDrained: Bool)
  }

  let name: String
  let title: String
  let setting: Setting
  let trial: Trial

  var isRedis: Bool { if case .redis = setting { true } else { false } }

  /// Those of one setting stand together: a cluster is started once for all their trials.
  static let all: [Scenario] = [
    Scenario(
      name: "drone-kill", title: "Keyval, lease 2 s: kill -9 of a drone",
      setting: .keyval(heartbeat: 250), trial: .outage(OutageTrial(fault: .kill, goal: 2.5))),
    Scenario(
      name: "drone-hang", title: "Keyval, lease 2 s: SIGSTOP of a drone, which comes back later",
      setting: .keyval(heartbeat: 250), trial: .outage(OutageTrial(fault: .hang, goal: nil))),
    Scenario(
      name: "commander-kill", title: "Keyval, lease 2 s: kill -9 of the commander",
      setting: .keyval(heartbeat: 250), trial: .commander),
    Scenario(
      name: "restart-drained", title: "Keyval: rolling restart of three drones, each drained first",
      setting: .keyval(heartbeat: 250), trial: .rollingRestart(isDrained: true)),
    Scenario(
      name: "restart-sigterm", title: "Keyval: rolling restart of three drones by SIGTERM alone",
      setting: .keyval(heartbeat: 250), trial: .rollingRestart(isDrained: false)),
    Scenario(
      name: "drone-cut",
      title: "Keyval, lease 2 s: a drone cut off with some of its callers; later mended",
      setting: .keyval(heartbeat: 250, onHosts: true), trial: .cut),
    Scenario(
      name: "short-drone-kill", title: "Keyval, lease 0.3 s: kill -9 of a drone",
      setting: .keyval(heartbeat: 37), trial: .outage(OutageTrial(fault: .kill, goal: 0.5))),
    Scenario(
      name: "short-drone-hang", title: "Keyval, lease 0.3 s: SIGSTOP of a drone, which comes back later",
      setting: .keyval(heartbeat: 37), trial: .outage(OutageTrial(fault: .hang, goal: nil))),
    Scenario(
      name: "redis-kill", title: "Redis, node timeout 15 s (default): kill -9 of a master",
      setting: .redis(nodeTimeout: 15_000), trial: .outage(OutageTrial(fault: .kill, goal: nil))),
    Scenario(
      name: "redis-hang",
      title: "Redis, node timeout 15 s (default): SIGSTOP of a master, which comes back later",
      setting: .redis(nodeTimeout: 15_000), trial: .outage(OutageTrial(fault: .hang, goal: nil))),
    Scenario(
      name: "redis-cut",
      title: "Redis, node timeout 15 s (default): a master cut off with some of its callers; later mended",
      setting: .redis(nodeTimeout: 15_000, onHosts: true), trial: .cut),
    Scenario(
      name: "redis-2s-kill", title: "Redis, node timeout 2 s: kill -9 of a master",
      setting: .redis(nodeTimeout: 2_000), trial: .outage(OutageTrial(fault: .kill, goal: nil))),
    Scenario(
      name: "redis-2s-hang", title: "Redis, node timeout 2 s: SIGSTOP of a master, which comes back later",
      setting: .redis(nodeTimeout: 2_000), trial: .outage(OutageTrial(fault: .hang, goal: nil))),
    Scenario(
      name: "redis-2s-cut",
      title: "Redis, node timeout 2 s: a master cut off with some of its callers; later mended",
      setting: .redis(nodeTimeout: 2_000, onHosts: true), trial: .cut),
  ]
}
