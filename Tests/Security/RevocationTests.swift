import Cluster
import ClusterFixture
import Kerberos
import KerberosFixture
import Keyval
import Node
import Testing
import Transport

/// A node that was removed, with sessions that run and tickets that are good.
@Suite("Removed nodes", .timeLimit(.minutes(30)))
struct RevocationTests {
  /// The administrator's way to the authority.
  private func administrator(of cluster: ClusterFixture) throws -> MembershipClient {
    guard let endpoint = Endpoint(try cluster.process("a1").address) else {
      throw ClusterFixtureError("the authority has no address")
    }
    return MembershipClient(
      cluster: "test",
      authority: RegisteredNode(
        principal: try Principal(cluster.principal("keyval-authority/a1")), endpoint: endpoint),
      credential: try .fromCache(name: cluster.aliceCache))
  }

  /// What somebody does who has a copy of the drone's keytab.
  private func thief(of name: String, in cluster: ClusterFixture) throws -> InitiatorCredential {
    let keytab = try Target.copy(
      cluster.directory.keytab(of: name), to: "\(cluster.scratch)/stolen-\(name).keytab")
    return try .fromKeytab(keytab: keytab, principal: cluster.principal("keyval-drone/\(name)"))
  }

  private func dial(
    _ role: String, _ name: String, as credential: InitiatorCredential, in cluster: ClusterFixture
  ) async throws -> Probe {
    try await Probe.dial(
      cluster.principal("\(role)/\(name)"), at: NodeAddress(cluster.process(name).address), credential)
  }

  /// Whether a new session is refused, or ended at once.
  private func isRefused(
    _ role: String, _ name: String, as credential: InitiatorCredential, in cluster: ClusterFixture
  ) async throws -> Bool {
    do {
      return try await dial(role, name, as: credential, in: cluster).closed() != nil
    } catch is TransportError {
      return true
    }
  }

  private func drone(_ name: String, of cluster: ClusterFixture) throws -> Principal {
    try Principal(cluster.principal("keyval-drone/\(name)"))
  }

  @Test("a running drone that is removed is closed out everywhere, cannot come back, and harms nobody")
  func running() async throws {
    try await ClusterFixture.run(drones: 3) { cluster in
      let client = try cluster.client()
      let before = try await cluster.awaitServing(by: client)
      let victim = try #require(before.drones.map(\.principal).first { $0 != before.commander }?.instance)
      let rest = Set(["d1", "d2", "d3"]).subtracting([victim])
      let other = try #require(rest.sorted().first)
      for number in 0..<60 { try await client.put("key \(number)", "old \(number)") }
      let stolen = try thief(of: victim, in: cluster)
      let sessions = [
        try await dial("keyval-database", "db1", as: stolen, in: cluster),
        try await dial("keyval-authority", "a1", as: stolen, in: cluster),
        try await dial("keyval-drone", other, as: stolen, in: cluster),
      ]
      try await Task.sleep(for: .milliseconds(200))
      #expect(sessions.allSatisfy { !$0.isOver })

      let administrator = try administrator(of: cluster)
      _ = try await administrator.remove(drone(victim, of: cluster), isDead: false)
      try await cluster.eventually("its sessions are ended", within: .seconds(10)) {
        sessions.allSatisfy(\.isOver)
      }
      try await cluster.eventually("it knows, and says so", within: .seconds(10)) {
        cluster.log(of: victim).contains("was removed from the cluster")
      }
      #expect(cluster.log(of: "db1").contains("is no member of this cluster"))
      let after = try await cluster.awaitServing(by: client, drones: rest)
      #expect(after.term == before.term, "a removed drone that is not the commander is no election")
      #expect(!after.drones.contains { $0.principal.instance == victim })
      for number in 0..<60 {
        #expect(try await client.getString("key \(number)") == "old \(number)")
        try await client.put("key \(number)", "new")
      }

      for (role, name) in [
        ("keyval-database", "db1"), ("keyval-authority", "a1"), ("keyval-drone", other),
      ] {
        #expect(try await isRefused(role, name, as: stolen, in: cluster), "\(name) lets it in again")
      }
      try cluster.kill(victim)
      func told() -> Int { cluster.log(of: victim).split(separator: "was removed from the cluster").count }
      let earlier = told()
      try cluster.restart(victim)
      try await cluster.eventually("started again it knows that it was removed") { told() > earlier }
      #expect(try await client.status().drones.count == 2)
      let nodes = try await administrator.nodes()
      #expect(nodes.nodes.count == 3 && nodes.pending.isEmpty, "the commander counts without it")
      #expect(nodes.revoked.map(\.instance) == [victim])
      #expect(nodes.counted == nodes.version)
    }
  }

  @Test("a removed commander is succeeded by another drone")
  func commander() async throws {
    try await ClusterFixture.run(drones: 3) { cluster in
      let client = try cluster.client()
      let before = try await cluster.awaitServing(by: client)
      let victim = try #require(before.commander.instance)
      try await client.put("key", "value")
      _ = try await administrator(of: cluster).remove(drone(victim, of: cluster), isDead: false)
      try await cluster.awaitServing(
        by: client, drones: Set(["d1", "d2", "d3"]).subtracting([victim]), aboveTerm: before.term.number)
      #expect(try await client.getString("key") == "value")
      #expect(cluster.log(of: victim).contains("office left"))
    }
  }

  @Test("when two of three drones are off for good, the third elects again once one is removed as dead")
  func dead() async throws {
    try await ClusterFixture.run(drones: 3) { cluster in
      let client = try cluster.client(deadline: .seconds(60))
      let before = try await cluster.awaitServing(by: client)
      let commander = try #require(before.commander.instance)
      let second = try #require(["d1", "d2", "d3"].first { $0 != commander })
      let last = try #require(["d1", "d2", "d3"].first { $0 != commander && $0 != second })
      try await client.put("key", "value", level: .durable)
      try cluster.kill(second)
      let administrator = try administrator(of: cluster)
      let gone = try drone(commander, of: cluster)
      try cluster.kill(commander)
      // Without the word that it is off a majority of all three is needed still, and that is gone.
      #expect(try await administrator.remove(gone, isDead: false).isPending)
      try await cluster.eventually("the last one has stood in vain") {
        cluster.log(of: "a1").contains("ballot failed") || cluster.log(of: last).contains("candidacy failed")
      }
      try await cluster.eventually("the authority believes that it is off") {
        try await !administrator.remove(gone, isDead: true).isPending
      }
      // Two of three memories are gone, and nobody can say what was in both of them only.
      try await cluster.eventually("all slots are served, once the loss is accepted") {
        let status = try await client.status()
        guard status.term > before.term else { return false }
        if status.slotsAwaitingCopies > 0 { _ = try await client.administer(.acceptLoss, "") }
        return status.slotsServed == 16_384
      }
      try await cluster.awaitServing(by: client, drones: [last], aboveTerm: before.term.number)
      #expect(try await client.getString("key") == "value")
    }
  }

  @Test("a database and a drone that are started while the authority is away still refuse who was removed")
  func restarted() async throws {
    try await ClusterFixture.run(drones: 3) { cluster in
      let client = try cluster.client(deadline: .seconds(60))
      let before = try await cluster.awaitServing(by: client)
      let others = before.drones.map(\.principal).filter { $0 != before.commander }.compactMap(\.instance)
      let (victim, other) = (try #require(others.first), try #require(others.last))
      let stolen = try thief(of: victim, in: cluster)
      let removed = try await administrator(of: cluster).remove(drone(victim, of: cluster), isDead: false)
      let rest = Set(["d1", "d2", "d3"]).subtracting([victim])
      try await cluster.awaitServing(by: client, drones: rest)
      for name in ["db1", other] {
        try await cluster.eventually("\(name) has the list") {
          cluster.log(of: name).contains("version=\(removed.version)")
        }
      }
      for name in ["a1", victim, "db1", other] { try cluster.kill(name) }
      for name in ["db1", other] { try cluster.restart(name) }
      try await cluster.awaitServing(by: client, drones: rest)
      #expect(try await isRefused("keyval-database", "db1", as: stolen, in: cluster))
      #expect(try await isRefused("keyval-drone", other, as: stolen, in: cluster))
    }
  }
}
