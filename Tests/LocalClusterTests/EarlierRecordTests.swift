import Foundation
import Glibc
import Testing

@testable import LocalCluster

/// Lists of processes as they were written before they said as whom and what each process runs.
@Suite("A cluster.json of an earlier version", .serialized, .timeLimit(.minutes(2)))
struct EarlierRecordTests {
  private let directory: ClusterDirectory
  private let launcher = ProcessLauncher(user: .forTests, environment: ["PATH": "/usr/bin:/bin"])

  init() throws {
    directory = try ClusterDirectory(temporaryIn: FileManager.default.temporaryDirectory.path)
    mkdir(directory.logs, 0o700)
    mkdir(directory.nodes, 0o711)
    // For the processes, which root starts as another user.
    chmod(directory.path, 0o711)
    for name in ["d1", "db1"] { try directory.make(directory.node(name), for: .forTests) }
  }

  /// Ends whatever a test that failed half way left.
  private func remove(_ processes: ProcessIdentity...) {
    for process in processes {
      process.send(signal: SIGKILL)
      _ = process.wait()
    }
    try? FileManager.default.removeItem(atPath: directory.path)
  }

  /// A shell that was started with the words of a node, and goes on until it is asked to end.
  private func launch(
    _ name: String, as role: ProcessRole, words: [String]? = nil
  ) async throws -> ProcessIdentity {
    let folder = "\(directory.path)/program"
    mkdir(folder, 0o755)
    try "echo ready; while :; do sleep 0.01; done\n".write(
      toFile: "\(folder)/\(role.rawValue)", atomically: false, encoding: .utf8)
    chmod("\(folder)/\(role.rawValue)", 0o644)
    let words = words ?? ["--config", directory.configuration(of: name)]
    let child = try launcher.launch(
      "/usr/bin/env", ["-C", folder, "/bin/sh", role.rawValue] + words, log: directory.log(of: name))
    while readSmallFile(directory.log(of: name))?.contains("ready") != true {
      try await Task.sleep(for: .milliseconds(2))
    }
    // It was `env` before it was the shell.
    return try #require(ProcessIdentity(pid: child.pid))
  }

  private func line(
    _ name: String, _ role: String, _ process: ProcessIdentity, start: UInt64? = nil, more: String = ""
  ) -> String {
    """
    {"role": "\(role)", "name": "\(name)", "address": "127.0.0.1:1", "pid": \(process.pid),
     "startTime": \(start ?? process.startTime), "bootIdentifier": "\(process.bootIdentifier)"\(more)}
    """
  }

  private func write(_ lines: String...) throws {
    let text =
      #"{"cluster": "local", "realm": "KEYVAL.TEST", "processes": [\#(lines.joined(separator: ","))]}"#
    try replaceFile(directory.record, with: text, mode: 0o644)
  }

  private func complaint() -> String? {
    do throws(LocalClusterError) {
      _ = try LocalCluster.stop(in: directory, StopManner(patience: .seconds(5)))
      return nil
    } catch {
      #expect(error.fault == .input)
      return error.description
    }
  }

  @Test("its cluster is stopped, once each process is found to be as whom and what it must be")
  func stop() async throws {
    let drone = try await launch("d1", as: .drone)
    let database = try await launch("db1", as: .database)
    defer { remove(drone, database) }
    try write(line("db1", "database", database), line("d1", "drone", drone, more: #", "wasAsked": false"#))
    let record = try ClusterRecord.load(from: directory)
    #expect(record.processes.map(\.identity) == [database, drone])
    #expect(complaint() == nil)
    #expect(!drone.isRunning && !database.isRunning)
    // What is there now is a list of this version.
    #expect(try ClusterRecord.load(from: directory).processes.isEmpty)
  }

  @Test("a process that was started with other words is not ended, nor is any other")
  func otherWords() async throws {
    let drone = try await launch("d1", as: .drone)
    let other = try await launch("db1", as: .database, words: ["--config", "/etc/another/node.json"])
    defer { remove(drone, other) }
    try write(line("d1", "drone", drone), line("db1", "database", other))
    let sentence = try #require(complaint())
    #expect(sentence.contains("process \(other.pid), said to be db1, runs something else, ‘sh’"))
    #expect(sentence.contains("No process was sent a signal."))
    #expect(drone.isRunning && other.isRunning)
    // The right words under the name of another node.
    try write(line("db1", "drone", drone))
    #expect(complaint()?.contains("said to be db1, runs something else") == true)
    #expect(drone.isRunning)
  }

  @Test(
    "a process of another user than the one whose directory it is, is not ended",
    .enabled(if: geteuid() == 0, "only root gives nodes users of their own"))
  func otherUser() async throws {
    let drone = try await launch("d1", as: .drone)
    defer { remove(drone) }
    let stranger = ClusterUsers.range.upperBound
    try #require(stranger != drone.user && lchown(directory.node("d1"), stranger, stranger) == 0)
    try write(line("d1", "drone", drone))
    #expect(complaint()?.contains("d1, runs as user \(drone.user), not as user \(stranger)") == true)
    // A node of which the directory is gone.
    try write(line("d2", "drone", drone))
    #expect(complaint()?.contains("said to be d2, has no directory there") == true)
    #expect(drone.isRunning)
  }

  @Test(
    "who has the number by now, and a process of an earlier boot, are let alone, and the list is done with")
  func numbersOfOthers() async throws {
    let drone = try await launch("d1", as: .drone)
    defer { remove(drone) }
    let boot = ProcessIdentity(
      pid: drone.pid, startTime: drone.startTime, bootIdentifier: "an earlier boot", user: drone.user,
      program: drone.program)
    for text in [line("d1", "drone", drone, start: drone.startTime - 1), line("d1", "drone", boot)] {
      try write(text)
      #expect(complaint() == nil)
      #expect(drone.isRunning)
    }
  }

  @Test("a list of two versions is nobody's, and names that are paths are looked for nowhere")
  func crafted() async throws {
    let drone = try await launch("d1", as: .drone)
    defer { remove(drone) }
    try write(line("d1", "drone", drone), line("db1", "database", drone, more: #", "user": 0"#))
    #expect(complaint()?.contains("it has no ‘user’ (processes, no. 1)") == true)
    try write(line("../nodes/d1", "drone", drone))
    #expect(complaint()?.contains("a process has a name that no node has") == true)
    try write(
      line("d1", "drone", drone).replacing("\"pid\": \(drone.pid)", with: "\"pid\": 1"))
    #expect(complaint()?.contains("d1 has the process number 1") == true)
    #expect(drone.isRunning)
  }
}
