import Cluster
import ClusterFixture
import Keyval
import Testing

extension SecurityTests {
  @Suite("Sessions that do not read")
  struct DeafSessionTests {
    @Test("many of them, each asking for far more than it takes, hold no more than all may hold")
    func memory() async throws {
      let target = try await Target.shared
      let node = try target.drone("d3")
      let client = target.client
      // A slot that moves would have them told to ask another, which holds nothing.
      try await target.isWhole()
      let map = try SlotMap.decode(await target.signedMap().body)
      let key = try #require(
        (0..<10_000).lazy.map { Array("deaf-\($0)".utf8) }.first { key in
          map.owner(of: key.withUnsafeBytes { Slot(key: $0).partition })?.principal.shortName == node.name
        })
      try await client.put(key, [UInt8](repeating: 7, count: 1_000_000))
      let before = try target.cluster.residentBytes(of: node.name)
      var probes: [Probe] = []
      var peak = 0
      for _ in 0..<200 {
        let probe = try await Probe.dial(node, target.alice())
        if probes.isEmpty {
          // What they ask for is what they would get.
          probe.send(Request.get(0, key))
          #expect(try await probe.received().count > 1_000_000)
        }
        probe.stopReading()
        probes.append(probe)
      }
      // What is asked at once is answered up to a few mebibytes, and the kernel takes of it as much as it likes. So they
      // ask again and again, until the drone holds some of it and leaves unread what they ask.
      let served = try await client.sessions(of: node.name).sessions.reduce(0) { $0 + $1.requests }
      var (asked, held): (UInt64, UInt64) = (0, 0)
      var known: (requests: UInt64, sessions: Int) = (0, 0)
      try await target.cluster.eventually("it holds what nobody takes, and reads no more of what they ask") {
        peak = max(peak, try target.cluster.residentBytes(of: node.name))
        let sessions = try await client.sessions(of: node.name).sessions
        let unsent = sessions.reduce(0) { $0 + $1.unsentBytes }
        held = max(held, unsent)
        let now = (requests: sessions.reduce(0) { $0 + $1.requests }, sessions: sessions.count)
        // The one that asks this counts, too.
        let isQuiet = now.sessions == known.sessions && now.requests <= known.requests + 1
        known = now
        let hasUnread = now.requests < served + asked
        if isQuiet, hasUnread, unsent > 32 << 20 { return true }
        if isQuiet || !hasUnread {
          for probe in probes { probe.send((1...4).map { Request.get(asked + $0, key) }) }
          asked += 4 * UInt64(probes.count)
        }
        return false
      }
      // Whoever asks in between is answered by the same drone.
      for _ in 0..<20 {
        #expect(try await client.get(key)?.count == 1_000_000)
        peak = max(peak, try target.cluster.residentBytes(of: node.name))
      }
      for probe in probes { probe.close() }
      try await target.cluster.eventually("they are gone") {
        try await client.sessions(of: node.name).sessions.count < 50
      }
      let after = try target.cluster.residentBytes(of: node.name)
      print(
        "resident: \(before >> 20) MiB before, \(peak >> 20) at most, \(after >> 20) after; "
          + "unsent: \(held >> 20) MiB at most")
      // Each could hold 4 MiB and more. 128 MiB are counted at most; some of it may not be reported yet.
      #expect(held < 256 << 20)
      // More may be on its way, or was just freed.
      #expect(peak - before < 384 << 20)
      #expect(after - before < 64 << 20, "what was freed is the system's again")
      try await client.delete(key)
      try await target.isUnharmed()
    }
  }
}

extension ClusterFixture {
  /// Memory of a node's process, in bytes.
  func residentBytes(of node: String) throws -> Int {
    let pid = try process(node).identity.pid
    let text = String(decoding: try Files.bytes("/proc/\(pid)/status"), as: UTF8.self)
    guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix("VmRSS:") }),
      let kilobytes = line.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
    else { throw ClusterFixtureError("/proc/\(pid)/status is not understood") }
    return kilobytes << 10
  }
}
