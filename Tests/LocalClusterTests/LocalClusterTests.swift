import Foundation
import Glibc
import LocalTrust
import Provisioning
import Synchronization
import Testing

@testable import LocalCluster

/// With a real realm, and with nodes that only sleep: what is tested here is who is started and who is ended.
@Suite("A local cluster", .serialized)
struct LocalClusterTests {
  private let directory: ClusterDirectory
  private let program: String
  private let told = Told()

  init() throws {
    directory = try ClusterDirectory(temporaryIn: FileManager.default.temporaryDirectory.path)
    chmod(directory.path, 0o711)
    program = directory.path + ".program"
    // Enrolls by making the keytab, and runs as a node until it is ended, unless its name is in FAIL. It stays the
    // program that it is, and starts no other: it opens a pipe that nobody ever writes to.
    #expect(mkfifo(program + ".nothing", 0o644) == 0)
    try """
    #!/bin/sh
    case $1 in
      --version) exit 0 ;;
      enroll) read -r password && test -n "$password" && touch "$4" ;;
      *) case $3 in */\(Self.failing)/*) echo "cannot go on" >&2; exit 1 ;; esac; read -r _ <"$0.nothing" ;;
    esac
    """.write(toFile: program, atomically: false, encoding: .utf8)
    chmod(program, 0o755)
  }

  private static let failing = "d9"

  private func remove() {
    for path in [directory.path, program, program + ".nothing"] {
      try? FileManager.default.removeItem(atPath: path)
    }
  }

  private func start(drones: Int = 1, probe: @escaping LocalCluster.Probe = { true }) async throws
    -> ClusterRecord
  {
    try await LocalCluster.start(
      ClusterPlan(drones: drones), in: directory, program: program, reporter: StepReporter(told.add),
      probe: probe)
  }

  private func nodeFile(_ name: String) throws -> NodeFile {
    var status = stat()
    #expect(stat(directory.node(name), &status) == 0)
    return try NodeFile.load(directory.configuration(of: name), below: status.st_uid)
  }

  /// Processes whose arguments or working files lie in the directory.
  private func survivors() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: "/proc").filter { Int($0) != nil }.compactMap { pid in
      let words =
        (readSmallFile("/proc/\(pid)/cmdline") ?? "") + (readSmallFile("/proc/\(pid)/environ") ?? "")
      let isAlive = ProcessIdentity(pid: Int32(pid) ?? 0) != nil
      return isAlive && words.contains(directory.path) ? words : nil
    }
  }

  @Test("it starts all processes, writes them down, and stop ends exactly those", .timeLimit(.minutes(1)))
  func startAndStop() async throws {
    defer { remove() }
    let record = try await start(drones: 2)
    #expect(record.processes.map(\.role) == [.kdc, .kadmind, .authority, .database, .drone, .drone])
    #expect(record.processes.map(\.name) == ["krb5kdc", "kadmind", "a1", "db1", "d1", "d2"])
    #expect(record.processes.allSatisfy { $0.identity.isRunning })
    #expect(try ClusterRecord.load(from: directory) == record)
    #expect(try survivors().count == 6)
    if geteuid() == 0 {
      let users = try Dictionary(uniqueKeysWithValues: record.processes.map { ($0.name, try user(of: $0)) })
      #expect(users.values.allSatisfy(ClusterUsers.range.contains), "\(users)")
      #expect(users["krb5kdc"] == users["kadmind"])
      #expect(Set(users.values).count == 5, "the daemons, the authority and each node: \(users)")
    }
    #expect(try LocalCluster.stop(in: directory).isEmpty)
    #expect(!record.processes.contains { $0.identity.isRunning })
    #expect(try survivors().isEmpty)
    #expect(try ClusterRecord.load(from: directory).processes.isEmpty)
  }

  @Test(
    "a standby authority is a process of its own with the authority's register, keytab and user",
    .timeLimit(.minutes(1)))
  func standby() async throws {
    defer { remove() }
    let record = try await LocalCluster.start(
      ClusterPlan(drones: 1, hasStandby: true), in: directory, program: program,
      reporter: StepReporter(told.add), probe: { true })
    #expect(record.processes.map(\.name) == ["krb5kdc", "kadmind", "a1", "db1", "d1", "a1-standby"])
    #expect(record.processes[5].role == .authority && directory.hadStandby)
    #expect(try user(of: record.processes[5]) == user(of: record.processes[2]))
    let (first, second) = (
      try nodeFile("a1"),
      try nodeFile("a1-standby")
    )
    #expect(first.name == second.name && first.keytab == second.keytab && first.directory == second.directory)
    #expect(first.listen != second.listen)
    let drone = try nodeFile("d1")
    #expect(drone.authority?.address == first.listen && drone.authority?.standby == second.listen)
    let client = try #require(readSmallFile(directory.clientConfiguration))
    #expect(client.contains(second.listen))
    try LocalCluster.stop(in: directory)
    #expect(try survivors().isEmpty)
  }

  @Test(
    "the numbers of shadows and sessions and the heartbeat reach those whom they concern",
    .timeLimit(.minutes(1)))
  func settings() async throws {
    defer { remove() }
    _ = try await LocalCluster.start(
      ClusterPlan(drones: 1, shadows: 2, heartbeat: 37, sessions: 5_000), in: directory, program: program,
      reporter: StepReporter(told.add), probe: { true })
    #expect(try nodeFile("d1").shadows == 2)
    #expect(try nodeFile("d1").sessions?.perPrincipal == 5_000)
    #expect(try nodeFile("db1").sessions == nil)
    for name in ["a1", "db1", "d1"] {
      #expect(try nodeFile(name).heartbeat == 37, "\(name)")
    }
    let client = try #require(readSmallFile(directory.clientConfiguration))
    #expect(client.contains("\"suspicion\" : 111"), "three heartbeats: \(client)")
    try LocalCluster.stop(in: directory)
  }

  @Test("what was stopped starts again with its realm and its keys", .timeLimit(.minutes(1)))
  func startAgain() async throws {
    defer { remove() }
    _ = try await start()
    try LocalCluster.stop(in: directory)
    let toldBefore = told.lines.count
    #expect(directory.formerDrones == 1)
    let anchors = readSmallFile("\(directory.realm)/election-ca.pem")
    let record = try await start()
    #expect(record.processes.count == 5)
    #expect(readSmallFile("\(directory.realm)/election-ca.pem") == anchors)
    #expect(!told.lines.dropFirst(toldBefore).contains { $0.contains("enrolled") })
    try LocalCluster.stop(in: directory)
  }

  @Test(
    "started as root, a node's user reads neither the CA's key nor the KDC's database nor another's keytab",
    .enabled(if: geteuid() == 0, "only root's nodes run as other users"), .timeLimit(.minutes(1)))
  func separateUsers() async throws {
    defer { remove() }
    var record = try await start(drones: 2)
    let layout = RealmLayout(directory: directory.realm)
    let (drone, authority) = (directory.keytab(of: "d1"), layout.electionCAKey)
    let kdc = ["\(layout.kdcDirectory)/principal", "\(layout.kdcDirectory)/stash", layout.kdcKey]
    let others = [directory.keytab(of: "d2"), directory.keytab(of: "db1")]
    let secrets = [drone, authority, layout.membershipKey, layout.authorityKeytab] + kdc + others

    func readable(by name: String) throws -> [String] {
      let process = try #require(record.processes.first { $0.name == name })
      let user = try user(of: process)
      return try secrets.filter { path in
        try ProgramRun.run(
          ["/usr/bin/head", "-c", "1", path], environment: [:], user: UnixUser(uid: user, gid: user)
        ).status == 0
      }
    }
    #expect(try readable(by: "d1") == [drone])
    #expect(try readable(by: "a1") == [authority, layout.membershipKey, layout.authorityKeytab])
    #expect(try readable(by: "krb5kdc") == kdc)

    // Whoever they are, they stay it; and who comes is somebody else again.
    let before = try record.processes.map(user(of:))
    try LocalCluster.stop(in: directory)
    record = try await start(drones: 2)
    #expect(try record.processes.map(user(of:)) == before)
    let d2 = try #require(record.processes.last)
    ProcessRoster.stop([d2])
    #expect(try user(of: LocalCluster.restart("d2", in: directory, program: program)) == before.last)
    // A node's own directory is its own: what it writes there is no model for another.
    let model = directory.configuration(of: "d1")
    #expect(chown(model, before[4], before[4]) == 0)
    #expect {
      try LocalCluster.addDrone("d7", in: directory, program: program)
    } throws: {
      "\($0)".contains("\(model) belongs to user \(before[4]): the node has changed it")
    }
    #expect(chown(model, 0, 0) == 0)
    let newcomer = try LocalCluster.addDrone("d7", in: directory, program: program)
    #expect(try !before.contains(user(of: newcomer)) && ClusterUsers.range.contains(user(of: newcomer)))
    try LocalCluster.stop(in: directory)
    #expect(try survivors().isEmpty)
  }

  /// Whom a process runs as, once it has changed from root to that user.
  private func user(of process: ClusterRecord.Process) throws -> uid_t {
    try #require(ProcessTable.user(of: process.pid))
  }

  @Test("a second start in the same directory is refused and harms nothing", .timeLimit(.minutes(1)))
  func startTwice() async throws {
    defer { remove() }
    let record = try await start()
    await #expect(throws: LocalClusterError.self) { _ = try await start() }
    #expect(record.processes.allSatisfy { $0.identity.isRunning })
    try LocalCluster.stop(in: directory)
  }

  @Test(
    "a start where some processes have ended starts these again, and no others", .timeLimit(.minutes(1)))
  func repair() async throws {
    defer { remove() }
    let before = try await start(drones: 2)
    let lost = before.processes.filter { ["krb5kdc", "a1", "d2"].contains($0.name) }
    for process in lost { process.identity.send(signal: SIGKILL) }
    ProcessRoster.waitUntilGone(lost, for: .seconds(5))
    await #expect {
      _ = try await start(drones: 3)
    } throws: {
      "\($0)".contains("without d3")
    }
    let after = try await start(drones: 2)
    #expect(after.processes.map(\.name) == before.processes.map(\.name))
    #expect(after.processes.map(\.address) == before.processes.map(\.address))
    #expect(after.processes.allSatisfy { $0.identity.isRunning })
    for (old, new) in zip(before.processes, after.processes) {
      #expect((old.pid == new.pid) == !lost.contains(old), "\(old.name)")
    }
    #expect(try ClusterRecord.load(from: directory) == after)
    try LocalCluster.stop(in: directory)
    #expect(try survivors().isEmpty)
  }

  @Test("what waits since an earlier stop is not taken for a cluster that goes on", .timeLimit(.minutes(1)))
  func stillEnding() async throws {
    defer { remove() }
    var record = try await start(drones: 2)
    let database = record.processes.filter { $0.role == .database }
    ProcessRoster.stop(database)
    record.processes = record.processes.map { process in
      var process = process
      if process.name == "d1" { process.wasAsked = true }
      return process
    }
    try record.save(to: directory)
    await #expect {
      _ = try await start(drones: 2)
    } throws: {
      "\($0)".hasPrefix("d1 had to end by an earlier stop, and waits")
    }
    // The database that it waits for is started by itself.
    try LocalCluster.restart("db1", in: directory, program: program)
    #expect(try ClusterRecord.load(from: directory).processes.allSatisfy { $0.identity.isRunning })
    ProcessRoster.stop(record.processes)
    try LocalCluster.stop(in: directory, .force())
    #expect(try survivors().isEmpty)
  }

  @Test("one process is ended and started again, the others go on", .timeLimit(.minutes(1)))
  func restartOne() async throws {
    defer { remove() }
    let before = try await start(drones: 2)
    func restart(_ name: String) async throws {
      try await LocalCluster.restart(
        name, in: directory, program: program, StopManner(), reporter: StepReporter(told.add), probe: { true }
      )
    }
    try await restart("d1")
    let after = try ClusterRecord.load(from: directory)
    for (old, new) in zip(before.processes, after.processes) {
      #expect((old.pid == new.pid) == (old.name != "d1"), "\(old.name)")
      #expect(new.identity.isRunning && new.wasAsked != true)
    }
    await #expect {
      try await restart("d7")
    } throws: {
      "\($0)".contains("there is no process d7") && "\($0)".contains("krb5kdc, kadmind, a1, db1, d1, d2")
    }
    try LocalCluster.stop(in: directory)
  }

  @Test(
    "a directory that was moved starts where it is now; a copy of one that runs is neither started nor stopped",
    .timeLimit(.minutes(1)))
  func movedAndCopied() async throws {
    defer { remove() }
    let record = try await start()
    let other = directory.path + ".moved"
    defer { try? FileManager.default.removeItem(atPath: other) }
    try FileManager.default.copyItem(atPath: directory.path, toPath: other)
    let copy = try ClusterDirectory(existing: other)
    await #expect {
      _ = try await LocalCluster.start(
        ClusterPlan(drones: 1), in: copy, program: program, reporter: StepReporter(told.add), probe: { true })
    } throws: {
      "\($0)".contains("is a copy of a cluster that runs elsewhere")
    }
    #expect(throws: LocalClusterError.self) { try LocalCluster.stop(in: copy) }
    #expect(record.processes.allSatisfy { $0.identity.isRunning })
    try LocalCluster.stop(in: directory)

    try FileManager.default.removeItem(atPath: other)
    let configuration = "\(directory.realm)/krb5.conf"
    let own = "# a line of its operator's\n"
    try (own + #require(readSmallFile(configuration))).write(
      toFile: configuration, atomically: true, encoding: .utf8)
    #expect(rename(directory.path, other) == 0)
    let moved = try ClusterDirectory(existing: other)
    // Its KDC answers only with what stands at the new place.
    _ = try await LocalCluster.start(
      ClusterPlan(drones: 1), in: moved, program: program, reporter: StepReporter(told.add), probe: { true })
    let text = try #require(readSmallFile("\(moved.realm)/krb5.conf"))
    #expect(text.hasPrefix(own) && text.contains("FILE:\(other)/realm/election-ca.pem"))
    let server = try #require(readSmallFile("\(moved.realm)/kdc/krb5.conf"))
    #expect(!server.replacing(other, with: "").contains(directory.path))
    try LocalCluster.stop(in: moved)
  }

  @Test(
    "a node that ends at once fails the start with the end of its log, and nothing is left",
    .timeLimit(.minutes(1)))
  func failingNode() async throws {
    defer { remove() }
    await #expect {
      _ = try await start(drones: 9, probe: { false })
    } throws: {
      "\($0)".contains("drone d9 ended") && "\($0)".contains("cannot go on")
    }
    #expect(try survivors().isEmpty)
    #expect(told.lines.last?.hasPrefix("FAILED  election") == true)
  }

  @Test("a start that is called off leaves nothing behind, and can be repeated", .timeLimit(.minutes(1)))
  func cancelled() async throws {
    defer { remove() }
    let reached = AsyncStream.makeStream(of: Void.self)
    let starting = Task {
      try await start(probe: {
        reached.continuation.yield()
        return false
      })
    }
    for await _ in reached.stream { break }
    starting.cancel()
    await #expect {
      _ = try await starting.value
    } throws: {
      ($0 as? LocalClusterError)?.fault == .interrupted
    }
    #expect(try survivors().isEmpty)
    let record = try await start()
    #expect(record.processes.count == 5)
    try LocalCluster.stop(in: directory)
  }

  @Test(
    "a program that the nodes' user cannot reach is copied to where it can be reached",
    .enabled(if: geteuid() == 0, "only root's nodes run as another user"), .timeLimit(.minutes(1)))
  func unreachableProgram() throws {
    defer { remove() }
    let hidden = "\(directory.path)/hidden"
    try FileManager.default.createDirectory(
      atPath: hidden, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
    try FileManager.default.copyItem(atPath: program, toPath: "\(hidden)/keyval")
    let user = try ClusterUsers(of: directory).daemons
    let prepared = try NodeProgram.prepare("\(hidden)/keyval", for: user, in: directory)
    #expect(prepared.path == "\(directory.path)/program/keyval")
    #expect(prepared.environment == ["LD_LIBRARY_PATH": "\(directory.path)/program"])
    #expect(try NodeProgram.prepare(program, for: user, in: directory).path == program)
  }

  @Test(
    "a directory with something else in it is refused each time, and left as it is", .timeLimit(.minutes(1)))
  func foreignDirectory() async throws {
    defer { remove() }
    chmod(directory.path, 0o700)
    mkdir(directory.realm, 0o700)
    for name in ["thesis.tex", "realm/of-my-thesis"] {
      try "mine".write(toFile: "\(directory.path)/\(name)", atomically: true, encoding: .utf8)
    }
    for _ in 0..<2 {
      await #expect {
        _ = try await start()
      } throws: {
        "\($0)".contains("is no cluster's directory: it holds realm")
      }
      #expect(directory.contents() == ["lock", "realm", "thesis.tex"])
      #expect(access("\(directory.realm)/of-my-thesis", F_OK) == 0)
      var status = stat()
      #expect(stat(directory.path, &status) == 0 && status.st_mode & 0o777 == 0o700, "opened to others")
    }
    #expect(try survivors().isEmpty)
  }
}

final class Told: Sendable {
  private let state = Mutex<[String]>([])
  var lines: [String] { state.withLock { $0 } }
  func add(_ line: String) { state.withLock { $0.append(line) } }
}
