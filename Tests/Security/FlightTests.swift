import Cluster
import Synchronization
import Testing
import Wire

@testable import Sessions
@testable import Transport

extension SecurityTests {
  @Suite("Flights left out, put in and taken from elsewhere")
  struct FlightTests {
    /// A put that must not be executed.
    private func put(_ key: String) -> [UInt8] {
      Request.put(1, write: 1, Array(key.utf8), Array("forged".utf8))
    }

    private func introduction() -> [UInt8] {
      Request.introduce(ClientIncarnation(high: .random(in: 1 ... .max), low: .random(in: 1 ... .max)))
    }

    private func framed(_ bytes: [UInt8]) -> [UInt8] {
      withUnsafeBytes(of: UInt32(bytes.count).bigEndian) { Array($0) } + bytes
    }

    /// What a node says to these frames behind each other, and that it closes then.
    private func answer(_ node: Target.Node, to frames: [UInt8]...) async throws -> [UInt8] {
      let tap = try await Wiretap.open(node.address)
      for frame in frames { tap.send(frame) }
      return try await tap.all()
    }

    @Test(
      "whoever begins with a later flight or a record is told nothing at any node, and nothing is executed")
    func skipped() async throws {
      let target = try await Target.shared
      let finished = HandshakeFrame.initiatorFinished([UInt8](repeating: 0, count: 48)).encoded()
      let (_, session, hand) = try await ByHand.open(target.drone("d1"), target.alice())
      let record = try session.seal(introduction(), put("skipped"))
      let answered = HandshakeFrame.acceptorFlight(
        hello: [1], token: [1], finished: [UInt8](repeating: 0, count: 48)
      ).encoded()
      for node in try target.nodes {
        for frames in [finished, finished + record, record, framed(put("skipped")), answered] {
          #expect(try await answer(node, to: frames).isEmpty, "\(node)")
        }
      }
      // The honest flight of a session that is over, and its Finished before it.
      #expect(try await answer(target.drone("d2"), to: finished + hand.first).isEmpty)
      #expect(try await target.client.get(Array("skipped".utf8)) == nil)
      try await target.isUnharmed()
    }

    @Test("a right hello without its Finished, with another's, or twice opens no session, whatever is sealed")
    func unfinished() async throws {
      let target = try await Target.shared
      let node = try target.drone("d1")
      let zeros = HandshakeFrame.initiatorFinished([UInt8](repeating: 0, count: 48)).encoded()
      let other = try ByHand(node.principal, target.alice())
      let otherTap = try await Wiretap.open(node.address)
      otherTap.send(other.first)
      let (foreign, otherSession) = try other.finish(try await otherTap.frame())

      let attacks: [(String, @Sendable (ByHand, [UInt8], [UInt8]) -> [UInt8])] = [
        ("no Finished", { _, _, record in record }),
        ("a Finished of zeros", { _, _, record in zeros + record }),
        ("the Finished of another handshake", { _, _, record in foreign + record }),
        ("the node's own Finished", { _, answer, record in answer + record }),
        ("the hello again", { hand, _, record in hand.first + record }),
      ]
      for (what, attack) in attacks {
        let hand = try ByHand(node.principal, target.alice())
        let tap = try await Wiretap.open(node.address)
        tap.send(hand.first)
        let answer = try await tap.frame()
        let record = try hand.finish(answer).session.seal(introduction(), put("unfinished"))
        tap.send(attack(hand, answer, record))
        #expect(try await tap.all() == answer, "\(what): it said nothing more, and closed")
      }
      // Another behind the right one is no record.
      let (tap, session, _) = try await ByHand.open(node, target.alice())
      tap.send(zeros + (try session.seal(introduction(), put("unfinished"))))
      #expect(try await Flights.isFlight(tap.all()), "nothing came behind the node's flight")
      #expect(try await target.client.get(Array("unfinished".utf8)) == nil)
      // The handshake that a Finished was taken from goes on by it.
      otherTap.send(foreign + (try otherSession.seal(Request.topology(1))))
      #expect(try await !otherSession.open(otherTap.frame()).isEmpty)
      otherTap.close()
      try await target.isUnharmed()
    }

    @Test("what is put in before the seal, in either direction, ends the session and reaches nobody")
    func injected() async throws {
      let target = try await Target.shared
      let node = try target.drone("d1")
      let plain = framed(introduction() + put("injected"))
      let found = framed([0x83, 0x01, 0x01, 0x41, 0x00])
      // Where it is put in, and the client's error; nil: its connection is ended.
      let places: [(Relay.Direction, Int, [UInt8], SessionError?)] = [
        (.toAcceptor, 0, plain, nil), (.toAcceptor, 1, plain, nil),
        (.toInitiator, 0, found, .recordLengthRefused(5)),
        (.toInitiator, 0, framed([UInt8](repeating: 1, count: 40)), .recordDidNotOpen),
      ]
      for (attacked, place, bytes, expected) in places {
        let relay = try await Relay.start(to: node.address) { direction, number, frame in
          direction == attacked && number == place ? frame + bytes : frame
        }
        defer { relay.close() }
        let error: SessionError?
        do {
          let victim = try await Probe.dial(node.principal, at: relay.address, target.alice())
          victim.send(Request.topology(1))
          error = try await victim.closed()
          #expect(!victim.hasReceived, "\(attacked) \(place)")
        } catch TransportError.session(let failure) { error = failure }
        if let expected {
          #expect(error == expected, "\(attacked) \(place)")
        } else if case .connectionLost = error {
        } else {
          Issue.record("\(attacked) \(place): \(String(describing: error))")
        }
      }
      #expect(try await target.client.get(Array("injected".utf8)) == nil)
      try await target.isUnharmed()
    }

    @Test("two sessions of one person that are spliced end where a record of the other comes, and only there")
    func spliced() async throws {
      let target = try await Target.shared
      let node = try target.drone("d1")
      let credential = try target.alice()
      let (tap, session, _) = try await ByHand.open(node, credential)
      let record = try session.seal(Request.topology(1))
      tap.send(record)
      let answer = try await tap.frame()
      // At the very place that it had in its own session.
      let toNode = try await Relay.start(to: node.address) { direction, number, bytes in
        direction == .toAcceptor && number == 2 ? record : bytes
      }
      defer { toNode.close() }
      let first = try await Probe.dial(node.principal, at: toNode.address, credential)
      first.send(Request.topology(1))
      guard case .connectionLost = try await first.closed() else {
        Issue.record("the session ended in another way")
        return
      }
      #expect(!first.hasReceived)

      let toClient = try await Relay.start(to: node.address) { direction, number, bytes in
        direction == .toInitiator && number == 1 ? answer : bytes
      }
      defer { toClient.close() }
      let second = try await Probe.dial(node.principal, at: toClient.address, credential)
      second.send(Request.topology(1))
      #expect(try await second.closed() == .recordDidNotOpen)
      #expect(!second.hasReceived)

      // The session that was taken from goes on.
      #expect(try !session.open(answer).isEmpty)
      tap.send(try session.seal(Request.topology(2)))
      #expect(try await !session.open(tap.frame()).isEmpty)
      tap.close()
      try await target.isUnharmed()
    }
  }
}

extension Flights {
  /// Whether these bytes are the second flight, and nothing else.
  static func isFlight(_ bytes: [UInt8]) -> Bool {
    if case .acceptorFlight? = try? HandshakeFrame.decode(Array(bytes.dropFirst(4)), limits: SessionLimits())
    {
      return true
    }
    return false
  }
}
