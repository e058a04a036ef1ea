import Cluster
import ClusterFixture
import Foundation
import Glibc
import Keyval
import LocalCluster
import Testing

@Suite("A drone whose writes the database does not have yet", .timeLimit(.minutes(30)))
struct BacklogTests {
  enum End: CaseIterable, Sendable {
    case drained, asked
  }

  @Test("is drained, or asked to end, and the next owner has them all", arguments: End.allCases)
  func oneSlot(end: End) async throws {
    try await ClusterFixture.run(drones: 3, within: .seconds(600)) { cluster in
      let client = try cluster.client()
      try await client.put("{h}c", "old")
      try await cluster.eventually("every slot is shadowed") {
        try await client.status().slotsShadowed == 16_384
      }
      // Nor does it go to another drone.
      try await cluster.eventually("nothing moves any more") {
        let status = try await client.status()
        return status.slotsMoving == 0 && status.drones.allSatisfy { $0.slots >= 5_400 }
      }
      let owner = try #require(try await client.locate("{h}c").owner?.principal.instance)
      try await cluster.suspendWhenShadowed(["db1"])
      let value = String(repeating: "x", count: 10_000)
      try await withThrowingTaskGroup(of: Void.self) { group in
        for first in 0..<16 {
          group.addTask {
            for number in stride(from: first, to: 800, by: 16) { try await client.put("{h}\(number)", value) }
          }
        }
        try await group.waitForAll()
      }
      try await client.put("{h}c", "new")
      try await cluster.eventually("the owner reports what the database does not have") {
        try await client.status().drones.first { $0.principal.instance == owner }?.backlog ?? 0 > 8_000_000
      }
      let slow = SlowProcess(try cluster.process("db1").identity)

      switch end {
      case .drained:
        #expect(try await client.administer(.drain, owner).isAccepted)
        try await cluster.eventually("it is empty", within: .seconds(120)) {
          try await client.status().drones.first { $0.principal.instance == owner }?.state == .drained
        }
      case .asked:
        #expect(try await cluster.terminate(owner, within: .seconds(120)) == 0)
      }
      await slow.stop()
      #expect(try await client.getString("{h}c") == "new")
      for number in 0..<800 { #expect(try await client.getString("{h}\(number)") == value) }
    }
  }

  /// The most memory that a process has had, as the kernel says it: kB.
  private static func peak(of process: ClusterRecord.Process) throws -> String {
    let status = try String(contentsOfFile: "/proc/\(process.identity.pid)/status", encoding: .utf8)
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") } ?? "?"
    return line.split(whereSeparator: \.isWhitespace).dropFirst().joined(separator: " ")
  }

  /// What is measured is printed, and nothing is asserted of it but that there is an end to it.
  @Test(
    "more is written than the database stores, while drones are drained, end and come back, and the cluster stops"
  )
  func overload() async throws {
    try await ClusterFixture.run(drones: 3, within: .seconds(900)) { cluster in
      let observer = try cluster.client()
      try await cluster.eventually("every slot is shadowed") {
        try await observer.status().slotsShadowed == 16_384
      }
      let load = Overload(try (0..<40).map { _ in try cluster.client(deadline: .seconds(60)) }, callers: 32)
      var most: UInt64 = 0
      let end = ContinuousClock.now + .seconds(20)
      while ContinuousClock.now < end {
        let status = try await observer.status()
        most = max(most, status.drones.map(\.backlog).max() ?? 0)
        try await Task.sleep(for: .milliseconds(100))
      }
      print(
        "20 s: \(load.acknowledged) puts of 1 kB acknowledged, longest wait \(load.longestWait), "
          + "largest backlog \(most) bytes, "
          + "most memory \(try ["d1", "d2", "d3"].map { try Self.peak(of: cluster.process($0)) })")
      for name in ["d1", "d2", "d3"] {
        #expect(try await observer.administer(.drain, name).isAccepted)
        try await cluster.eventually("\(name) is empty", within: .seconds(240)) {
          try await observer.status().drones.first { $0.principal.instance == name }?.state == .drained
        }
        #expect(try await observer.administer(.resume, name).isAccepted)
        // The first is drained under all of it. With so many callers heartbeats of a debug build wait for seconds, and
        // on a small machine each further step would take minutes.
        await load.ease(toCallers: 4)
      }
      print("drained: longest wait \(load.longestWait)")
      for name in ["d1", "d2", "d3"] {
        #expect(try await cluster.terminate(name, within: .seconds(240)) == 0)
        try cluster.restart(name)
        try await cluster.awaitServing(by: observer, drones: ["d1", "d2", "d3"], within: .seconds(240))
      }
      print("asked to end one by one: longest wait \(load.longestWait)")
      let clock = ContinuousClock()
      let began = clock.now
      for name in ["d1", "d2", "d3"] { try cluster.process(name).identity.send(signal: SIGTERM) }
      for name in ["d1", "d2", "d3"] {
        #expect(try await cluster.awaitEnd(of: name, within: .seconds(240)) == 0)
      }
      print("all drones asked to end: \(clock.now - began)")
      await load.stop()
      for name in ["db1", "d1", "d2", "d3"] {
        if name == "db1" { #expect(try await cluster.terminate(name) == 0) }
        try cluster.restart(name)
      }
      try await cluster.awaitServing(by: observer, drones: ["d1", "d2", "d3"], within: .seconds(240))
      #expect(try await load.lost(by: observer) == [], "of \(load.acknowledged)")
      print("failures: \(load.failures.count) \(load.failures.prefix(2))")
    }
  }
}
