import Foundation
import LocalTrust
import Testing

@testable import LocalCluster

// One after the other: a child that is being started holds our descriptors, ports too, until it is another program.
@Suite("Processes of a local cluster", .serialized)
struct ProcessTests {
  private let directory: ClusterDirectory
  private let launcher = ProcessLauncher(user: .forTests, environment: ["PATH": "/usr/bin:/bin"])

  init() throws {
    directory = try ClusterDirectory(temporaryIn: FileManager.default.temporaryDirectory.path)
  }

  /// The shell stays what it is: a process that became another program would not be the one that was started.
  private static let forEver = "while :; do sleep 0.01; done"

  private func launch(_ script: String, role: ProcessRole = .drone) throws -> ClusterRecord.Process {
    let identity = try launcher.launch("/bin/sh", ["-c", script], log: directory.path + "/process.log")
    return .init(role: role, name: "p", address: "127.0.0.1:1", identity: identity)
  }

  /// Waits until the process has written the text, which proves that it came so far.
  private func awaitLog(_ text: String) async throws {
    while readSmallFile(directory.path + "/process.log")?.contains(text) != true {
      try await Task.sleep(for: .milliseconds(2))
    }
  }

  private func remove() { try? FileManager.default.removeItem(atPath: directory.path) }

  @Test("a process is ended by SIGTERM and leaves nothing behind", .timeLimit(.minutes(1)))
  func stop() async throws {
    defer { remove() }
    let process = try launch("echo ready; \(Self.forEver)")
    try await awaitLog("ready")
    #expect(process.identity.isRunning)
    #expect(ProcessRoster.stop([process]).isEmpty)
    #expect(!process.identity.isRunning)
    #expect(kill(process.pid, 0) == -1, "reaped, not a zombie")
  }

  @Test("a process that ignores SIGTERM is killed", .timeLimit(.minutes(1)))
  func stopStubborn() async throws {
    defer { remove() }
    let process = try launch("trap '' TERM; echo ready; while :; do sleep 0.01; done")
    try await awaitLog("ready")
    #expect(ProcessRoster.stop([process], patience: .milliseconds(50)) == [process])
    #expect(!process.identity.isRunning)
  }

  @Test("a number that belongs to another process by now is left alone", .timeLimit(.minutes(1)))
  func reusedNumber() async throws {
    defer { remove() }
    let process = try launch("echo ready; \(Self.forEver)")
    defer { ProcessRoster.stop([process]) }
    try await awaitLog("ready")
    let identity = process.identity
    let others = [
      Self.changed(identity, startTime: identity.startTime + 1),
      Self.changed(identity, boot: "an earlier boot"),
      Self.changed(identity, user: identity.user + 1),
      Self.changed(identity, program: RunningProgram(device: 1, inode: 1, name: identity.program.name)),
      Self.changed(identity, program: RunningProgram(name: "another")),
    ]
    for other in others {
      ProcessRoster.stop([.init(role: .drone, name: "q", address: "", identity: other)])
      #expect(!other.isRunning)
    }
    #expect(identity.isRunning)
  }

  private static func changed(
    _ identity: ProcessIdentity, startTime: UInt64? = nil, boot: String? = nil, user: UInt32? = nil,
    program: RunningProgram? = nil
  ) -> ProcessIdentity {
    ProcessIdentity(
      pid: identity.pid, startTime: startTime ?? identity.startTime,
      bootIdentifier: boot ?? identity.bootIdentifier, user: user ?? identity.user,
      program: program ?? identity.program)
  }

  @Test("a process starts in a session of its own, with default signals, no input, and a private log")
  func launchDetached() async throws {
    defer { remove() }
    let process = try launch(
      "cat; grep -E '^Sig(Blk|Ign)' /proc/self/status; ls /proc/self/fd; \(Self.forEver)")
    defer { ProcessRoster.stop([process]) }
    try await awaitLog("\n3\n")
    #expect(getsid(process.pid) == process.pid)
    let log = try #require(readSmallFile(directory.path + "/process.log"))
    #expect(log.contains("SigBlk:\t0000000000000000"))
    let ignored = try #require(log.split(separator: "\n").first { $0.hasPrefix("SigIgn:") })
    // Signals 32 and 33 are the C library's own.
    #expect(try #require(UInt64(ignored.dropFirst(8), radix: 16)) & 0x7FFF_FFFF == 0)
    #expect(log.hasSuffix("\n0\n1\n2\n3\n"), "3 is the directory that ls lists")
    let mode = try FileManager.default.attributesOfItem(atPath: directory.path + "/process.log")
    #expect(mode[.posixPermissions] as? Int == 0o600)
  }

  @Test("a program that does not exist is told by name")
  func missingProgram() {
    defer { remove() }
    // As ourselves: to become another user is a program of its own, which is there.
    let launcher = ProcessLauncher(
      user: ServiceUser(uid: geteuid(), gid: getegid(), isOther: false), environment: [:])
    #expect {
      try launcher.launch("/nonexistent/keyval", [], log: directory.path + "/process.log")
    } throws: {
      "\($0)" == "cannot start /nonexistent/keyval: No such file or directory"
    }
  }

  @Test("ports are free, different, and held until they are released")
  func ports() throws {
    defer { remove() }
    let ports = FreePorts()
    let drawn = try (0..<20).map { _ in try ports.draw() }
    #expect(Set(drawn).count == 20)
    #expect(!FreePorts.isFree(drawn[0]))
    ports.release()
    #expect(FreePorts.isFree(drawn[0]))
  }

  @Test("cluster.json comes back as it was written and says what scripts read from it")
  func record() throws {
    defer { remove() }
    var record = ClusterRecord(cluster: "demo", realm: "KEYVAL.TEST")
    let identity = ProcessIdentity(
      pid: 42, startTime: 7, bootIdentifier: "b", user: ServiceUser.forTests.uid,
      program: RunningProgram(device: 1, inode: 2, name: "keyval"))
    record.processes.append(.init(role: .drone, name: "d1", address: "127.0.0.1:6234", identity: identity))
    try record.save(to: directory)
    #expect(try ClusterRecord.load(from: directory) == record)
    let object = try JSONSerialization.jsonObject(with: Data(contentsOf: URL(filePath: directory.record)))
    let process = try #require(((object as? [String: Any])?["processes"] as? [[String: Any]])?.first)
    #expect(process["role"] as? String == "drone")
    #expect(process["name"] as? String == "d1")
    #expect(process["pid"] as? Int == 42)
    #expect(process["address"] as? String == "127.0.0.1:6234")
    #expect((object as? [String: Any])?["realm"] as? String == "KEYVAL.TEST")
  }

  @Test("a directory without a cluster, and a file of somebody else's, are told as such")
  func noCluster() throws {
    defer { remove() }
    #expect(throws: LocalClusterError.self) { try ClusterRecord.load(from: directory) }
    try replaceFile(directory.record, with: "[]", mode: 0o600)
    #expect {
      try ClusterRecord.load(from: directory)
    } throws: {
      "\($0)".hasPrefix("\(directory.record) is not what keyval wrote there")
    }
  }

  @Test("one start or stop at a time works on a directory")
  func lock() throws {
    defer { remove() }
    let first = try DirectoryLock(directory)
    #expect(throws: LocalClusterError.self) { try DirectoryLock(directory) }
    withExtendedLifetime(first) {}
  }

  @Test("exports survive any shell", arguments: ["plain", "two words", "it's", "$HOME `x` \\ \"", "'"])
  func exports(value: String) async throws {
    defer { remove() }
    let script = ShellExports.lines([("VALUE", value)]) + #"printf 'got:%s:end\n' "$VALUE"; "# + Self.forEver
    let process = try launch(script)
    defer { ProcessRoster.stop([process]) }
    try await awaitLog(":end")
    #expect(readSmallFile(directory.path + "/process.log") == "got:\(value):end\n")
  }
}
