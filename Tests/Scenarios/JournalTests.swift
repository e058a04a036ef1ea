import ClusterFixture
import Glibc
import Keyval
import LocalCluster
import Testing

@Suite("Journals", .timeLimit(.minutes(30)))
struct JournalTests {
  /// As one `kill -9` of all does it: none of them sees another go first.
  private func killEverything(in cluster: ClusterFixture) throws -> [String] {
    let processes = try cluster.processes
    for process in processes { process.identity.send(signal: SIGKILL) }
    for process in processes { _ = process.identity.wait() }
    return processes.map(\.name)
  }

  private func restart(_ names: [String], in cluster: ClusterFixture) throws {
    for name in names { try cluster.restart(name) }
  }

  @Test(
    "killed all at once under load, the cluster comes back by itself with every acknowledged put",
    arguments: [1, 2])
  func underLoad(loops: Int) async throws {
    try await ClusterFixture.run(drones: 3, loops: loops) { cluster in
      let client = try cluster.client(deadline: .seconds(60))
      let before = try await cluster.awaitServing(by: client)
      let load = Workload(client)
      try await cluster.eventually("there is something to lose") { load.acknowledged > 400 }
      for term in [before.term.number, before.term.number + 1] {
        let progress = load.progress
        try restart(killEverything(in: cluster), in: cluster)
        try await cluster.awaitServing(by: client, drones: ["d1", "d2", "d3"], aboveTerm: term)
        try await cluster.eventually("every writer goes on") { load.hasAdvanced(by: 5, since: progress) }
      }
      await load.stop()
      #expect(load.violations == [])
      try load.requireNoFailures()
      #expect(try await load.lost(by: cluster.client()) == [])
    }
  }

  @Test("what was acknowledged while the database stood still is there after everything was killed, twice")
  func databaseBehind() async throws {
    try await ClusterFixture.run(drones: 2, loops: 2) { cluster in
      let client = try cluster.client(deadline: .seconds(60))
      let before = try await cluster.awaitServing(by: client)
      // With a shadow on the list a put is acknowledged without the database. Each partition has to be written to first.
      for number in 0..<200 { try await client.put("key \(number)", "old") }
      try await cluster.eventually("every slot is shadowed") {
        let status = try await client.status()
        return status.slotsShadowed == 16_384 && status.drones.allSatisfy { $0.behind == 0 }
      }
      try cluster.suspend("db1")
      let quick = try cluster.client(deadline: .seconds(1))
      var acknowledged: [Int] = []
      for number in 0..<200 {
        do {
          try await quick.put("key \(number)", "new")
          acknowledged.append(number)
        } catch {
          // Its partition has no second place but the database.
        }
      }
      #expect(acknowledged.count > 100, "only journals can have them")
      for _ in 0..<2 { try restart(killEverything(in: cluster), in: cluster) }
      try await cluster.awaitServing(by: client, drones: ["d1", "d2"], aboveTerm: before.term.number)
      for number in acknowledged { #expect(try await client.getString("key \(number)") == "new") }
    }
  }

  @Test("killed all at once when idle and never written to, the cluster comes back by itself")
  func idle() async throws {
    try await ClusterFixture.run(drones: 2) { cluster in
      let client = try cluster.client(deadline: .seconds(60))
      let before = try await cluster.awaitServing(by: client)
      try restart(killEverything(in: cluster), in: cluster)
      try await cluster.awaitServing(by: client, drones: ["d1", "d2"], aboveTerm: before.term.number)
      try await client.put("greeting", "hello")
      #expect(try await client.getString("greeting") == "hello")
    }
  }
}
