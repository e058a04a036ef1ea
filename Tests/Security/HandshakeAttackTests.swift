import Cryptography
import Synchronization
import Testing

@testable import Sessions
@testable import Transport

/// A frame of the handshake with something else in it.
private func changed(
  _ frame: [UInt8], hello change: (inout InitiatorHello) -> Void
) throws -> [UInt8] {
  guard
    case .initiatorFlight(let bytes, let token) = try HandshakeFrame.decode(
      Array(frame.dropFirst(4)), limits: SessionLimits())
  else { throw Flights.NoFlight() }
  var hello = try InitiatorHello.decode(bytes, limits: SessionLimits())
  change(&hello)
  return HandshakeFrame.initiatorFlight(hello: hello.encoded(), token: token).encoded()
}

private func changed(
  _ frame: [UInt8], answer change: (inout AcceptorHello, inout [UInt8], inout [UInt8]) -> Void
) throws -> [UInt8] {
  guard
    case .acceptorFlight(let bytes, var token, var finished) = try HandshakeFrame.decode(
      Array(frame.dropFirst(4)), limits: SessionLimits())
  else { throw Flights.NoFlight() }
  var hello = try AcceptorHello.decode(bytes, limits: SessionLimits())
  change(&hello, &token, &finished)
  return HandshakeFrame.acceptorFlight(hello: hello.encoded(), token: token, finished: finished).encoded()
}

extension SecurityTests {
  @Suite("Somebody on the way, during the handshake")
  struct HandshakeAttackTests {
    /// What a client meets that dials by way of somebody who changes the first frame of one direction.
    private func dial(
      _ node: Target.Node, _ attacked: Relay.Direction, _ target: Target,
      _ change: @escaping @Sendable ([UInt8]) throws -> [UInt8]
    ) async throws -> SessionError? {
      let relay = try await Relay.start(to: node.address) { direction, number, bytes in
        direction == attacked && number == 0 ? (try? change(bytes)) ?? [] : bytes
      }
      defer { relay.close() }
      do {
        let probe = try await Probe.dial(node.principal, at: relay.address, target.alice())
        return try await probe.closed()
      } catch TransportError.session(let error) {
        return error
      } catch TransportError.kerberos(let error) {
        return .securityContextFailed("\(error)")
      }
    }

    /// That another session, which was open all the time, is served.
    private func serves(_ bystander: Probe, at location: SourceLocation = #_sourceLocation) async throws {
      bystander.send(Request.topology(1))
      #expect(try await !bystander.received().isEmpty, sourceLocation: location)
    }

    @Test("a hello with another's public key, fewer suites or other random bytes is no longer the ticket's")
    func initiatorHello() async throws {
      let target = try await Target.shared
      let node = try target.drone("d1")
      let bystander = try await Probe.dial(node, target.alice())
      let own = try X25519KeyPair.generate().publicKey
      let changes: [(String, @Sendable (inout InitiatorHello) -> Void)] = [
        ("the public key", { $0.publicKey = own }),
        ("suites stripped", { $0.suites = [.chaCha20Poly1305] }),
        ("suites reordered", { $0.suites.reverse() }),
        ("random bytes", { $0.random = [UInt8](repeating: 7, count: 32) }),
      ]
      for (what, change) in changes {
        let error = try await dial(node, .toAcceptor, target) { try changed($0, hello: change) }
        guard case .refused(let refusal) = error else {
          Issue.record("\(what): \(String(describing: error))")
          continue
        }
        #expect(refusal.code == .ticketRefused, "\(what)")
        try await serves(bystander)
      }
      // What was refused was the change, and not how it was made.
      let hand = try ByHand(node.principal, target.alice())
      #expect(try changed(hand.first) { _ in } == hand.first)
      try await target.isUnharmed()
    }

    @Test("another version, cluster or service in a hello is refused by name, and nothing is agreed on less")
    func stripped() async throws {
      let target = try await Target.shared
      let node = try target.drone("d1")
      let other = try target.drone("d2").principal
      let changes: [(RefusalCode, @Sendable ([UInt8]) throws -> [UInt8])] = [
        (.wrongCluster, { try changed($0) { $0.cluster = "prod" } }),
        (.unknownService, { try changed($0) { $0.service = other } }),
        (.noCommonSuite, { try changed($0) { $0.suites = [] } }),
        (
          .unsupportedVersion,
          { frame in
            guard
              case .initiatorFlight(var hello, let token) = try HandshakeFrame.decode(
                Array(frame.dropFirst(4)), limits: SessionLimits())
            else { throw Flights.NoFlight() }
            hello[1] = 0  // the version's place
            return HandshakeFrame.initiatorFlight(hello: hello, token: token).encoded()
          }
        ),
      ]
      for (code, change) in changes {
        guard case .refused(let refusal) = try await dial(node, .toAcceptor, target, change) else {
          Issue.record("\(code)")
          continue
        }
        #expect(refusal.code == code)
      }
      try await target.isUnharmed()
    }

    @Test("an answer with another's public key, another suite, address, token or Finished is not believed")
    func acceptorHello() async throws {
      let target = try await Target.shared
      let node = try target.drone("d1")
      let bystander = try await Probe.dial(node, target.alice())
      // What the same node answered to the same person in another handshake.
      let hand = try ByHand(node.principal, target.alice())
      let tap = try await Wiretap.open(node.address)
      tap.send(hand.first)
      let flight = try await tap.frame()
      tap.close()
      #expect(try changed(flight) { _, _, _ in } == flight)
      let earlier = try Flights(first: hand.first, answer: flight)

      typealias Change = @Sendable (inout AcceptorHello, inout [UInt8], inout [UInt8]) -> Void
      let own = try X25519KeyPair.generate().publicKey
      let altered: [(String, Change)] = [
        ("the public key", { hello, _, _ in hello.publicKey = own }),
        ("the suite", { hello, _, _ in hello.suite = .chaCha20Poly1305 }),
        ("the random bytes", { hello, _, _ in hello.random = [UInt8](repeating: 7, count: 32) }),
        ("the address", { hello, _, _ in hello.description.address = "127.0.0.1:1" }),
        ("the Finished of another handshake", { _, _, finished in finished = earlier.finished }),
        ("a Finished of zeros", { _, _, finished in finished = [UInt8](repeating: 0, count: 48) }),
      ]
      for (what, change) in altered {
        let error = try await dial(node, .toInitiator, target) { try changed($0, answer: change) }
        #expect(error == .finishedDidNotVerify, "\(what)")
        try await serves(bystander)
      }
      let low: Change = { hello, _, _ in hello.publicKey = [UInt8](repeating: 0, count: 32) }
      let weak = try await dial(node, .toInitiator, target) { try changed($0, answer: low) }
      guard case .keyAgreementFailed = weak else {
        Issue.record("a public key of low order: \(String(describing: weak))")
        return
      }
      let spliced: Change = { _, token, _ in token = earlier.acceptorToken }
      let context = try await dial(node, .toInitiator, target) { try changed($0, answer: spliced) }
      guard case .securityContextFailed = context else {
        Issue.record("the token of another handshake: \(String(describing: context))")
        return
      }
      let name = try target.drone("d2").principal
      let renamed: Change = { hello, _, _ in hello.service = name }
      #expect(
        try await dial(node, .toInitiator, target) { try changed($0, answer: renamed) }
          == .wrongTarget(dialled: node.principal, answered: name))
      try await target.isUnharmed()
    }

    /// The requests are never delivered as they were meant: that a replay cache has not seen them does not help.
    @Test("a person's request in the attacker's own hello opens no session, at this node or another")
    func borrowedRequest() async throws {
      let target = try await Target.shared
      let node = try target.drone("d1")
      let own = try X25519KeyPair.generate()
      for victim in [node, try target.drone("d2"), try target.database, try target.authority] {
        let honest = try ByHand(node.principal, target.alice())
        let tap = try await Wiretap.open(victim.address)
        tap.send(
          try changed(honest.first) { hello in
            hello.publicKey = own.publicKey
            hello.service = victim.principal
          })
        let answer = try await tap.all()
        #expect(answer.dropFirst(4).prefix(3) == [0x84, 0x05, 0x05], "\(victim)")
        #expect(!String(decoding: answer, as: UTF8.self).contains("keytab"), "\(victim)")
      }
      // The same by the person itself is let in.
      let (tap, session, _) = try await ByHand.open(node, target.alice())
      tap.send(try session.seal(Request.topology(1)))
      #expect(try await !session.open(tap.frame()).isEmpty)
      tap.close()
      try await target.isUnharmed()
    }

    @Test("a side that is shown its own frames and records takes none of them for another's")
    func reflected() async throws {
      let target = try await Target.shared
      let node = try target.drone("d1")
      // A client that dials a mirror.
      let mirror = try await Mirror.start()
      let error = await #expect(throws: TransportError.self) {
        try await Probe.dial(node.principal, at: mirror.address, target.alice())
      }
      guard case .session(.unexpectedFrame) = error else {
        Issue.record("\(String(describing: error))")
        return
      }
      mirror.close()
      // A node whose flight comes back to it.
      let hand = try ByHand(node.principal, target.alice())
      let tap = try await Wiretap.open(node.address)
      tap.send(hand.first)
      let flight = try await tap.frame()
      tap.send(flight)
      #expect(try await tap.all() == flight, "it said nothing more, and closed")
      // A node whose record comes back to it.
      let (other, session, _) = try await ByHand.open(node, target.alice())
      other.send(try session.seal(Request.topology(1)))
      let answer = try await other.frame()
      let before = other.soFar
      other.send(answer)
      #expect(try await other.all() == before)
      // A client whose record comes back to it.
      let own = Mutex<[UInt8]?>(nil)
      let relay = try await Relay.start(to: node.address) { direction, number, bytes in
        if direction == .toAcceptor, number == 2 { own.withLock { $0 = bytes } }
        return direction == .toInitiator && number == 1 ? own.withLock { $0 } ?? [] : bytes
      }
      defer { relay.close() }
      let victim = try await Probe.dial(node.principal, at: relay.address, target.alice())
      victim.send(Request.topology(1))
      #expect(try await victim.closed() == .recordDidNotOpen)
      #expect(!victim.hasReceived)
      try await target.isUnharmed()
    }
  }
}
