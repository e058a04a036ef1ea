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
      var key: [UInt8] = []
      for number in 0... {
        key = Array("deaf-\(number)".utf8)
        if try await client.locate(key).owner?.principal.shortName == node.name { break }
      }
      try await client.put(key, [UInt8](repeating: 7, count: 1_000_000))
      let before = try target.cluster.residentBytes(of: node.name)
      var probes: [Probe] = []
      var peak = 0
      for _ in 0..<200 {
        let probe = try await Probe.dial(node, target.alice())
        probe.stopReading()
        probes.append(probe)
      }
      // What is asked at once is answered up to a few mebibytes, so they ask several times: first the kernel takes it.
      for round in 0..<8 {
        for probe in probes {
          probe.send((1...4).map { Request.get(UInt64(round * 4 + $0), key) })
          peak = max(peak, try target.cluster.residentBytes(of: node.name))
        }
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
      print("resident: \(before >> 20) MiB before, \(peak >> 20) at most, \(after >> 20) after")
      // Each could hold 4 MiB and more. 128 MiB are counted at most; more may be on its way, or was just freed.
      #expect(peak - before < 640 << 20)
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
