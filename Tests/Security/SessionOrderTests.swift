import Cluster
import ClusterFixture
import Keyval
import Sessions
import Testing
import Wire

extension SecurityTests {
  @Suite("Orders about sessions")
  struct SessionOrderTests {
    private static func order(_ number: UInt64, _ order: SessionOrder) -> [UInt8] {
      var writer = CBORWriter()
      DataRequest.sessions(number: number, order).encode(into: &writer)
      return writer.bytes
    }

    /// The kind of the answer, and what it says.
    private static func answer(_ probe: Probe, _ number: UInt64, _ asked: SessionOrder) async throws
      -> OwnAnswer
    {
      probe.send(order(number, asked))
      return try OwnAnswer(try await probe.received())
    }

    private enum OwnAnswer: Equatable {
      case failed(DataAnswer.Failure)
      case page(SessionPage)
      case reply(AdministratorReply)
      case other

      init(_ bytes: [UInt8]) throws {
        self = try bytes.withUnsafeBytes { buffer in
          var reader = CBORReader(buffer)
          return switch try DataAnswer(from: &reader) {
          case .failed(_, let failure): .failed(failure)
          case .sessions(_, let page): .page(page)
          case .administered(_, let reply): .reply(reply)
          default: .other
          }
        }
      }
    }

    @Test("whoever has no right to administer sees no session and ends none, his own neither")
    func rights() async throws {
      let target = try await Target.shared
      let node = try target.drone("d1")
      let probe = try await Probe.dial(node, target.user("eve"))
      let victim = try await Probe.dial(node, target.alice())
      for (number, asked) in [
        SessionOrder.list(after: 0), .end(1), .endAll(of: try Principal(target.cluster.principal("alice"))),
        .endAll(of: try Principal(target.cluster.principal("eve"))),
      ].enumerated() {
        #expect(try await Self.answer(probe, UInt64(number + 1), asked) == .failed(.notPermitted), "\(asked)")
      }
      victim.send(Request.topology(1))
      #expect(try await !victim.received().isEmpty)
      for probe in [probe, victim] { probe.close() }
      try await target.isUnharmed()
    }

    @Test(
      "an administrator sees who is there, asks each drone for its own, and ends one or all of a principal")
    func end() async throws {
      let target = try await Target.shared
      let node = try target.drone("d2")
      let oscar = try Principal(target.cluster.principal("oscar"))
      let credential = try target.user("oscar")
      var probes: [Probe] = []
      for _ in 0..<3 {
        let probe = try await Probe.dial(node, credential)
        probe.send(Request.topology(1))
        #expect(try await !probe.received().isEmpty)
        probes.append(probe)
      }
      let bystander = try await Probe.dial(node, target.alice())
      let client = target.client
      // With one of them: a drone that came back shadows nothing yet, and has dialled the commander itself.
      try await target.cluster.eventually("nodes have sessions with drones, and are told from people") {
        var pages: [OpenSession] = []
        for name in ["d1", "d2", "d3"] { pages += try await client.sessions(of: name).sessions }
        return pages.contains { $0.isNode && $0.principal.role == .drone }
      }
      let all = try await client.sessions(of: "d2").sessions
      let own = all.filter { $0.principal == oscar }
      #expect(
        own.count == 3 && own.allSatisfy { $0.requests == 1 && !$0.isNode && $0.address.hasPrefix("127.") })
      let last = try #require(own.last)
      #expect(try await client.sessions(of: "d2", after: last.id).sessions.allSatisfy { $0.id > last.id })
      #expect(try await client.endSession(own[0].id, of: "d2").isAccepted)
      #expect(try await probes[0].closed() == .closedByPeer(.ended))
      #expect(try await !client.endSession(own[0].id, of: "d2").isAccepted)
      let reply = try await client.endSessions(by: oscar, of: "d2")
      #expect(reply.isAccepted && reply.sentence == "ended 2 sessions of \(oscar)")
      for probe in probes { #expect(try await probe.closed() == .closedByPeer(.ended)) }
      bystander.send(Request.topology(1))
      #expect(try await !bystander.received().isEmpty)
      bystander.close()
      try await target.logged(node, "operator's order", "ended 2 sessions", "alice")
      #expect(try await client.drones().sorted() == ["d1", "d2", "d3"])
      // The one on which it is asked goes on.
      let alice = try Principal(target.cluster.principal("alice"))
      _ = try await client.endSessions(by: alice, of: "d2")
      let again = try await client.endSessions(by: alice, of: "d2")
      #expect(!again.isAccepted, "\(again.sentence)")
      try await target.isUnharmed()
    }
  }
}
