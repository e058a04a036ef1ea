import Cluster
import ClusterFixture
import Glibc
import Keyval
import NIOCore
import NIOPosix
import Provisioning
import Sessions
import Synchronization
import Testing
import Transport

extension SecurityTests {
  @Suite("Floods")
  struct FloodTests {
    @Test("half-open connections by the hundred at every node shut out nobody, and a commander is elected")
    func halfOpen() async throws {
      let target = try await Target.shared
      let before = try await target.status()
      let nodes = try target.nodes + [target.drone("d2"), target.drone("d3")]
      let opened = Atomic(0)
      let attack: @Sendable (Target.Node) async -> Void = { node in
        while !Task.isCancelled {
          // None is closed by this side; each is refused by the node, or takes a place until then.
          if (try? await Wiretap.open(node.address)) != nil { opened.add(1, ordering: .relaxed) }
          // A few hundred a second at each node: the processors are the cluster's, too.
          try? await Task.sleep(for: .milliseconds(4))
        }
      }
      let attackers = nodes.map { node in Task { await attack(node) } }
      let result: Result<Void, any Error>
      do {
        try await target.cluster.eventually("the flood is there") { opened.load(ordering: .relaxed) > 2_000 }
        // From the flood's own address, with new sessions.
        let client = try target.cluster.client()
        try await client.put(Array("flooded".utf8), Array("1".utf8))
        #expect(try await client.get(Array("flooded".utf8)) == Array("1".utf8))
        let commander = try #require(before.commander.instance)
        try target.cluster.kill(commander)
        try await target.cluster.awaitServing(by: client, aboveTerm: before.term.number)
        try target.cluster.restart(commander)
        client.close()
        result = .success(())
      } catch { result = .failure(error) }
      for attacker in attackers { attacker.cancel() }
      for attacker in attackers { await attacker.value }
      try result.get()
      try await target.isWhole()
      try await target.isUnharmed()
    }

    @Test("sessions by the hundred of a principal without any right take its own places only")
    func sessions() async throws {
      let target = try await Target.shared
      let node = try target.drone("d1")
      let credential = try target.user("flora")
      var probes: [Probe] = []
      for _ in 0..<300 { probes.append(try await Probe.dial(node, credential)) }
      let limit = SessionLimits().sessionsPerPrincipal
      try await target.cluster.eventually("those beyond the limit are closed") {
        probes.count { $0.isOver } == 300 - limit
      }
      for probe in probes where probe.isOver {
        #expect(try await probe.closed() == .closedByPeer(.tooManySessions))
      }
      try await target.isUnharmed()
      try await target.logged(node, "session refused: there are too many of this principal", "flora")
      for probe in probes { probe.close() }
      try await target.cluster.eventually("places that were given back are there again") {
        let probe = try await Probe.dial(node, credential)
        defer { probe.close() }
        probe.send(Request.topology(1))
        return try await !probe.received().isEmpty
      }
    }

    @Test("a drone without a free descriptor serves its sessions, does not spin, and goes on afterwards")
    func descriptors() async throws {
      let target = try await Target.shared
      let node = try target.drone("d2")
      let pid = try target.cluster.process(node.name).identity.pid
      let probe = try await Probe.dial(node, target.alice())
      let before = try Descriptors.limit(of: pid)
      // Whatever it opens from now on fails, and there is nobody to send away for it.
      try Descriptors.setLimit(of: pid, to: Descriptors.lowestFree(of: pid))
      var taps: [Wiretap] = []
      let result: Result<Void, any Error>
      do {
        for _ in 0..<4 { taps.append(try await Wiretap.open(node.address)) }
        try await target.logged(node, "accepting no connections for a moment")
        for round in 1...20 {
          probe.send(Request.topology(UInt64(round)))
          #expect(try await !probe.received().isEmpty)
        }
        result = .success(())
      } catch { result = .failure(error) }
      try Descriptors.setLimit(of: pid, to: before)
      try result.get()
      #expect(!probe.isOver)
      probe.close()
      for tap in taps { tap.close() }
      try await target.cluster.eventually("it accepts again") {
        let other = try await Probe.dial(node, target.alice())
        defer { other.close() }
        other.send(Request.topology(1))
        return try await !other.received().isEmpty
      }
      let lines = target.cluster.log(of: node.name).split(separator: "\n").count {
        $0.contains("accepting no conn")
      }
      #expect(lines <= 40, "\(lines) lines")
      try await target.isWhole()
      try await target.isUnharmed()
    }
  }
}

extension Target {
  /// Waits until each drone has its share again.
  func isWhole() async throws {
    let client = client
    try await cluster.eventually("each drone has its share") {
      let status = try await client.status()
      return status.slotsServed == 16_384 && status.drones.count == 3
        && status.drones.allSatisfy { $0.slots >= 5_400 }
    }
  }
}

/// The file descriptors of another process.
private enum Descriptors {
  /// The soft limit.
  static func limit(of pid: pid_t) throws -> Int {
    let text = try String(decoding: Files.bytes("/proc/\(pid)/limits"), as: UTF8.self)
    guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix("Max open files") }),
      let soft = line.split(separator: " ").dropFirst(3).first.flatMap({ Int($0) })
    else { throw ClusterFixtureError("/proc/\(pid)/limits is not understood") }
    return soft
  }

  /// As the process's own user: root alone, without all of its capabilities, may not.
  static func setLimit(of pid: pid_t, to soft: Int) throws {
    var status = stat()
    guard stat("/proc/\(pid)", &status) == 0 else { throw ClusterFixtureError("there is no process \(pid)") }
    let run = try ProgramRun.run(
      ["/usr/bin/prlimit", "--pid", "\(pid)", "--nofile=\(soft):"], environment: [:],
      user: UnixUser(uid: status.st_uid, gid: status.st_gid))
    guard run.status == 0 else { throw ClusterFixtureError("prlimit: \(run.output)") }
  }

  /// The limit is of numbers, and the lowest that is free is taken next.
  static func lowestFree(of pid: pid_t) throws -> Int {
    guard let folder = opendir("/proc/\(pid)/fd") else {
      throw ClusterFixtureError("/proc/\(pid)/fd cannot be read: \(errno)")
    }
    defer { closedir(folder) }
    var taken: Set<Int> = []
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name.0) { String(cString: $0) }
      if let number = Int(name) { taken.insert(number) }
    }
    return (0...taken.count).first { !taken.contains($0) } ?? taken.count
  }
}
