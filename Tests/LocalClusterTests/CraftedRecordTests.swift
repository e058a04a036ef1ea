import Foundation
import Glibc
import LocalTrust
import Testing

@testable import LocalCluster

/// Lists of processes that keyval did not write, or that were changed. The process that they point at is never sent a
/// signal.
@Suite("A cluster.json of somebody's own making", .serialized, .timeLimit(.minutes(2)))
struct CraftedRecordTests {
  private let directory: ClusterDirectory
  /// Somebody's process, which no cluster started, of this user.
  private let victim: ProcessIdentity

  init() throws {
    directory = try ClusterDirectory(temporaryIn: FileManager.default.temporaryDirectory.path)
    let launcher = ProcessLauncher(
      user: ServiceUser(uid: geteuid(), gid: getegid(), isOther: false), environment: [:])
    victim = try launcher.launch("/bin/sleep", ["1000"], log: directory.path + "/victim.log")
  }

  private func remove() {
    #expect(victim.isRunning, "it was sent a signal")
    victim.send(signal: SIGKILL)
    _ = victim.wait()
    try? FileManager.default.removeItem(atPath: directory.path)
  }

  private func record(
    _ identity: ProcessIdentity, name: String = "d1", role: ProcessRole = .drone,
    address: String = "127.0.0.1:1"
  ) throws {
    var record = ClusterRecord(cluster: "test", realm: "KEYVAL.TEST")
    record.processes = [.init(role: role, name: name, address: address, identity: identity)]
    try record.save(to: directory)
  }

  private func changed(
    pid: Int32? = nil, user: UInt32? = nil, program: RunningProgram? = nil
  ) -> ProcessIdentity {
    ProcessIdentity(
      pid: pid ?? victim.pid, startTime: victim.startTime, bootIdentifier: victim.bootIdentifier,
      user: user ?? victim.user, program: program ?? victim.program)
  }

  /// What every command says that would send a signal.
  private func complaint() -> String {
    var sentences: Set<String> = []
    for manner in [StopManner(patience: .milliseconds(10)), .force()] {
      do throws(LocalClusterError) {
        let killed = try LocalCluster.stop(in: directory, manner)
        Issue.record("stop believed it, and killed \(killed.map(\.name))")
      } catch {
        #expect(error.fault == .input)
        sentences.insert(error.description)
      }
    }
    #expect(sentences.count == 1)
    return sentences.first ?? ""
  }

  @Test("a foreign process with the right number, start and boot is not ended: it runs another program")
  func program() throws {
    defer { remove() }
    guard geteuid() != 0 else { return try rootsProcess() }
    try record(changed(program: RunningProgram(device: 1, inode: 1, name: "keyval")))
    let sentence = complaint()
    #expect(
      sentence.contains("process \(victim.pid), said to be d1, runs another program, ‘sleep’, not ‘keyval’"))
    #expect(sentence.contains("No process was sent a signal."))
  }

  /// Root's cluster has no process that runs as root: whatever the record says of program and start, a process of
  /// root's, or of a person's, is none of it.
  private func rootsProcess() throws {
    try record(victim)
    #expect(
      complaint().contains("d1 is said to run as user 0, as whom no process of a cluster of user 0 runs"))
    try record(changed(user: 1_000))
    #expect(complaint().contains("said to run as user 1000"))
    // As one of those users: the process itself says otherwise.
    try record(changed(user: ClusterUsers.range.lowerBound))
    #expect(complaint().contains("process \(victim.pid), said to be d1, runs as user 0, not as user 61184"))
  }

  @Test("numbers that are no single process's are refused", arguments: [1, 0, -1, Int32.min])
  func numbers(pid: Int32) throws {
    defer { remove() }
    try record(changed(pid: pid, user: ServiceUser.forTests.uid))
    #expect(complaint().contains("d1 has the process number \(pid)"))
    #expect(!changed(pid: pid).send(signal: 0))
  }

  @Test(
    "names that are paths, and addresses that are none, are refused",
    arguments: [
      ("../../etc/shadow", "127.0.0.1:1"), ("", "127.0.0.1:1"), (".", "127.0.0.1:1"),
      ("d1\u{1B}[2J", "127.0.0.1:1"),
      ("d1", "127.0.0.1:1\n"), ("d1", String(repeating: "1", count: 301)),
    ])
  func names(name: String, address: String) throws {
    defer { remove() }
    try record(changed(user: ServiceUser.forTests.uid), name: name, address: address)
    let sentence = complaint()
    #expect(sentence.contains("is not what keyval wrote there"))
    #expect(!sentence.contains("\u{1B}") && !sentence.contains("shadow"))
  }

  @Test("a file that others can write, a link of somebody's and a pipe are not read")
  func files() throws {
    defer { remove() }
    try record(changed(user: ServiceUser.forTests.uid))
    chmod(directory.record, 0o666)
    #expect(complaint().contains("can be written by others (mode 666)"))
    unlink(directory.record)
    #expect(mkfifo(directory.record, 0o600) == 0)
    #expect(complaint().contains("is no plain file"))
    unlink(directory.record)
    #expect(symlink("/proc/self/stat", directory.record) == 0)
    #expect(complaint().contains("cluster.json"))
    unlink(directory.record)
    try "{\"cluster\": 1".write(toFile: directory.record, atomically: false, encoding: .utf8)
    #expect(complaint().contains("is not what keyval wrote there"))
  }

  @Test(
    "where others can make names in the directory there is no cluster", arguments: [0o777, 0o770, 0o1777])
  func directory(mode: Int) throws {
    defer {
      chmod(directory.path, 0o700)
      remove()
    }
    chmod(directory.path, mode_t(mode))
    #expect {
      try ClusterDirectory(existing: directory.path)
    } throws: {
      "\($0)".contains("can be written by others (mode \(String(mode, radix: 8)))")
        && "\($0)".contains(
          mode & 0o1000 == 0 ? "chmod go-w \(directory.path)" : "Name a directory of your own in it.")
    }
    chmod(directory.path, 0o755)
    #expect(try ClusterDirectory(existing: directory.path) == directory, "the control")
  }

  @Test("a start does not pass over a list of processes that it cannot believe")
  func start() async throws {
    defer { remove() }
    try "[]".write(toFile: directory.record, atomically: false, encoding: .utf8)
    await #expect {
      try await LocalCluster.start(
        ClusterPlan(drones: 1), in: directory, program: "/bin/false", reporter: StepReporter { _ in },
        probe: { false })
    } throws: {
      "\($0)".contains("is not what keyval wrote there")
    }
    #expect(directory.contents().sorted() == ["cluster.json", "lock", "victim.log"])
  }
}
