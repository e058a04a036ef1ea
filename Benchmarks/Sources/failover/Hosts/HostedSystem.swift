import HostNetworks
import LocalCluster
import Measuring
import Synchronization

/// A cluster on hosts of its own, and callers on those that are to have some.
final class HostedSystem: Sendable {
  let network: HostNetwork
  /// The callers on a host with nothing else.
  let majority: Side
  private let environment: [String: String]
  private let parts = Mutex(Parts())

  /// What comes to be by and by.
  private struct Parts {
    var reach: Reach?
    /// On which host a node is.
    var host: (@Sendable (String) throws -> String)?
    var sides: [Side] = []
    var stopCluster: (@Sendable () -> Void)?
  }

  /// The first user of a cluster of Keyval's, and the name of his host for all.
  private static let people = "alice"
  /// Longer than any outage.
  private static let deadline = Duration.seconds(60)

  private init(_ hosts: [String], environment: [String: String] = [:]) throws {
    network = try HostNetwork(hosts + [Self.people])
    majority = try Side(at: Self.people, on: network, environment: environment)
    self.environment = environment
  }

  /// Callers on the host of a node.
  func side(with node: String) throws -> Side {
    let (reach, host) = parts.withLock { ($0.reach, $0.host) }
    guard let reach, let host else { throw BenchmarkError("there is no cluster yet") }
    let side = try Side(at: host(node), on: network, environment: environment)
    parts.withLock { $0.sides.append(side) }
    try side.connect(reach)
    return side
  }

  /// Cuts the node's host off from all others, or joins it with them again.
  func lay(_ cable: Cable, to node: String) throws {
    guard let host = parts.withLock({ $0.host }) else { throw BenchmarkError("there is no cluster yet") }
    network.lay(cable, of: try host(node))
  }

  /// Ends all processes and takes the hosts away. Harmless to repeat. A cluster that is still being started is left to
  /// the majority's process, which ends it with this one.
  func stop() {
    let (sides, stopCluster) = parts.withLock { parts in
      defer { parts.stopCluster = nil }
      return (parts.sides, parts.stopCluster)
    }
    for side in sides { side.end() }
    if let stopCluster {
      stopCluster()
      // Until here it is the heir.
      majority.end()
    }
    network.close()
  }

  // MARK: Clusters

  /// - Parameter started: called before anything else can go wrong.
  static func keyval(
    in path: String, program: String, heartbeat: Int, started: (HostedSystem) -> Void
  ) async throws -> HostedSystem {
    let system = try HostedSystem(
      ["krb5kdc", "a1", "db1"] + KeyvalCluster.droneNames,
      environment: ["KRB5_CONFIG": "\(path)/realm/krb5.conf"])
    started(system)
    try system.majority.inherit(.keyval(directory: path))
    let reach = Reach(store: .keyval(directory: path), deadline: deadline)
    let cluster = try await KeyvalCluster(
      in: path, program: program, heartbeat: heartbeat, sites: system.network
    ) { _ in
      try system.majority.connect(reach)
      try system.majority.awaitWhole()
      return true
    }
    system.parts.withLock { parts in
      parts.reach = reach
      parts.host = { $0 }
      parts.stopCluster = {
        do { try cluster.stop() } catch { Session.say("the cluster in \(path) was not stopped: \(error)") }
      }
    }
    return system
  }

  static func redis(
    in path: String, nodeTimeout: Int, started: (HostedSystem) -> Void
  ) async throws -> HostedSystem {
    let system = try HostedSystem(RedisCluster.siteNames)
    started(system)
    let cluster = try RedisCluster(in: path, nodeTimeout: nodeTimeout, sites: system.network)
    try system.majority.inherit(.processes(cluster.identities))
    let reach = Reach(store: .redis(nodes: cluster.nodes), deadline: deadline)
    system.parts.withLock { parts in
      parts.reach = reach
      parts.host = { try cluster.site(of: cluster.node($0)) }
      parts.stopCluster = { cluster.stop() }
    }
    try system.majority.connect(reach)
    try await cluster.form(seenBy: system.majority, at: people)
    return system
  }
}
