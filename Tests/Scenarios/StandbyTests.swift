import Cluster
import ClusterFixture
import Keyval
import LocalCluster
import Testing

/// Two processes of the authority, `a1` and `a1-standby`, on one register.
@Suite("A standby authority", .timeLimit(.minutes(30)))
struct StandbyTests {
  @Test(
    "the authority is killed and the commander too: the standby certifies the next one, and nothing is lost")
  func killed() async throws {
    try await ClusterFixture.run(drones: 3, hasStandby: true) { cluster in
      let client = try cluster.client(deadline: .seconds(60))
      let before = try await cluster.awaitServing(by: client)
      let load = Workload(client)
      let old = try #require(before.commander.instance)
      try await cluster.eventually("there is something to lose") { load.acknowledged > 200 }
      let (active, standby) = Self.authorities(of: cluster)
      try cluster.kill(active)
      try cluster.kill(old)
      let progress = load.progress
      let after = try await cluster.awaitServing(
        by: client, drones: Set(["d1", "d2", "d3"]).subtracting([old]), aboveTerm: before.term.number)
      #expect(Self.hasCertified(after.term, standby, cluster))
      try await cluster.eventually("every writer goes on") { load.hasAdvanced(by: 5, since: progress) }

      // The first one stands by now, a drone that returns finds the other, and another term comes from it.
      try cluster.restart(active)
      try cluster.restart(old)
      try await cluster.awaitServing(by: client, drones: ["d1", "d2", "d3"])
      let next = try #require(try await client.status().commander.instance)
      try cluster.kill(next)
      let later = try await cluster.awaitServing(
        by: client, drones: Set(["d1", "d2", "d3"]).subtracting([next]), aboveTerm: after.term.number)
      #expect(Self.hasCertified(later.term, standby, cluster))
      await load.stop()
      #expect(load.violations == [])
      try load.requireNoFailures()
      #expect(try await load.lost(by: cluster.client()) == [])
    }
  }

  /// Which of the two is active in a cluster that has just started: whoever was first.
  private static func authorities(of cluster: ClusterFixture) -> (active: String, standby: String) {
    let isFirst = cluster.log(of: "a1").contains("authority started")
    return isFirst ? ("a1", "a1-standby") : ("a1-standby", "a1")
  }

  private static func hasCertified(_ term: Term, _ process: String, _ cluster: ClusterFixture) -> Bool {
    cluster.log(of: process).split(separator: "\n").contains {
      $0.contains("commander certified") && $0.hasSuffix("term=\(term)")
    }
  }

  /// Their number is even, so that the authority's own voice counts: what it said before it hung must not count
  /// beside what the standby says.
  @Test("the authority hangs and the commander is killed; woken up it does no harm, and takes its turn again")
  func suspended() async throws {
    try await ClusterFixture.run(drones: 4, hasStandby: true) { cluster in
      let all: Set = ["d1", "d2", "d3", "d4"]
      let client = try cluster.client(deadline: .seconds(60))
      let before = try await cluster.awaitServing(by: client)
      let load = Workload(client)
      let old = try #require(before.commander.instance)
      try await cluster.eventually("there is something to lose") { load.acknowledged > 200 }
      let (active, standby) = Self.authorities(of: cluster)
      try cluster.suspend(active)
      try cluster.kill(old)
      let progress = load.progress
      let after = try await cluster.awaitServing(
        by: client, drones: all.subtracting([old]), aboveTerm: before.term.number)
      #expect(Self.hasCertified(after.term, standby, cluster))

      try cluster.resume(active)
      try await cluster.eventually("the woken one finds out and stands by") {
        cluster.log(of: active).contains("tenure lost")
      }
      try cluster.restart(old)
      try await cluster.awaitServing(by: client, drones: all)
      try await cluster.eventually("every writer goes on") { load.hasAdvanced(by: 5, since: progress) }
      let status = try await client.status()
      #expect(status.term == after.term && status.commander == after.commander, "it ends no office")
      #expect(!Self.hasCertified(after.term, active, cluster))

      // And its turn comes again.
      try cluster.kill(standby)
      let next = try #require(status.commander.instance)
      try cluster.kill(next)
      let later = try await cluster.awaitServing(
        by: client, drones: all.subtracting([next]), aboveTerm: after.term.number)
      #expect(Self.hasCertified(later.term, active, cluster))
      await load.stop()
      #expect(load.violations == [])
      try load.requireNoFailures()
      #expect(try await load.lost(by: cluster.client()) == [])
    }
  }

  @Test("in order: stop gives the tenure to nobody, and a cluster that was stopped has its standby again")
  func inOrder() async throws {
    try await ClusterFixture.run(drones: 1, hasStandby: true) { cluster in
      let client = try cluster.client(deadline: .seconds(60))
      try await client.put("greeting", "hello")
      let (active, standby) = Self.authorities(of: cluster)
      #expect(try await cluster.terminate(active) == 0)
      try await cluster.eventually("the standby follows at once", within: .seconds(2)) {
        cluster.log(of: standby).contains("authority started")
      }
      #expect(try cluster.processes(of: .authority).map(\.name) == ["a1", "a1-standby"])
      #expect(try await cluster.terminate(standby) == 0)
      #expect(try await client.getString("greeting") == "hello")
    }
  }
}
