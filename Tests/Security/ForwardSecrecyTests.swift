import Cryptography
import Testing
import Transport

@testable import Sessions

extension SecurityTests {
  @Suite("What was recorded, once a keytab is stolen")
  struct ForwardSecrecyTests {
    /// The keys of the recorded handshake for somebody with that shared secret, if that is who he says.
    private func schedule(
      _ flights: Flights, _ preSharedKey: [UInt8], _ secret: SecretBytes
    ) -> KeySchedule {
      KeySchedule(
        preSharedKey: SecretBytes(copying: preSharedKey), sharedSecret: secret, transcript: flights.transcript
      )
    }

    /// Whether a schedule makes the node's recorded Finished.
    private func fits(_ schedule: KeySchedule, _ flights: Flights, _ identity: SessionIdentity) -> Bool {
      flights.transcript.finished(
        role: .acceptor, key: schedule.acceptorFinishedKey, initiator: identity.local,
        acceptor: identity.peer,
        cluster: "test") == flights.finished
    }

    /// The record if the keys open it.
    private func read(_ record: [UInt8], _ secret: TrafficSecret) throws -> [UInt8]? {
      let opener = try RecordOpener(secret: secret, suite: .aes256GCM, limits: RecordLimits())
      do {
        return try opener.content(of: record)
      } catch SessionError.recordDidNotOpen { return nil }
    }

    @Test("a recorded session and the keytab that is stolen later give Kerberos's keys, and open no record")
    func recordedSession() async throws {
      let target = try await Target.shared
      let node = try target.drone("d1")
      let recorder = try await Relay.start(to: node.address)
      defer { recorder.close() }
      let (tap, session, hand) = try await ByHand.open(node, at: recorder.address, target.alice())
      let asked = Request.topology(1)
      tap.send(try session.seal(asked))
      #expect(try await !session.open(tap.frame()).isEmpty, "the session is a good one")
      tap.close()

      // All that was on the wire, and what the keytab makes of it.
      let (sent, came) = (recorder.frames(.toAcceptor), recorder.frames(.toInitiator))
      try #require(sent.count >= 3 && came.count >= 2)
      let flights = try Flights(first: sent[0], answer: came[0])
      let stolen = StolenKeytab(
        path: try Target.copy(
          target.cluster.directory.keytab(of: node.name), to: target.scratch("stolen-later")),
        service: node.principal)
      let opened = try stolen.open(
        request: flights.initiatorToken, reply: flights.acceptorToken,
        input: KeySchedule.preSharedKeyInput(flights.transcript), length: KeySchedule.preSharedKeyLength)
      #expect(opened.preSharedKey == hand.preSharedKey, "the thief has all that Kerberos gave to the session")

      // With one ephemeral key beside it he would read everything: nothing else is wrong with his way.
      let hello = try AcceptorHello.decode(flights.acceptorHello, limits: SessionLimits())
      let honest = schedule(
        flights, opened.preSharedKey, try hand.entropy.keyPair.sharedSecret(with: hello.publicKey))
      #expect(fits(honest, flights, session.identity))
      #expect(try read(sent[2], honest.initiatorTraffic) == asked)
      #expect(try read(came[1], honest.acceptorTraffic) != nil)

      // Without it: whatever he has in place of the agreement's secret.
      let own = try X25519KeyPair.generate()
      let first = try InitiatorHello.decode(flights.initiatorHello, limits: SessionLimits())
      let guesses: [(String, SecretBytes)] = [
        ("zeros", SecretBytes(count: 32) { _ in }),
        ("the initiator's public key", SecretBytes(copying: first.publicKey)),
        ("the node's public key", SecretBytes(copying: hello.publicKey)),
        ("his own agreement with the initiator", try own.sharedSecret(with: first.publicKey)),
        ("his own agreement with the node", try own.sharedSecret(with: hello.publicKey)),
        ("the ticket's session key", SecretBytes(copying: opened.sessionKey)),
        ("the service's subkey", SecretBytes(copying: opened.subkey)),
        ("the pre-shared key", SecretBytes(copying: opened.preSharedKey)),
      ]
      for (what, secret) in guesses {
        let guessed = schedule(flights, opened.preSharedKey, secret)
        #expect(!fits(guessed, flights, session.identity), "\(what)")
        #expect(try read(sent[2], guessed.initiatorTraffic) == nil, "\(what)")
        #expect(try read(came[1], guessed.acceptorTraffic) == nil, "\(what)")
      }
      // Nor do the keys that he has, where the record's key would be taken from them at once.
      for key in [opened.preSharedKey, opened.subkey, opened.sessionKey] {
        #expect(try read(sent[2], TrafficSecret(SecretBytes(copying: key))) == nil)
      }
      try await target.isUnharmed()
    }

    @Test("the ephemeral keys of a session without the keytab open nothing either")
    func ephemeralKeyAlone() async throws {
      let target = try await Target.shared
      let node = try target.drone("d1")
      let recorder = try await Relay.start(to: node.address)
      defer { recorder.close() }
      let (tap, session, hand) = try await ByHand.open(node, at: recorder.address, target.alice())
      tap.send(try session.seal(Request.topology(1)))
      #expect(try await !session.open(tap.frame()).isEmpty)
      tap.close()
      let (sent, came) = (recorder.frames(.toAcceptor), recorder.frames(.toInitiator))
      try #require(sent.count >= 3 && came.count >= 2)
      let flights = try Flights(first: sent[0], answer: came[0])
      let hello = try AcceptorHello.decode(flights.acceptorHello, limits: SessionLimits())
      let secret = try hand.entropy.keyPair.sharedSecret(with: hello.publicKey)
      let zeros = [UInt8](repeating: 0, count: KeySchedule.preSharedKeyLength)
      for guess in [zeros, SecureRandom.bytes(KeySchedule.preSharedKeyLength)] {
        let guessed = schedule(flights, guess, secret)
        #expect(!fits(guessed, flights, session.identity))
        #expect(try read(sent[2], guessed.initiatorTraffic) == nil)
      }
      try await target.isUnharmed()
    }
  }
}
