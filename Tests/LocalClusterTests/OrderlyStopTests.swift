import Foundation
import Glibc
import Synchronization
import Testing

@testable import LocalCluster

/// With scripts for processes: what is tested here is who is asked, who is left and who is ended.
@Suite("The end of a local cluster", .serialized, .timeLimit(.minutes(1)))
struct OrderlyStopTests {
  private let directory: ClusterDirectory
  private let told = Told()

  init() throws {
    directory = try ClusterDirectory(temporaryIn: FileManager.default.temporaryDirectory.path)
    try FileManager.default.createDirectory(
      atPath: directory.data(of: "d1"), withIntermediateDirectories: true)
    mkdir(directory.logs, 0o700)
    // For the processes, which root starts as another user.
    chmod(directory.path, 0o711)
  }

  private func remove() { try? FileManager.default.removeItem(atPath: directory.path) }

  /// Says “asked” each time that it is asked to end, and goes on until the file END is there, or it was asked twice.
  private static let waiting = """
    count=0
    trap 'count=$((count+1)); echo asked' TERM; echo ready
    while test $count -lt 2 && ! test -e "$0/END"; do sleep 0.01; done
    """
  private static let obedient = "echo ready; while :; do sleep 0.01; done"
  private static let deaf = "trap '' TERM; echo ready; while :; do sleep 0.01; done"

  private func launch(_ name: String, _ role: ProcessRole, _ script: String) async throws
    -> ClusterRecord.Process
  {
    let launcher = ProcessLauncher(user: .forTests, environment: ["PATH": "/usr/bin:/bin"])
    let identity = try launcher.launch(
      "/bin/sh", ["-c", script, directory.path], log: directory.log(of: name))
    try await awaitLog(of: name, "ready")
    return .init(role: role, name: name, address: "127.0.0.1:1", identity: identity)
  }

  private func awaitLog(of name: String, _ text: String) async throws {
    while !log(of: name).contains(text) { try await Task.sleep(for: .milliseconds(2)) }
  }

  private func log(of name: String) -> String { readSmallFile(directory.log(of: name)) ?? "" }

  private func record(_ processes: [ClusterRecord.Process]) throws {
    var record = ClusterRecord(cluster: "test", realm: "KEYVAL.TEST")
    record.processes = processes
    try record.save(to: directory)
  }

  /// Ends whatever a test that failed half way left.
  private func clear(_ processes: [ClusterRecord.Process]) {
    for process in processes {
      process.identity.send(signal: SIGKILL)
      _ = process.identity.wait()
    }
    remove()
  }

  private func complaint(_ manner: StopManner) -> String? {
    do throws(LocalClusterError) {
      _ = try LocalCluster.stop(in: directory, manner)
      return nil
    } catch {
      #expect(error.fault == .unfinished)
      return error.description
    }
  }

  @Test(
    "a drone that still waits is left, with all that it needs; the next stop waits for it and asks nobody twice"
  )
  func leaves() async throws {
    let drone = try await launch("d1", .drone, Self.waiting)
    let database = try await launch("db1", .database, Self.obedient)
    let authority = try await launch("a1", .authority, Self.obedient)
    let processes = [authority, database, drone]
    defer { clear(processes) }
    try record(processes)
    try "\(drone.pid)\nthe database does not have 3 records\n".write(
      toFile: directory.ending(of: "d1"), atomically: true, encoding: .utf8)
    // Whoever wrote that was asked already.
    let first = try #require(complaint(StopManner(patience: .milliseconds(200))))
    #expect(first.contains("d1 did not end") && first.contains("does not have 3 records"))
    #expect(first.contains("cluster stop --force --directory \(directory.path)"))
    unlink(directory.ending(of: "d1"))
    let second = try #require(complaint(StopManner(patience: .milliseconds(200))))
    #expect(second.contains("it may hang"))
    try await awaitLog(of: "d1", "asked")
    _ = try #require(complaint(StopManner(patience: .milliseconds(200))))
    #expect(log(of: "d1").components(separatedBy: "asked").count == 2, "once")
    #expect(processes.allSatisfy { $0.identity.isRunning })
    #expect(try ClusterRecord.load(from: directory).processes.map(\.pid) == processes.map(\.pid))

    try "".write(toFile: "\(directory.path)/END", atomically: true, encoding: .utf8)
    #expect(try LocalCluster.stop(in: directory).isEmpty)
    #expect(!processes.contains { $0.identity.isRunning })
    #expect(try ClusterRecord.load(from: directory).processes.isEmpty)
  }

  @Test("with force it is told a second time, whoever is deaf is killed, and what each said is passed on")
  func forces() async throws {
    let waiting = try await launch("d1", .drone, Self.waiting)
    let deaf = try await launch("d2", .drone, Self.deaf)
    let processes = [waiting, deaf]
    defer { clear(processes) }
    try record(processes)
    let manner = StopManner(patience: .milliseconds(100), afterwards: .end, tell: told.add)
    #expect(try LocalCluster.stop(in: directory, manner).map(\.name) == ["d2"])
    #expect(!processes.contains { $0.identity.isRunning })
    #expect(told.lines.contains { $0.hasPrefix("d1 is ended, and what only it has is lost: ") })
    #expect(told.lines.contains { $0.hasPrefix("d2 is ended, ") })
    #expect(try ClusterRecord.load(from: directory).processes.isEmpty)
  }

  @Test("whoever waits and has had enough need not wait any longer")
  func hurries() async throws {
    let drone = try await launch("d1", .drone, Self.waiting)
    defer { clear([drone]) }
    try record([drone])
    let hurry = Atomic<Bool>(false)
    let manner = StopManner(
      patience: .seconds(1_000), tell: { _ in hurry.store(true, ordering: .relaxed) },
      isHurried: { hurry.load(ordering: .relaxed) })
    #expect(try LocalCluster.stop(in: directory, manner).isEmpty, "it ended by itself, told twice")
    #expect(!drone.identity.isRunning)
  }

  @Test("a database that does not run is named with what starts it")
  func absentDatabase() async throws {
    let drone = try await launch("d1", .drone, Self.waiting)
    let database = try await launch("db1", .database, Self.obedient)
    defer { clear([drone]) }
    try record([database, drone])
    database.identity.send(signal: SIGKILL)
    _ = database.identity.wait()
    let sentence = try #require(complaint(StopManner(patience: .milliseconds(100))))
    #expect(
      sentence.contains(
        "db1 does not run: keyval cluster restart db1 --directory \(directory.path) starts it"))
  }

  @Test("once the drones have ended a database that hangs is killed")
  func hangingDatabase() async throws {
    let database = try await launch("db1", .database, Self.deaf)
    defer { clear([database]) }
    try record([database])
    let manner = StopManner(patience: .milliseconds(100), afterwards: .end)
    #expect(try LocalCluster.stop(in: directory, manner).map(\.name) == ["db1"])
  }
}

extension ServiceUser {
  /// Root's processes are another user's, as in any cluster that root starts.
  static var forTests: ServiceUser {
    geteuid() == 0
      ? ServiceUser(uid: 61_984, gid: 61_984, isOther: true)
      : ServiceUser(uid: geteuid(), gid: getegid(), isOther: false)
  }
}
