import ClusterFixture
import Foundation
import Glibc
import LocalCluster
import Provisioning
import Testing

extension SecurityTests {
  /// Attacks by somebody with an account on the same machine. Some need root to be played (a file of another user);
  /// without it the same check is met by another way, which is said there.
  @Suite("Somebody else on this machine")
  struct LocalTrustTests {
    private static let stranger: UInt32 = 61_002

    private struct Outcome {
      let status: Int32
      let said: String
    }

    private func keyval(_ target: Target, _ arguments: String...) throws -> Outcome {
      let process = Process()
      process.executableURL = URL(fileURLWithPath: target.cluster.program)
      process.arguments = arguments
      process.environment = [
        "PATH": "/usr/bin:/bin", "KRB5_CONFIG": try target.cluster.realm().layout.clientConfiguration,
      ]
      let complaints = Pipe()
      (process.standardOutput, process.standardError) = (FileHandle.nullDevice, complaints)
      try process.run()
      let said = String(decoding: complaints.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      process.waitUntilExit()
      #expect(process.terminationReason == .exit)
      return Outcome(status: process.terminationStatus, said: said)
    }

    /// A folder in /tmp, as anybody can make one.
    private func withFolder(_ body: (String) async throws -> Void) async throws {
      var template = Array("/tmp/keyval-stranger.XXXXXX".utf8CString)
      try #require(mkdtemp(&template) != nil)
      let path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
      defer { try? FileManager.default.removeItem(atPath: path) }
      try #require(chmod(path, 0o711) == 0)
      try await body(path)
    }

    /// Gives a path to the stranger; without root, lets everybody write to it, which comes to the same.
    /// - Returns: what a refusal has to say.
    private func surrender(_ path: String) throws -> String {
      if geteuid() == 0 {
        try #require(lchown(path, Self.stranger, Self.stranger) == 0)
        return "belongs to user \(Self.stranger)"
      }
      try #require(chmod(path, 0o777) == 0)
      return "can be written by others"
    }

    private func takeBack(_ path: String, mode: mode_t) throws {
      try #require(lchown(path, geteuid(), getegid()) == 0 && chmod(path, mode) == 0)
    }

    @Test("a directory that another user made is refused, and its access list rules nobody")
    func directory() async throws {
      let target = try await Target.shared
      try await withFolder { folder in
        let directory = "\(folder)/cluster"
        try #require(mkdir(directory, 0o755) == 0)
        try "mallory@KEYVAL.TEST *\n".write(
          toFile: "\(directory)/access.acl", atomically: false, encoding: .utf8)
        let complaint = try surrender(directory)
        let outcome = try keyval(target, "cluster", "start", "--directory", directory)
        #expect(outcome.status == 64)
        #expect(outcome.said.contains(directory) && outcome.said.contains(complaint), "\(outcome.said)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory) == ["access.acl"])
        // The control: the same directory in our own hands is looked into, and refused for what is in it.
        try takeBack(directory, mode: 0o755)
        let own = try keyval(target, "cluster", "start", "--directory", directory)
        #expect(own.said.contains("it holds access.acl"), "\(own.said)")
      }
      try await target.isUnharmed()
    }

    @Test("a new directory below somebody else's folder is not even made, nor by way of his link")
    func parent() async throws {
      let target = try await Target.shared
      try await withFolder { folder in
        let above = "\(folder)/theirs"
        try #require(mkdir(above, 0o755) == 0)
        let complaint = try surrender(above)
        for name in ["\(above)/cluster", "\(above)/../theirs/cluster"] {
          let outcome = try keyval(target, "cluster", "start", "--directory", name)
          #expect(outcome.status == 64 && outcome.said.contains(complaint), "\(outcome.said)")
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: above).isEmpty)
        guard geteuid() == 0 else { return }
        let link = "\(folder)/link"
        try #require(symlink(folder, link) == 0 && lchown(link, Self.stranger, Self.stranger) == 0)
        let outcome = try keyval(target, "cluster", "start", "--directory", "\(link)/cluster")
        #expect(outcome.status == 64 && outcome.said.contains("its folder \(link) \(complaint)"))
        #expect(access("\(folder)/cluster", F_OK) != 0)
      }
    }

    @Test(
      "everybody may ask for the status of root's cluster, and nobody but root stops it",
      .enabled(if: geteuid() == 0, "anybody else's directory is closed to others"))
    func statusForAll() async throws {
      let target = try await Target.shared
      let drone = try #require(try target.cluster.processes.first { $0.role == .drone })
      // What the nodes' users can run, the stranger can.
      let link = "/proc/\(drone.pid)/exe"
      let program =
        (try? FileManager.default.destinationOfSymbolicLink(atPath: link)) ?? target.cluster.program
      func keyval(_ command: String) throws -> ProgramRun.Outcome {
        try ProgramRun.run(
          [program, "cluster", command, "--directory", target.cluster.directory.path],
          environment: ["LD_LIBRARY_PATH": (program as NSString).deletingLastPathComponent],
          user: UnixUser(uid: Self.stranger, gid: Self.stranger))
      }
      let status = try keyval("status")
      #expect(status.status == 0 && status.output.contains(" \(drone.pid) "), "\(status.output)")
      let stop = try keyval("stop")
      #expect(stop.status != 0 && stop.output.contains("Permission denied"), "\(stop.output)")
      try await target.isUnharmed()
    }

    @Test("cluster commands believe no cluster.json that somebody else can have written")
    func record() async throws {
      let target = try await Target.shared
      try await withFolder { folder in
        let record = "\(folder)/cluster.json"
        try Data(contentsOf: URL(fileURLWithPath: target.cluster.directory.record)).write(
          to: URL(fileURLWithPath: record))
        try takeBack(record, mode: 0o644)
        // The control: in our own hands it is read.
        #expect(try keyval(target, "cluster", "status", "--directory", folder).status == 0)
        let complaint = try surrender(record)
        for command in ["stop", "status", "env", "start"] {
          let outcome = try keyval(target, "cluster", command, "--directory", folder)
          #expect(outcome.status == 64, "\(command)")
          #expect(outcome.said.contains(record) && outcome.said.contains(complaint), "\(outcome.said)")
        }
      }
      try await target.isUnharmed()
    }

    @Test(
      "a node does not start by a configuration below somebody else's folder, nor by anchors or keys there")
    func node() async throws {
      let target = try await Target.shared
      let layout = try target.cluster.realm().layout
      try await withFolder { folder in
        let theirs = "\(folder)/theirs"
        try #require(mkdir(theirs, 0o755) == 0)
        let keytab = "\(folder)/node.keytab"
        _ = try Target.copy(target.cluster.directory.keytab(of: "d1"), to: keytab)
        for name in ["anchors", "membership", "keytab", "node.json"] {
          _ = try Target.copy(
            ["anchors": layout.anchors, "membership": layout.membershipPublicKey][name] ?? keytab,
            to: "\(theirs)/\(name)")
        }
        let good: [String: Any] = [
          "cluster": "test", "realm": target.cluster.realmName, "name": "d1", "listen": "127.0.0.1:0",
          "keytab": keytab, "directory": "\(folder)/data", "anchors": layout.anchors,
          "membership": layout.membershipPublicKey,
          "authority": ["principal": try target.authority.principal, "address": "127.0.0.1:1"],
        ]
        func start(_ file: String, _ settings: [String: Any]) throws -> Outcome {
          try JSONSerialization.data(withJSONObject: settings).write(to: URL(fileURLWithPath: file))
          // A port that cannot be: where everything else is right, the node says so and ends.
          return try keyval(target, "drone", "--config", file, "--listen", "203.0.113.1:1")
        }
        let complaint = try surrender(theirs)
        for name in ["anchors", "membership", "keytab"] {
          var settings = good
          settings[name] = "\(theirs)/\(name)"
          let outcome = try start("\(folder)/node.json", settings)
          #expect([66, 78].contains(outcome.status), "\(name): \(outcome.said)")
          #expect(outcome.said.contains("by way of \(theirs), which \(complaint)"), "\(outcome.said)")
        }
        var settings = good
        settings["directory"] = "\(theirs)/data"
        #expect(try start("\(folder)/node.json", settings).said.contains(complaint))
        #expect(access("\(theirs)/data", F_OK) != 0)
        let configuration = try start("\(theirs)/node.json", good)
        #expect(configuration.status == 66 && configuration.said.contains(complaint), "\(configuration.said)")
        // The control: with all of it where nobody else decides, it comes as far as its port.
        let own = try start("\(folder)/node.json", good)
        #expect(!own.said.contains(complaint) && own.said.contains("203.0.113.1"), "\(own.said)")
      }
      try await target.isUnharmed()
    }

    @Test(
      "a process of a node's own user reads neither the node's memory nor its environment, and no core is dumped"
    )
    func memory() async throws {
      let target = try await Target.shared
      let processes = try target.cluster.processes
      for process in processes where ![.kdc, .kadmind].contains(process.role) {
        let user = try Processes.user(of: process.pid)
        for file in ["mem", "environ", "maps", "auxv"] {
          #expect(
            try !Processes.canOpen(file, of: process.pid, as: user),
            "\(process.name) shows \(file) to its own user")
        }
        // What everybody may know of any process is still to be had.
        #expect(try Processes.canOpen("stat", of: process.pid, as: user))
        let limit = try #require(
          try Processes.lines(of: process.pid, "limits").first { $0.hasPrefix("Max core file size") })
        #expect(limit.split(separator: " ").dropFirst(4).prefix(2) == ["0", "0"], "\(limit)")
        // Nobody writes the memory of one that crashes into its log, either.
        let caught = try #require(
          try Processes.lines(of: process.pid, "status").first { $0.hasPrefix("SigCgt:\t") })
        let mask = try #require(UInt64(caught.dropFirst(8), radix: 16))
        for crash in [SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV] {
          #expect(
            mask & 1 << UInt64(crash - 1) == 0, "\(process.name) does not end at once by signal \(crash)")
        }
      }
      // The control: the attempt works with a process that does not protect itself.
      let kdc = try #require(processes.first { $0.role == .kdc })
      let user = try Processes.user(of: kdc.pid)
      #expect(try Processes.canOpen("environ", of: kdc.pid, as: user))
    }
  }
}
