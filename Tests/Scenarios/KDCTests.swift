import ClusterFixture
import Keyval
import Testing

@Suite("A KDC that is away", .timeLimit(.minutes(30)))
struct KDCTests {
  @Test("the cluster goes on, also when a drone dies; one that starts meanwhile joins when the KDC is back")
  func away() async throws {
    try await ClusterFixture.run(drones: 3) { cluster in
      let client = try cluster.client()
      let before = try await cluster.awaitServing(by: client)
      let load = Workload(client)
      try await cluster.eventually("the client has sessions with all") { load.acknowledged > 200 }
      let victim = try #require(before.drones.map(\.principal).first { $0 != before.commander }?.instance)
      for name in ["krb5kdc", "kadmind", victim] { try cluster.kill(name) }
      try await cluster.awaitServing(by: client, drones: Set(["d1", "d2", "d3"]).subtracting([victim]))
      let progress = load.progress
      try await cluster.eventually("every writer goes on") { load.hasAdvanced(by: 5, since: progress) }

      let starts = cluster.log(of: victim).split(separator: "drone started").count
      try cluster.restart(victim)
      try await cluster.eventually("the drone starts without a KDC") {
        cluster.log(of: victim).split(separator: "drone started").count > starts
      }
      try cluster.restart("krb5kdc")
      try cluster.restart("kadmind")
      let after = try await cluster.awaitServing(by: client, drones: ["d1", "d2", "d3"])
      #expect(after.term == before.term)
      await load.stop()
      #expect(load.violations == [])
      try load.requireNoFailures()
      #expect(try await load.lost(by: cluster.client()) == [])
    }
  }
}
