import ClusterFixture
import HostWorkload
import Keyval
import Testing

@Suite("A database that is away", .timeLimit(.minutes(30)))
struct DatabaseTests {
  /// A process that ended and comes back is another than before, with other sessions.
  @Test("gets and secured puts go on without it, durable ones fail in time or wait, and nothing is lost")
  func killed() async throws {
    try await ClusterFixture.run(drones: 3, within: .seconds(600)) { cluster in
      let client = try cluster.client()
      let hasty = try cluster.client(deadline: .seconds(1))
      let before = try await cluster.awaitServing(by: client)
      for number in 0..<100 { try await client.put("key \(number)", "\(number)") }
      for number in 0..<100 { #expect(try await hasty.getString("key \(number)") == "\(number)") }
      try await client.writeToEveryPartition()
      try await awaitShadows(cluster, client)

      try await cluster.suspendWhenShadowed(["db1"])
      try cluster.kill("db1")
      async let patient = client.put("patient", "yes", level: .durable)
      await failsInTime { try await hasty.put("hasty", "perhaps", level: .durable) }
      // Longer than a commander would stay who alone has lost the database (5 s).
      let end = ContinuousClock.now + .seconds(6)
      var written = 0
      while ContinuousClock.now < end {
        for number in 0..<100 { #expect(try await hasty.getString("key \(number)") == "\(number)") }
        written += 1
        try await hasty.put("secured \(written)", "\(written)")
        try await Task.sleep(for: .milliseconds(100))
      }
      try cluster.restart("db1")
      #expect(try await patient == false)
      #expect(try await client.getString("patient") == "yes")
      let hastily = try await client.getString("hasty")
      #expect(hastily == nil || hastily == "perhaps")
      for number in 1...written { #expect(try await client.getString("secured \(number)") == "\(number)") }
      try await client.put("after", "yes")
      let after = try await cluster.awaitServing(by: client)
      #expect(after.term == before.term && after.commander == before.commander)
      for number in 0..<100 { #expect(try await client.getString("key \(number)") == "\(number)") }
    }
  }

  @Test("a minute without database and authority costs no request, no write and no office")
  func minute() async throws {
    try await ClusterFixture.run(drones: 3, within: .seconds(600)) { cluster in
      let client = try cluster.client(deadline: .seconds(150))
      let hasty = try cluster.client(deadline: .seconds(1))
      let before = try await cluster.awaitServing(by: client)
      let offices = try officesTaken(cluster)
      // Whatever waited for the database or the authority would wait longer than these do.
      let load = try await HostWorkload.Workload(
        (0..<4).map { _ in try cluster.client(deadline: .seconds(10)) }, beginning: "minute",
        pause: .milliseconds(20))
      try await awaitProgress(5, of: load, cluster)
      // Where no shadow is on the list when they leave, none can be put there until they are back.
      try await client.writeToEveryPartition()
      try await awaitShadows(cluster, client)

      try await cluster.suspendWhenShadowed(["db1", "a1"])
      let end = ContinuousClock.now + .seconds(60)
      async let patient = client.put("patient", "yes", level: .durable)
      await failsInTime { try await hasty.put("hasty", "perhaps", level: .durable) }
      try await cluster.eventually("the commander misses both, and every drone has what the database has not")
      {
        let status = try await hasty.status()
        return !status.databases.contains(where: \.isReachable)
          && !status.authorities.contains(where: \.isReachable) && status.drones.allSatisfy { $0.behind > 0 }
      }
      while ContinuousClock.now < end { try await awaitProgress(10, of: load, cluster) }
      let during = try await client.status()
      #expect(during.slotsServed == 16_384 && during.term == before.term)
      await failsInTime { try await hasty.put("hasty", "perhaps", level: .durable) }

      for name in ["db1", "a1"] { try cluster.resume(name) }
      #expect(try await patient == false)
      try await cluster.eventually("the commander reaches both again") {
        let status = try await hasty.status()
        return status.databases.allSatisfy(\.isReachable) && status.authorities.allSatisfy(\.isReachable)
      }
      try await awaitProgress(5, of: load, cluster)
      let after = try await cluster.awaitServing(by: client)
      #expect(after.term == before.term && after.commander == before.commander)
      #expect(try officesTaken(cluster) == offices, "the same office all the time")

      await load.stop()
      #expect(load.progress.failures == [])
      try await judge(load)
      try await cluster.eventually("everything is flushed") {
        try await client.status().drones.allSatisfy { $0.behind == 0 }
      }
      // No memory is left: what is read now is what the database had.
      let drones = try cluster.processes(of: .drone).map(\.name)
      for name in drones { try cluster.kill(name) }
      for name in drones { try cluster.restart(name) }
      try await cluster.acceptLoss(by: client, aboveTerm: before.term.number)
      try await judge(load)
      #expect(try await client.getString("patient") == "yes")
      let hastily = try await client.getString("hasty")
      #expect(hastily == nil || hastily == "perhaps")
    }
  }

  // MARK: -

  private func awaitShadows(_ cluster: ClusterFixture, _ client: KeyvalClient) async throws {
    try await cluster.eventually("every slot is shadowed") {
      try await client.status().slotsShadowed == 16_384
    }
  }

  private func awaitProgress(
    _ count: Int, of load: HostWorkload.Workload, _ cluster: ClusterFixture
  ) async throws {
    let before = load.progress.operations
    try await cluster.eventually("each client has done \(count) more") {
      zip(load.progress.operations, before).allSatisfy { $0 >= $1 + count }
    }
  }

  /// Reads everything back.
  private func judge(_ load: HostWorkload.Workload) async throws {
    let report = try await load.readBack()
    #expect(report.lost == [], "of \(report.written) keys that were written once")
    #expect(report.anomalies == [])
    // With less in them they show nothing.
    #expect(report.written > 100 && report.operations > 1_000)
  }

  private func failsInTime(_ write: () async throws -> Bool?) async {
    await #expect {
      _ = try await write()
    } throws: { error in
      if case KeyvalError.deadlineExceeded(outcomeUnknown: true, _) = error { true } else { false }
    }
  }

  private func officesTaken(_ cluster: ClusterFixture) throws -> [Int] {
    try cluster.processes(of: .drone).map {
      cluster.log(of: $0.name).components(separatedBy: "office taken").count
    }
  }
}
