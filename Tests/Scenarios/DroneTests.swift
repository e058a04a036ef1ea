import ClusterFixture
import Keyval
import Testing

@Suite("Drones that die, hang and join", .timeLimit(.minutes(30)))
struct DroneTests {
  @Test("a killed drone's keys are read from the others, the newest values")
  func killed() async throws {
    try await ClusterFixture.run(drones: 3) { cluster in
      let client = try cluster.client()
      let status = try await cluster.awaitServing(by: client)
      let load = Workload(client)
      try await cluster.eventually("there is something to lose") { load.acknowledged > 400 }
      let victim = try #require(status.drones.map(\.principal).first { $0 != status.commander }?.instance)
      let progress = load.progress
      try cluster.kill(victim)
      let rest = Set(["d1", "d2", "d3"]).subtracting([victim])
      let after = try await cluster.awaitServing(by: client, drones: rest)
      try await cluster.eventually("every writer goes on") { load.hasAdvanced(by: 5, since: progress) }
      #expect(after.term == status.term, "a drone's death is no election")
      await load.stop()
      #expect(load.violations == [])
      try load.requireNoFailures()
      #expect(try await load.lost(by: cluster.client()) == [])
    }
  }

  @Test("a drone that hung beyond its lease answers nothing stale when it goes on")
  func suspended() async throws {
    try await ClusterFixture.run(drones: 3) { cluster in
      let client = try cluster.client()
      // It goes on believing in the drone that hangs, so that its questions wait there.
      let patient = try cluster.client(deadline: .seconds(60), suspicion: .seconds(60))
      let status = try await cluster.awaitServing(by: client)
      // What still moves would be elsewhere by the time it is asked for.
      try await cluster.eventually("nothing moves") {
        let status = try await client.status()
        return status.slotsMoving == 0 && status.slotsShadowed == 16_384
      }
      let victim = try #require(status.drones.map(\.principal).first { $0 != status.commander })
      let name = try #require(victim.instance)
      var keys: [String] = []
      for number in 0..<200 {
        let key = "key \(number)"
        try await client.put(key, "old")
        #expect(try await patient.getString(key) == "old")
        if try await patient.locate(key).owner?.principal == victim { keys.append(key) }
      }
      #expect(keys.count > 20)

      try cluster.suspend(name)
      try await cluster.awaitServing(by: client, drones: Set(["d1", "d2", "d3"]).subtracting([name]))
      for key in keys { try await client.put(key, "new") }

      let answers = try await withThrowingTaskGroup(of: String?.self) { group in
        for key in keys { group.addTask { try await patient.getString(key) } }
        for _ in 0..<50 { await Task.yield() }
        #expect(try await patient.locate(keys[0]).owner?.principal == victim, "it has the old map")
        try cluster.resume(name)
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(answers == keys.map { _ in "new" })
      try await cluster.awaitServing(by: client, drones: ["d1", "d2", "d3"])
      for key in keys { #expect(try await client.getString(key) == "new") }
    }
  }

  @Test("a fourth drone that joins gets its share, and no key is away for long or lost")
  func joined() async throws {
    try await ClusterFixture.run(drones: 3) { cluster in
      let client = try cluster.client(deadline: .seconds(8))
      let before = try await cluster.awaitServing(by: client)
      let load = Workload(client)
      try await cluster.eventually("there is something to lose") { load.acknowledged > 400 }
      try cluster.addDrone("d4")
      try await cluster.eventually("each of four drones owns a quarter, and all slots are served") {
        let status = try await client.status()
        return status.slotsServed == 16_384 && status.drones.count == 4
          && status.drones.allSatisfy { (4096 - 64...4096 + 64).contains($0.slots) && $0.state == .serving }
      }
      let progress = load.progress
      try await cluster.eventually("every writer goes on") { load.hasAdvanced(by: 5, since: progress) }
      #expect(try await client.status().term == before.term, "a new drone is no election")
      await load.stop()
      #expect(load.violations == [])
      try load.requireNoFailures()
      #expect(try await load.lost(by: cluster.client()) == [])
    }
  }
}
