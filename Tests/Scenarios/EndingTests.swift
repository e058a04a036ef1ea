import ClusterFixture
import Foundation
import Glibc
import HostWorkload
import Keyval
import LocalCluster
import Testing

/// Orderly ends while the database is behind: what was acknowledged is in memories alone when everybody is asked to end.
@Suite("Ends in order, with a database that is behind", .timeLimit(.minutes(30)))
struct EndingTests {
  @Test("all processes are asked to end at once, as by a machine that is shut down, and nothing is lost")
  func everythingAtOnce() async throws {
    try await ClusterFixture.run(drones: 3, within: .seconds(600)) { cluster in
      let client = try cluster.client()
      let before = try await awaitRest(cluster, by: client)
      // Their histories go over the end of everything and its return.
      let others = try await HostWorkload.Workload(
        (0..<4).map { _ in try cluster.client(deadline: .seconds(10)) }, beginning: "end", padding: 10_000,
        pause: .milliseconds(20))
      let slow = SlowProcess(try cluster.process("db1").identity)
      let load = BulkLoad(client)
      try await awaitBacklog(cluster, load, by: client)

      let processes = try cluster.processes
      for process in processes { process.identity.send(signal: SIGTERM) }
      var statuses: [String: Int32] = [:]
      try await cluster.eventually("all have ended", within: .seconds(120)) {
        for process in processes where statuses[process.name] == nil {
          statuses[process.name] = process.identity.reap()
        }
        return statuses.count == processes.count
      }
      for (name, status) in statuses.sorted(by: { $0.key < $1.key }) {
        #expect(status == 0, "how \(name) ended; its log:\n\(cluster.log(of: name))")
      }
      await load.stop()
      await slow.stop()

      for name in processes.map(\.name) { try cluster.restart(name) }
      try await cluster.awaitServing(
        by: client, aboveTerm: before.term.number, within: .seconds(60))
      #expect(try await load.lost(by: cluster.client()) == [], "of \(load.acknowledged)")
      let sofar = others.progress.operations
      try await cluster.eventually("the others go on") {
        zip(others.progress.operations, sofar).allSatisfy { $0 > $1 + 20 }
      }
      let report = try await others.finish()
      #expect(report.lost == [], "of \(report.written)")
      #expect(report.anomalies == [] && report.operations > 100)
    }
  }

  @Test("a cluster that is stopped and started has what it had")
  func stopAndStart() async throws {
    try await ClusterFixture.run(drones: 3, within: .seconds(600)) { cluster in
      let client = try cluster.client()
      _ = try await awaitRest(cluster, by: client)
      let slow = SlowProcess(try cluster.process("db1").identity)
      let load = BulkLoad(client)
      try await awaitBacklog(cluster, load, by: client)

      let stop = try await keyval(cluster, "cluster", "stop", "--patience", "120")
      #expect(stop.status == 0, "\(stop.remarks)")
      #expect(!stop.remarks.contains("killed") && !stop.remarks.contains("lost"), "\(stop.remarks)")
      await load.stop()
      await slow.stop()

      try await start(cluster)
      let after = try cluster.client()
      try await cluster.awaitServing(by: after)
      #expect(try await load.lost(by: after) == [], "of \(load.acknowledged)")
    }
  }

  @Test(
    "a stop that would lose something fails and says why; when the database is back the next one does not")
  func databaseHangs() async throws {
    try await ClusterFixture.run(drones: 3, within: .seconds(600)) { cluster in
      let client = try cluster.client()
      _ = try await awaitRest(cluster, by: client)
      let load = BulkLoad(client)
      try await cluster.eventually("there is something") { load.acknowledged > 50 }
      try await cluster.suspendWhenShadowed(["db1"])
      let sofar = load.acknowledged
      try await cluster.eventually("shadows alone have something") { load.acknowledged > sofar + 50 }

      let first = try await keyval(cluster, "cluster", "stop", "--patience", "4")
      await load.stop()
      #expect(first.status == 75)
      #expect(first.remarks.contains("d1, d2, d3 did not end within 4 s"), "\(first.remarks)")
      #expect(first.remarks.contains("d2: the database does not have "), "\(first.remarks)")
      #expect(first.remarks.contains("the database does not answer"), "\(first.remarks)")
      #expect(first.remarks.contains("waiting for d1: "), "\(first.remarks)")
      #expect(first.remarks.contains("cluster stop --force --directory \(cluster.directory.path)"))
      #expect(try cluster.processes.allSatisfy(\.identity.isRunning))
      #expect(cluster.log(of: "d1").contains("a second SIGTERM or SIGINT ends this drone at once"))

      try cluster.resume("db1")
      let second = try await keyval(cluster, "cluster", "stop", "--patience", "60")
      #expect(second.status == 0, "\(second.remarks)")
      #expect(!second.remarks.contains("killed") && !second.remarks.contains("lost"), "\(second.remarks)")

      try await start(cluster)
      let after = try cluster.client()
      try await cluster.awaitServing(by: after)
      #expect(try await load.lost(by: after) == [], "of \(load.acknowledged)")
    }
  }

  @Test(
    "a drone that waits for a database that hangs ends at once when it is told twice, and says what is unsaved"
  )
  func toldTwice() async throws {
    try await ClusterFixture.run(drones: 3) { cluster in
      let client = try cluster.client()
      _ = try await awaitRest(cluster, by: client)
      try await cluster.suspendWhenShadowed(["db1"])
      for number in 0..<200 { try await client.put("key \(number)", "\(number)") }
      let drone = try cluster.process("d1")
      drone.identity.send(signal: SIGTERM)
      try await cluster.eventually("it says what it waits for") {
        cluster.log(of: "d1").contains("hands over before it ends")
      }
      #expect(try await cluster.terminate("d1") == 75)
      #expect(cluster.log(of: "d1").contains("was told to end at once while the database does not have"))
      try cluster.resume("db1")
      try await cluster.awaitServing(by: client, drones: ["d2", "d3"])
      for number in 0..<200 { #expect(try await client.getString("key \(number)") == "\(number)") }
    }
  }

  @Test("the database alone is restarted under load: puts go on, none fails, and nothing is lost")
  func databaseAlone() async throws {
    try await ClusterFixture.run(drones: 3, within: .seconds(600)) { cluster in
      let client = try cluster.client()
      _ = try await awaitRest(cluster, by: client)
      let load = Workload(client)
      let bulk = BulkLoad(client)
      try await cluster.eventually("every writer is under way") {
        load.hasAdvanced(by: 5, since: [0, 0, 0, 0]) && bulk.acknowledged > 20
      }
      #expect(try await cluster.terminate("db1") == 0, "every drone has said farewell")
      let progress = load.progress
      try await cluster.eventually("every writer goes on without it") {
        load.hasAdvanced(by: 5, since: progress)
      }
      try cluster.restart("db1")
      try await cluster.eventually("it has everything") {
        try await client.status().databases.allSatisfy(\.isReachable)
      }
      let again = load.progress
      try await cluster.eventually("every writer goes on with it") { load.hasAdvanced(by: 5, since: again) }
      await load.stop()
      await bulk.stop()
      #expect(load.violations == [])
      try load.requireNoFailures()
      #expect(bulk.failures == [])
      #expect(try await load.lost(by: cluster.client()) == [])
      #expect(try await bulk.lost(by: cluster.client()) == [])
    }
  }

  // MARK: -

  /// What is on its way from one drone to another needs the database, and is the business of other tests.
  private func awaitRest(_ cluster: ClusterFixture, by client: KeyvalClient) async throws -> ClusterStatus {
    // A first write to a partition has no second place but the database.
    try await client.writeToEveryPartition()
    try await cluster.eventually("every slot is shadowed, and nothing moves", within: .seconds(60)) {
      let status = try await client.status()
      return status.slotsShadowed == 16_384 && status.slotsMoving == 0
        && status.drones.count == 3 && status.drones.allSatisfy { $0.state == .serving && $0.slots >= 5_120 }
    }
    return try await client.status()
  }

  /// Shadows secure, and the database does not keep up.
  private func awaitBacklog(
    _ cluster: ClusterFixture, _ load: BulkLoad, by client: KeyvalClient
  ) async throws {
    try await cluster.eventually("much is acknowledged, and the database is behind", within: .seconds(60)) {
      guard load.acknowledged > 300 else { return false }
      return try await client.status().drones.allSatisfy { $0.behind > 200 }
    }
  }

  /// Runs the program on the cluster's directory.
  private func keyval(
    _ cluster: ClusterFixture, _ arguments: String...
  ) async throws -> (status: Int32, remarks: String) {
    let log = "\(cluster.scratch)/\(UUID().uuidString).log"
    try "".write(toFile: log, atomically: true, encoding: .utf8)
    let process = Process()
    process.executableURL = URL(filePath: cluster.program)
    process.arguments = arguments + ["--directory", cluster.directory.path]
    process.standardOutput = FileHandle.nullDevice
    process.standardInput = FileHandle.nullDevice
    process.standardError = try FileHandle(forWritingTo: URL(filePath: log))
    try process.run()
    try await cluster.eventually("keyval \(arguments.joined(separator: " ")) ends", within: .seconds(180)) {
      !process.isRunning
    }
    return (process.terminationStatus, try String(contentsOfFile: log, encoding: .utf8))
  }

  /// A cluster that was stopped, in the same directory and realm.
  private func start(_ cluster: ClusterFixture) async throws {
    try await LocalCluster.start(
      ClusterPlan(cluster: "test", realm: cluster.realmName, drones: 3), in: cluster.directory,
      program: cluster.program, reporter: StepReporter { _ in }, probe: { true })
  }
}
