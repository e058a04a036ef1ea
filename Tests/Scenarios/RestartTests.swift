import ClusterFixture
import Foundation
import Glibc
import Keyval
import Testing

@Suite("Restarts", .timeLimit(.minutes(30)))
struct RestartTests {
  @Test(
    "every process in turn is restarted without losing an acknowledged put",
    arguments: [(signal: SIGTERM, loops: 1), (signal: SIGKILL, loops: 2)])
  func everyProcess(signal: Int32, loops: Int) async throws {
    try await ClusterFixture.run(drones: 3, loops: loops) { cluster in
      let client = try cluster.client()
      let before = try await cluster.awaitServing(by: client)
      let load = Workload(client)
      for name in ["krb5kdc", "kadmind", "a1", "db1", "d1", "d2", "d3"] {
        if signal == SIGTERM {
          #expect(try await cluster.terminate(name) == 0, "\(name) ends cleanly")
        } else {
          try cluster.kill(name)
        }
        try cluster.restart(name)
        let progress = load.progress
        try await cluster.awaitServing(by: client, drones: ["d1", "d2", "d3"])
        try await cluster.eventually("every writer goes on after the restart of \(name)") {
          load.hasAdvanced(by: 5, since: progress)
        }
        if name == "db1" {
          let status = try await client.status()
          #expect(status.term == before.term, "neither authority nor database ends an office")
          #expect(status.commander == before.commander)
        }
      }
      await load.stop()
      #expect(load.violations == [])
      try load.requireNoFailures()
      #expect(try await load.lost(by: cluster.client()) == [])
      // One of the three was the commander: the terms went on where the authority's file had them.
      #expect(try await client.status().term > before.term)
    }
  }

  @Test(
    "when all machines die, and no journal is left, every durable put is there once an operator accepts the rest"
  )
  func everythingAtOnce() async throws {
    try await ClusterFixture.run(drones: 3) { cluster in
      let client = try cluster.client(deadline: .seconds(60))
      let before = try await cluster.awaitServing(by: client)
      let load = Workload(client, level: .durable)
      try await cluster.eventually("there is something to lose") { load.acknowledged > 400 }
      let names = try cluster.processes.map(\.name)
      for name in names { try cluster.kill(name) }
      for name in ["d1", "d2", "d3"] {
        // A journal is in the memory of its machine, and is gone with that.
        for loop in 0..<64 { unlink("\(cluster.directory.data(of: name))/journal-\(loop)") }
      }
      for name in names { try cluster.restart(name) }
      let progress = load.progress
      try await cluster.acceptLoss(by: client, aboveTerm: before.term.number)
      try await cluster.awaitServing(
        by: client, drones: ["d1", "d2", "d3"], aboveTerm: before.term.number)
      try await cluster.eventually("every writer goes on") { load.hasAdvanced(by: 5, since: progress) }
      await load.stop()
      #expect(load.violations == [])
      try load.requireNoFailures()
      #expect(try await load.lost(by: cluster.client()) == [])
    }
  }

  @Test("without a majority nobody is elected; when a drone returns, everything does")
  func noMajority() async throws {
    try await ClusterFixture.run(drones: 3) { cluster in
      let client = try cluster.client(deadline: .seconds(60))
      let before = try await cluster.awaitServing(by: client)
      // Two of three at once are more than a shadow makes up for; the disk is not.
      let load = Workload(client, level: .durable)
      try await cluster.eventually("there is something to lose") { load.acknowledged > 400 }
      let commander = try #require(before.commander.instance)
      let others = ["d1", "d2", "d3"].filter { $0 != commander }
      func offices(_ cluster: ClusterFixture) -> Int {
        cluster.log(of: others[1]).components(separatedBy: "office taken").count
      }
      let taken = offices(cluster)
      try cluster.kill(commander)
      try cluster.kill(others[0])
      // The last one stands for office again and again, and may not hold on to what it has without one.
      try await cluster.eventually("the last drone has given up twice") {
        cluster.log(of: others[1]).components(separatedBy: "candidacy failed").count > 2
      }
      let impatient = try cluster.client(deadline: .milliseconds(1500))
      await #expect(throws: KeyvalError.self) { try await impatient.get("anything") }
      #expect(offices(cluster) == taken)
      try cluster.restart(others[0])
      let progress = load.progress
      try await cluster.acceptLoss(by: client, aboveTerm: before.term.number)
      try await cluster.awaitServing(by: client, drones: Set(others), aboveTerm: before.term.number)
      try await cluster.eventually("every writer goes on") { load.hasAdvanced(by: 5, since: progress) }
      await load.stop()
      #expect(load.violations == [])
      try load.requireNoFailures()
      #expect(try await load.lost(by: cluster.client()) == [])
    }
  }

  @Test("a cluster of one drone loses nothing when that drone is killed")
  func onlyDrone() async throws {
    try await ClusterFixture.run(drones: 1) { cluster in
      let client = try cluster.client()
      let before = try await cluster.awaitServing(by: client)
      for number in 0..<100 { try await client.put("key \(number)", "\(number)") }
      try cluster.kill("d1")
      try cluster.restart("d1")
      for number in 0..<100 { #expect(try await client.getString("key \(number)") == "\(number)") }
      #expect(try await client.status().term > before.term)
    }
  }

  @Test("of a cluster of two drones either may be killed")
  func twoDrones() async throws {
    try await ClusterFixture.run(drones: 2) { cluster in
      let client = try cluster.client()
      let before = try await cluster.awaitServing(by: client)
      let load = Workload(client)
      let commander = try #require(before.commander.instance)
      for name in [commander == "d1" ? "d2" : "d1", commander] {
        let progress = load.progress
        try cluster.kill(name)
        try await cluster.awaitServing(by: client, drones: [name == "d1" ? "d2" : "d1"])
        try await cluster.eventually("every writer goes on without \(name)") {
          load.hasAdvanced(by: 5, since: progress)
        }
        try cluster.restart(name)
        try await cluster.awaitServing(by: client, drones: ["d1", "d2"])
      }
      await load.stop()
      #expect(load.violations == [])
      try load.requireNoFailures()
      #expect(try await load.lost(by: cluster.client()) == [])
    }
  }
}
