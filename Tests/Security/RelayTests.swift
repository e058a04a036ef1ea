import Sessions
import Synchronization
import Testing
import Transport

extension SecurityTests {
  @Suite("Somebody on the way")
  struct RelayTests {
    /// What is done to a record, and what the side that gets it says.
    enum Treatment: String, CaseIterable {
      case altered, truncated, leftOut, reordered, repeated, oversized, emptied

      var error: SessionError {
        switch self {
        case .oversized: .recordLengthRefused((1 << 20) + 1)
        case .emptied: .recordLengthRefused(0)
        default: .recordDidNotOpen
        }
      }

      func apply(_ record: [UInt8], held: [UInt8]?) -> [UInt8] {
        switch self {
        case .altered:
          var record = record
          record[record.count / 2] ^= 1
          return record
        case .truncated: return Array(record.dropLast(3))
        case .leftOut: return []
        case .reordered: return held.map { record + $0 } ?? []
        case .repeated: return record + record
        case .oversized: return [0, 0x10, 0, 1] + record.dropFirst(4)
        case .emptied: return [0, 0, 0, 0] + record.dropFirst(4)
        }
      }
    }

    /// Treats the first record in a direction (with `reordered`, swaps the first two).
    private func relay(
      to node: NodeAddress, _ treatment: Treatment, _ attacked: Relay.Direction, first: Int
    ) async throws -> Relay {
      let held = Mutex<[UInt8]?>(nil)
      return try await Relay.start(to: node) { direction, number, bytes in
        guard direction == attacked else { return bytes }
        if treatment == .reordered, number == first {
          held.withLock { $0 = bytes }
          return []
        }
        let isDue = number == (treatment == .reordered ? first + 1 : first)
        return isDue ? treatment.apply(bytes, held: held.withLock { $0 }) : bytes
      }
    }

    @Test(
      "a drone's answers that were tampered with end the session at the client", arguments: Treatment.allCases
    )
    func toTheClient(treatment: Treatment) async throws {
      let target = try await Target.shared
      let node = try target.drone("d1")
      let relay = try await relay(to: node.address, treatment, .toInitiator, first: 1)
      defer { relay.close() }
      let victim = try await Probe.dial(node.principal, at: relay.address, target.alice())
      // Some treatments need a second record of answers before they show.
      for number: UInt64 in 1...1_000 where !victim.isOver {
        victim.send(Request.topology(number))
        try await Task.sleep(for: .milliseconds(2))
      }
      #expect(try await victim.closed() == treatment.error)
      try await target.isUnharmed()
    }

    @Test(
      "requests that were tampered with end the session at the node, and are not executed",
      arguments: Treatment.allCases)
    func toTheNode(treatment: Treatment) async throws {
      let target = try await Target.shared
      let node = try target.drone("d1")
      let relay = try await relay(to: node.address, treatment, .toAcceptor, first: 2)
      defer { relay.close() }
      let victim = try await Probe.dial(node.principal, at: relay.address, target.alice())
      victim.send(Request.topology(1))
      victim.send(Request.topology(2))
      guard case .connectionLost = try await victim.closed() else {
        Issue.record("the session ended in another way")
        return
      }
      // An answer would have come before the end. (The first of two equal records is an honest one.)
      #expect(treatment == .repeated || !victim.hasReceived)
      try await target.isUnharmed()
    }

    @Test("a handshake that was altered, or is replayed to this node or another, opens no session")
    func handshakes() async throws {
      let target = try await Target.shared
      for node in try target.nodes {
        let recorder = try await Relay.start(to: node.address)
        let name = "keyval-drone/evil5"
        let credential = node.name == "d1" ? try target.alice() : try target.principal(name + node.name)
        let honest = try await Probe.dial(node.principal, at: recorder.address, credential)
        let recorded = recorder.bytes(.toAcceptor)
        recorder.close()
        #expect(!recorded.isEmpty)

        for other in try target.nodes {
          let replay = try await Wiretap.open(other.address)
          replay.send(recorded)
          let answer = try await replay.all()
          // [5, code, sentence, description]: to another node its service is unknown (3), to this one the
          // ticket's authenticator is (5).
          #expect(answer.dropFirst(4).prefix(3) == [0x84, 0x05, other.name == node.name ? 0x05 : 0x03])
          if other.name == node.name {
            #expect(String(decoding: answer, as: UTF8.self).contains("seen before"))
          }
        }
        honest.close()

        // The AP-REQ is the end of the first frame, the acceptor's Finished that of the second.
        for attacked in [Relay.Direction.toAcceptor, .toInitiator] {
          let relay = try await Relay.start(to: node.address) { direction, number, bytes in
            guard direction == attacked, number == 0 else { return bytes }
            var bytes = bytes
            bytes[bytes.count - 5] ^= 1
            return bytes
          }
          let error = await #expect(throws: TransportError.self) {
            try await Probe.dial(node.principal, at: relay.address, credential)
          }
          switch (attacked, error) {
          case (.toAcceptor, .session(.refused(let refusal))): #expect(refusal.code == .ticketRefused)
          case (.toInitiator, .session(.finishedDidNotVerify)): break
          default: Issue.record("\(node): \(String(describing: error))")
          }
          relay.close()
        }
      }
      try await target.isUnharmed()
    }
  }
}
