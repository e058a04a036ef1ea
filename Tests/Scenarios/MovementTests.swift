import ClusterFixture
import Keyval
import Testing

@Suite("Drones that are emptied and filled", .timeLimit(.minutes(30)))
struct MovementTests {
  @Test("every drone in turn is emptied, restarted and filled again, and clients in a hurry notice nothing")
  func rolling() async throws {
    try await ClusterFixture.run(drones: 3) { cluster in
      let client = try cluster.client()
      let status = try await cluster.awaitServing(by: client)
      // The commander comes last: its successor may be restarted by then.
      let commander = try #require(status.commander.instance)
      let names = ["d1", "d2", "d3"].filter { $0 != commander } + [commander]
      let load = Workload(try cluster.client(deadline: .seconds(3)))
      try await cluster.eventually("there is something to lose") { load.acknowledged > 400 }
      for name in names {
        #expect(try await client.administer(.drain, name).isAccepted)
        try await cluster.eventually("\(name) is emptied, and all is shadowed elsewhere") {
          let status = try await client.status()
          return status.slotsServed == 16_384 && status.slotsShadowed == 16_384
            && status.drones.first { $0.principal.instance == name }?.state == .drained
        }
        #expect(try await cluster.terminate(name) == 0)
        let progress = load.progress
        try await cluster.eventually("every writer goes on without \(name)") {
          load.hasAdvanced(by: 5, since: progress)
        }
        try cluster.restart(name)
        try await cluster.awaitServing(by: client, drones: ["d1", "d2", "d3"])
        try await cluster.eventually("\(name) has its share again") {
          let status = try await client.status()
          return status.slotsShadowed == 16_384 && status.slotsMoving == 0
            && status.drones.allSatisfy { $0.slots >= 5_120 }
        }
      }
      await load.stop()
      #expect(load.violations == [])
      try load.requireNoFailures()
      #expect(try await load.lost(by: cluster.client()) == [])
    }
  }

  @Test("an order that cannot be carried out is refused in a sentence, and moves nothing")
  func refused() async throws {
    try await ClusterFixture.run(drones: 2) { cluster in
      let client = try cluster.client()
      let before = try await cluster.awaitServing(by: client)
      let unknown = try await client.administer(.drain, "d7")
      #expect(!unknown.isAccepted && unknown.sentence == "there is no drone d7; there are: d1, d2")
      #expect(try await client.administer(.acceptLoss, "").isAccepted == false)
      #expect(try await client.administer(.drain, "d1").isAccepted)
      #expect(try await client.administer(.drain, "d2").isAccepted == false, "nobody is left to take over")
      #expect(try await client.administer(.resume, "d1").isAccepted)
      let after = try await cluster.awaitServing(by: client)
      #expect(after.drones.map(\.slots).reduce(0, +) == 16_384)
      #expect(after.term == before.term)
    }
  }
}
