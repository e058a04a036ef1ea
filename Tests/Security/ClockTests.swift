import ClusterFixture
import Foundation
import Glibc
import Kerberos
import NIOCore
import NIOPosix
import Testing

@testable import Sessions
@testable import Transport

extension SecurityTests {
  /// A clock that is wrong is that of one process: see `Tests/ShiftedClock`.
  @Suite("Clocks that are an hour off")
  struct ClockTests {
    private func environment(_ target: Target, _ offset: Int) throws -> [String: String] {
      let folder = try ClusterFixture.builtProgram().split(separator: "/").dropLast().joined(separator: "/")
      let library = "/\(folder)/libShiftedClock.so"
      guard access(library, R_OK) == 0 else { throw ClusterFixtureError("\(library) was not built") }
      return [
        "KRB5_CONFIG": try target.cluster.realm().layout.clientConfiguration, "LC_ALL": "C.UTF-8",
        "LD_PRELOAD": library, "SHIFTED_CLOCK": "\(offset)",
      ]
    }

    @Test(
      "a client whose clock is an hour off is refused, told to set it, and nothing is executed",
      arguments: [3_600, -3_600])
    func client(offset: Int) async throws {
      let target = try await Target.shared
      // The program tries for some seconds, in case whoever refuses it lies.
      let given = try Files.bytes(target.cluster.directory.clientConfiguration)
      var settings = try #require(
        try JSONSerialization.jsonObject(with: Data(given)) as? [String: Any])
      settings["deadline"] = 2_000
      let configuration = try target.scratch("client.json")
      try JSONSerialization.data(withJSONObject: settings).write(to: URL(fileURLWithPath: configuration))
      // One who needs another ticket from the KDC, and one who has tickets for nodes in hand.
      let name = offset > 0 ? "clara" : "clarence"
      for cache in [try target.cluster.cache(of: name), target.cluster.aliceCache] {
        var variables = try environment(target, offset)
        variables["KEYVAL_CONFIG"] = configuration
        variables["KRB5CCNAME"] = cache
        let process = Process()
        process.executableURL = URL(fileURLWithPath: target.cluster.program)
        process.arguments = ["put", "clock\(offset)", "1"]
        process.environment = variables
        let complaints = Pipe()
        (process.standardOutput, process.standardError) = (Pipe(), complaints)
        try process.run()
        let said = String(decoding: complaints.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationReason == .exit && process.terminationStatus != 0)
        #expect(said.contains("clock"), "\(said)")
      }
      #expect(try await target.client.get(Array("clock\(offset)".utf8)) == nil)
      try await target.isUnharmed()
    }

    @Test(
      "a drone whose clock is an hour off comes in nowhere, lets nobody in, tells of clocks, and harms nobody",
      arguments: [3_600, -3_600])
    func drone(offset: Int) async throws {
      let target = try await Target.shared
      let name = offset > 0 ? "early" : "late"
      let keytab = try target.scratch(name)
      try target.cluster.realm().addService(name: "keyval-drone/\(name)", keytab: keytab)
      let address = try await freeAddress()
      let settings: [String: Any] = [
        "cluster": "test", "realm": target.cluster.realmName, "name": name, "listen": "\(address)",
        "keytab": try Target.copy(keytab), "directory": try target.scratch("\(name)-data"),
        "anchors": try target.cluster.realm().layout.anchors,
        "membership": try target.cluster.realm().layout.membershipPublicKey,
        "authority": [
          "principal": try target.authority.principal, "address": "\(try target.authority.address)",
        ],
      ]
      let (file, log) = (try target.scratch("\(name).json"), try target.scratch("\(name).log"))
      try JSONSerialization.data(withJSONObject: settings).write(to: URL(fileURLWithPath: file))
      _ = FileManager.default.createFile(atPath: log, contents: nil)
      let process = Process()
      process.executableURL = URL(fileURLWithPath: target.cluster.program)
      process.arguments = ["drone", "--config", file]
      process.environment = try environment(target, offset)
      let complaints: FileHandle = try #require(FileHandle(forWritingAtPath: log))
      process.standardError = complaints
      try process.run()
      defer {
        process.terminate()
        process.waitUntilExit()
      }
      func said() -> String { (try? String(contentsOfFile: log, encoding: .utf8)) ?? "" }
      try await target.cluster.eventually("it listens") {
        _ = try await SessionDialer(cluster: "").hello(address, on: Probe.group.next())
        return true
      }
      // A person with a good ticket, and a right clock.
      let principal = target.cluster.principal("keyval-drone/\(name)")
      let error = await #expect(throws: TransportError.self) {
        try await Probe.dial(principal, at: address, target.alice())
      }
      guard case .session(.refused(let refusal)) = error else {
        Issue.record("\(String(describing: error))\n\(said())")
        return
      }
      #expect(refusal.code == .ticketRefused && refusal.sentence.contains("clocks"), "\(refusal.sentence)")
      do {
        let own =
          "the clocks of \(principal) and the KDC of \(target.cluster.realmName) differ by more than the realm allows"
        try await target.cluster.eventually("it says why it gets no ticket itself") { said().contains(own) }
        if offset > 0 {
          try await target.cluster.eventually("it says of a ticket that was good that the clocks differ") {
            said().split(separator: "\n").contains {
              $0.contains("differ by more than the realm allows") && !$0.contains(own)
            }
          }
        }
      } catch { throw ClusterFixtureError("\(error)\n\(said())") }
      #expect(process.isRunning)
      #expect(try await !target.status().drones.contains { $0.principal.instance == name })
      try await target.isUnharmed()
    }

    /// Nobody listens there now.
    private func freeAddress() async throws -> NodeAddress {
      let channel = try await ServerBootstrap(group: Probe.group).bind(host: "127.0.0.1", port: 0).get()
      let port = channel.localAddress?.port ?? 0
      try await channel.close()
      return NodeAddress(host: "127.0.0.1", port: port)
    }
  }
}
