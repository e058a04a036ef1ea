import Cryptography
import Testing

@testable import Sessions

@Suite("The handshake")
struct HandshakeTests {
  @Test("two honest sides agree on who they are and on keys", arguments: CipherSuite.allCases)
  func honest(suite: CipherSuite) throws {
    let (initiator, acceptor) = try HandshakePair.sessions(suite: suite)
    #expect(initiator.identity.local == FakeSecurityContext.user)
    #expect(initiator.identity.peer == FakeSecurityContext.drone)
    #expect(acceptor.identity.local == FakeSecurityContext.drone)
    #expect(acceptor.identity.peer == FakeSecurityContext.user)
    #expect(initiator.identity.suite == suite)
    #expect(initiator.identity.transcriptHash == acceptor.identity.transcriptHash)
    #expect(acceptor.identity.service == FakeSecurityContext.drone)
    var record = try initiator.sealer.seal(.messages, Array("one".utf8))
    try record.withUnsafeMutableBytes { buffer in
      let opened = try acceptor.opener.open(buffer)
      #expect(Array(opened.content) == Array("one".utf8))
    }
  }

  @Test("it takes exactly three frames, the first two from the two sides in turn")
  func threeFrames() throws {
    var pair = try HandshakePair()
    pair.run()
    #expect(pair.frames.count == 3)
    #expect(pair.frames.map { $0[1] } == [1, 2, 3])
  }

  @Test("the initiator asks for the service that it dials, bound to its hello")
  func initiatorActions() throws {
    var initiator = InitiatorHandshake(configuration: HandshakePair.offer(), entropy: try .generate())
    let actions = initiator.handle(.started)
    guard case .initiateSecurityContext(let target, let binding) = actions.first, actions.count == 1 else {
      Issue.record("\(actions)")
      return
    }
    #expect(target == FakeSecurityContext.drone)
    let sent = initiator.handle(.securityContextAdvanced(token: [9], isComplete: false, properties: nil))
    guard case .sendFrame(let frame) = sent.first, sent.count == 1 else {
      Issue.record("\(sent)")
      return
    }
    guard
      case .initiatorFlight(let hello, let token) = try HandshakeFrame.decode(
        Array(frame.dropFirst(4)), limits: SessionLimits())
    else {
      Issue.record("another frame")
      return
    }
    #expect(token == [9])
    #expect(binding == SHA384.hash(hello))
  }

  @Test("two handshakes of the same two sides share nothing")
  func fresh() throws {
    let first = try HandshakePair.sessions()
    let second = try HandshakePair.sessions()
    #expect(first.initiator.identity.transcriptHash != second.initiator.identity.transcriptHash)
    var record = try first.initiator.sealer.seal(.messages, [1])
    record.withUnsafeMutableBytes { buffer in
      _ = #expect(throws: SessionError.recordDidNotOpen) { try second.acceptor.opener.open(buffer) }
    }
  }

  @Test("a hello without a token is answered with the node's description, and nothing else")
  func bareHello() throws {
    var pair = try HandshakePair(isBare: true)
    pair.run()
    #expect(pair.atInitiator.description == HandshakePair.description)
    #expect(pair.atInitiator.isClosed && pair.atInitiator.error == nil)
    #expect(pair.atAcceptor.isClosed && pair.atAcceptor.error == nil)
    #expect(pair.atAcceptor.session == nil)
  }

  @Test("the third flight of another handshake does not finish this one")
  func replayedFinished() throws {
    var first = try HandshakePair()
    first.run()
    let finished = first.frames[2]
    var second = try HandshakePair()
    second.tamper = { number, frame in if number == 2 { frame = finished } }
    second.run()
    #expect(second.atAcceptor.session == nil)
    #expect(second.atAcceptor.error == .finishedDidNotVerify)
  }

  @Test("a replayed first flight ends at the Finished, even if the ticket's replay cache were off")
  func replayedHello() throws {
    var first = try HandshakePair()
    first.run()
    let recorded = first.frames
    var second = try HandshakePair()
    second.tamper = { number, frame in
      if number == 0 { frame = recorded[0] }
      if number == 1 { frame = [] }
    }
    second.run()
    #expect(second.frames.count == 2)
    _ = second.acceptor.handle(.frameReceived(recorded[2]))
    let late = second.acceptor.handle(.frameReceived(recorded[2]))
    #expect(late.isEmpty)
    #expect(second.atAcceptor.session == nil)
  }

  @Test("a side that is done does nothing more, whatever comes")
  func done() throws {
    var pair = try HandshakePair()
    pair.run()
    for event in [HandshakeEvent.started, .timedOut, .frameReceived([1]), .securityContextFailed("late")] {
      #expect(pair.initiator.handle(event).isEmpty)
      #expect(pair.acceptor.handle(event).isEmpty)
    }
  }

  @Test("each side stops when its time is over or its connection is lost", arguments: [true, false])
  func timeout(isTimeout: Bool) throws {
    let event: HandshakeEvent = isTimeout ? .timedOut : .connectionLost("reset")
    let expected: SessionError = isTimeout ? .timedOut : .connectionLost("reset")
    for stage in 0..<3 {
      var pair = try HandshakePair()
      pair.tamper = { number, frame in if number == stage { frame = [] } }
      pair.run()
      if pair.atInitiator.session == nil { #expect(closing(pair.initiator.handle(event)) == expected) }
      #expect(closing(pair.acceptor.handle(event)) == expected)
    }
  }

  private func closing(_ actions: [HandshakeAction]) -> SessionError? {
    guard case .close(let error) = actions.last, actions.count == 1 else { return nil }
    return error
  }

  @Test("the acceptor's policy decides whether a session ends with its ticket")
  func endsWithTicket() throws {
    var pair = try HandshakePair(
      HandshakePair.offer { $0.endsWithTicket = false },
      HandshakePair.service { $0.services[0].policy.endsWithTicket = false })
    pair.run()
    #expect(pair.atAcceptor.session?.identity.endsWithTicket == false)
    #expect(pair.atInitiator.session?.identity.endsWithTicket == false)
    #expect(try HandshakePair.sessions().acceptor.identity.endsWithTicket)
  }
}
