import ClusterFixture
import Glibc
import HostNetworks
import HostWorkload
import LocalCluster
import Testing

/// A cluster on hosts of their own: the realm's daemons, the authority, the database, each drone, and the clients.
struct HostCluster: Sendable {
  static let drones: Set = ["d1", "d2", "d3"]

  let network: HostNetwork
  let cluster: ClusterFixture
  let clients: ClientHost

  /// For the time of the body, when it is its turn. When the body throws, the error carries the ends of all logs.
  static func run(_ body: (HostCluster) async throws -> Void) async throws {
    try await ClusterFixture.inTurn(within: .seconds(600)) {
      let network = try HostNetwork(["krb5kdc", "a1", "db1", "alice"] + drones.sorted())
      let clients = ClientHost(on: network)
      let cluster = try await ClusterFixture(drones: drones.count, sites: network) { directory in
        try clients.start(directory)
        return try clients.status().slotsServed == 16_384
      }
      defer {
        clients.close()
        cluster.tearDown()
        network.close()
      }
      do {
        try await body(HostCluster(network: network, cluster: cluster, clients: clients))
      } catch {
        throw ClusterFixtureError("\(error)\n\(cluster.logs())")
      }
    }
  }

  func processes(of victim: Victim, _ status: Status) throws -> [String] {
    switch victim {
    case .commander: [status.commander]
    case .drone: [try #require(Self.drones.subtracting([status.commander]).min())]
    case .database: ["db1"]
    case .authority: ["a1"]
    case .kdc: ["krb5kdc", "kadmind"]
    }
  }

  /// Waits until nothing is left of any fault: everybody is there, every slot is served and shadowed, none moves or is
  /// about to. A slot on its way from one drone to another needs the database; what is at rest does without.
  func awaitCalm() async throws -> Status {
    try await status("every slot is served and shadowed, by all drones, and the commander reaches everybody")
    {
      $0.slotsServed == 16_384 && $0.slotsShadowed == 16_384 && $0.slotsMoving == 0
        && $0.reachesDatabase && $0.reachesAuthority
        && $0.owners == Self.drones && $0.drones.allSatisfy(\.isServing) && $0.isEven
    }
  }

  /// Waits for a status that fits, and returns it.
  func status(_ what: String, _ fits: (Status) -> Bool) async throws -> Status {
    var latest: Status?
    do {
      try await cluster.eventually(what) {
        let status = try clients.status()
        latest = status
        return fits(status)
      }
    } catch {
      throw ClusterFixtureError("\(error); latest status: \(latest.map { "\($0)" } ?? "none")")
    }
    return try #require(latest)
  }

  /// Waits until each client has done so much more.
  func awaitProgress(_ count: Int) async throws {
    let before = try clients.progress().operations
    try await cluster.eventually("each client has done \(count) more") {
      zip(try clients.progress().operations, before).allSatisfy { $0 >= $1 + count }
    }
  }

  func awaitDurability() async throws {
    try await cluster.eventually("durable writes are confirmed") {
      try clients.writeDurably()
      return true
    }
  }
}
