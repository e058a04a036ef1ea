import Cluster
import ClusterFixture
import Foundation
import Kerberos
import Keyval
import Node
import Testing

@Suite("A database file that is another", .timeLimit(.minutes(20)))
struct StoreTests {
  @Test(
    "an older copy and an empty file serve nobody until they are accepted; the right one is served at once")
  func replaced() async throws {
    try await ClusterFixture.run(drones: 1, within: .seconds(600)) { cluster in
      let client = try cluster.client()
      let hasty = try cluster.client(deadline: .seconds(2))
      _ = try await cluster.awaitServing(by: client)
      try await client.put("key", "old", level: .durable)
      try await end(cluster)
      let store = cluster.directory.data(of: "db1")
      try copy(store, to: cluster.scratch + "/older")
      try await begin(cluster)
      try await cluster.eventually("it serves") { try await hasty.getString("key") == "old" }
      try await client.put("key", "new", level: .durable)
      try await end(cluster)

      // A copy of before.
      try FileManager.default.moveItem(atPath: store, toPath: cluster.scratch + "/right")
      try copy(cluster.scratch + "/older", to: store)
      try await begin(cluster)
      let older = try await held(cluster)
      #expect(older.held?.identity == older.known.mark.identity)
      #expect(older.held?.commit ?? .max < older.known.mark.commit)
      await #expect(throws: KeyvalError.self, "nothing is read from it") { try await hasty.get("key") }

      // A mount that is missing.
      try await end(cluster)
      try FileManager.default.removeItem(atPath: store)
      try await begin(cluster)
      let empty = try await held(cluster, unlike: older.held)
      #expect(empty.held?.identity != empty.known.mark.identity && empty.held?.commit == 0)
      await #expect(throws: KeyvalError.self, "nothing is said to be missing") { try await hasty.get("key") }

      // The right file again.
      try await end(cluster)
      try FileManager.default.removeItem(atPath: store)
      try copy(cluster.scratch + "/right", to: store)
      try await begin(cluster)
      try await cluster.eventually("the right one is served") { try await hasty.getString("key") == "new" }

      // It is lost for good: the copy is what there is.
      try await end(cluster)
      try FileManager.default.removeItem(atPath: store)
      try copy(cluster.scratch + "/older", to: store)
      try await begin(cluster)
      let last = try await held(cluster)
      let mark = try #require(last.held)
      let later = StoreMark(identity: mark.identity, commit: mark.commit + 1)
      await #expect(throws: NodeError.self, "only what is there is accepted") {
        try await administrator(cluster).accept(later, of: last.database)
      }
      try await administrator(cluster).accept(mark, of: last.database)
      try await cluster.eventually("the copy is served") { try await hasty.getString("key") == "old" }
    }
  }

  @Test("a copy of before what the authority has heard of last is held all the same: a drone remembers more")
  func unheard() async throws {
    try await ClusterFixture.run(drones: 1, within: .seconds(600)) { cluster in
      let client = try cluster.client()
      let hasty = try cluster.client(deadline: .seconds(2))
      _ = try await cluster.awaitServing(by: client)
      let store = cluster.directory.data(of: "db1")
      // The authority hears of nothing that is stored from now on.
      try cluster.suspend("a1")
      try cluster.suspend("db1")
      try copy(store, to: cluster.scratch + "/older")
      try cluster.resume("db1")
      try await client.put("key", "new", level: .durable)
      try cluster.kill("db1")
      try FileManager.default.moveItem(atPath: store, toPath: cluster.scratch + "/right")
      try copy(cluster.scratch + "/older", to: store)
      try cluster.restart("db1")
      try cluster.resume("a1")
      let standing = try await held(cluster)
      #expect(standing.held?.identity == standing.known.mark.identity)
      #expect(standing.held?.commit ?? .max < standing.known.mark.commit)
      await #expect(throws: KeyvalError.self, "nothing is stored in it") {
        try await hasty.put("other", "value", level: .durable)
      }

      // The right file again.
      _ = try await cluster.terminate("db1")
      try FileManager.default.removeItem(atPath: store)
      try copy(cluster.scratch + "/right", to: store)
      try cluster.restart("db1")
      try await client.put("other", "value", level: .durable)
      #expect(try await client.getString("key") == "new")
    }
  }

  /// With owners and modes: a node may run as a user of its own.
  private func copy(_ source: String, to target: String) throws {
    let files = FileManager.default
    try files.copyItem(atPath: source, toPath: target)
    for name in [""] + (try files.subpathsOfDirectory(atPath: source)).map({ "/" + $0 }) {
      let attributes = try files.attributesOfItem(atPath: source + name)
      try files.setAttributes(
        attributes.filter { [.ownerAccountID, .groupOwnerAccountID, .posixPermissions].contains($0.key) },
        ofItemAtPath: target + name)
    }
  }

  /// Drones first, so that the database has everything.
  private func end(_ cluster: ClusterFixture) async throws {
    for name in ["d1", "db1"] { _ = try await cluster.terminate(name) }
  }

  private func begin(_ cluster: ClusterFixture) async throws {
    for name in ["db1", "d1"] { try cluster.restart(name) }
  }

  private func administrator(_ cluster: ClusterFixture) throws -> MembershipClient {
    let authority = try cluster.process("a1")
    return MembershipClient(
      cluster: "test",
      authority: RegisteredNode(
        principal: try Principal(cluster.principal("keyval-authority/a1")),
        endpoint: try #require(Endpoint(authority.address))),
      credential: try .fromCache(name: cluster.aliceCache))
  }

  /// What an administrator is told of the store that is held.
  private func held(
    _ cluster: ClusterFixture, unlike other: StoreMark? = nil
  ) async throws -> DatabaseStanding {
    var standing: DatabaseStanding?
    let end = ContinuousClock.now + .seconds(60)
    while standing?.held == nil || standing?.held == other, ContinuousClock.now < end {
      standing = try await administrator(cluster).stores().stores.first
      try await Task.sleep(for: .milliseconds(50))
    }
    let found = try #require(standing)
    #expect(found.held != nil, "the store is held")
    return found
  }
}
