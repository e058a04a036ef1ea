import Cryptography
import Testing

@testable import Sessions

@Suite("Tampering with the handshake")
struct TamperingTests {
  /// The flights of one honest handshake, for their lengths. Names and texts have fixed lengths here.
  private func flights() throws -> [[UInt8]] {
    var pair = try HandshakePair()
    pair.run()
    return pair.frames
  }

  @Test("a bit changed at any byte of a flight prevents the session", arguments: [true, false])
  func flippedBits(checksChannelBinding: Bool) throws {
    for (flight, bytes) in try flights().enumerated() {
      for index in bytes.indices {
        var pair = try HandshakePair()
        pair.acceptorContext.faults.checksChannelBinding = checksChannelBinding
        pair.tamper = { number, frame in
          if number == flight, index < frame.count { frame[index] ^= 1 << UInt8(index % 8) }
        }
        pair.run()
        #expect(pair.atAcceptor.session == nil, "flight \(flight), byte \(index)")
        if flight < 2 { #expect(pair.atInitiator.session == nil, "flight \(flight), byte \(index)") }
      }
    }
  }

  @Test("a flight cut short at any byte, or lengthened, prevents the session")
  func truncation() throws {
    for (flight, bytes) in try flights().enumerated() {
      for length in Array(1..<bytes.count) + [bytes.count + 1] {
        var pair = try HandshakePair()
        pair.tamper = { number, frame in
          guard number == flight else { return }
          if length > frame.count { frame.append(0) } else { frame.removeLast(frame.count - length) }
        }
        pair.run()
        #expect(pair.atAcceptor.session == nil, "flight \(flight) of \(length) bytes")
        let error = flight == 1 ? pair.atInitiator.error : pair.atAcceptor.error
        guard case .malformedFrame = error else {
          Issue.record("flight \(flight) of \(length) bytes: \(String(describing: error))")
          return
        }
      }
    }
  }

  @Test("a frame out of its turn ends the handshake")
  func reordering() throws {
    let flights = try flights()
    for (own, frames) in [(true, [1, 2]), (false, [1, 2])] {
      for number in frames {
        if own {
          var acceptor = AcceptorHandshake(configuration: HandshakePair.service(), entropy: try .generate())
          expectUnexpected(acceptor.handle(.frameReceived(flights[number])))
        } else {
          var initiator = InitiatorHandshake(configuration: HandshakePair.offer(), entropy: try .generate())
          _ = initiator.handle(.started)
          expectUnexpected(initiator.handle(.frameReceived(flights[number])))
        }
      }
    }
    // The first flight twice; the first where the third belongs; the third where the second belongs.
    for (at, sent) in [(2, 0), (1, 2), (1, 0)] {
      var pair = try HandshakePair()
      pair.tamper = { number, frame in if number == at { frame = flights[sent] } }
      pair.run()
      let error = at == 1 ? pair.atInitiator.error : pair.atAcceptor.error
      guard case .unexpectedFrame = error else {
        Issue.record("\(String(describing: error))")
        continue
      }
    }
  }

  private func expectUnexpected(_ actions: [HandshakeAction]) {
    guard case .close(.unexpectedFrame) = actions.first else {
      Issue.record("\(actions)")
      return
    }
  }

  @Test("a frame's length is refused before anything is read of it")
  func oversize() throws {
    let acceptor = AcceptorHandshake(configuration: HandshakePair.service(), entropy: try .generate())
    let limit = 64 * 1024 - 4
    func length(_ value: UInt32) throws -> Int? {
      try withUnsafeBytes(of: value.bigEndian) { try acceptor.frameLength(in: $0) }
    }
    #expect(try length(UInt32(limit)) == limit)
    for value in [0, UInt32(limit + 1), .max] {
      #expect(throws: SessionError.frameLengthRefused(Int(value), limit: limit)) { try length(value) }
    }
    let short: [UInt8] = [0, 0, 0]
    #expect(try short.withUnsafeBytes { try acceptor.frameLength(in: $0) } == nil)
  }

  @Test(
    "what was meant for another program is called what it is",
    arguments: [
      ("GET / HTTP/1.1\r\n", "HTTP"), ("HTTP/1.0 400 Bad Request", "HTTP"), ("*1\r\n$4\r\nPING\r\n", "Redis"),
      ("PING\r\n", "Redis"), ("SSH-2.0-OpenSSH_9.2", "SSH"), ("\u{16}\u{3}\u{1}\u{2}", "TLS"),
      ("\u{0}\u{1}\u{0}\u{0}", "announces 65536 bytes"),
    ])
  func foreign(bytes: String, named: String) throws {
    let acceptor = AcceptorHandshake(configuration: HandshakePair.service(), entropy: try .generate())
    let error = #expect(throws: SessionError.self) {
      try Array(bytes.utf8).withUnsafeBytes { try acceptor.frameLength(in: $0) }
    }
    #expect(error.map { "\($0)" }?.contains(named) == true)
  }

  @Test("the frames of a handshake share one allowance")
  func budget() throws {
    var limits = SessionLimits()
    limits.handshakeBytes = 400
    var pair = try HandshakePair(
      HandshakePair.offer(), HandshakePair.service { $0.limits = limits })
    pair.tamper = { number, frame in if number == 2 { frame = [] } }
    pair.run()
    let used = pair.frames[0].count + 4
    let left = 400 - used - 4
    #expect(throws: SessionError.frameLengthRefused(left + 1, limit: left)) {
      try withUnsafeBytes(of: UInt32(left + 1).bigEndian) { try pair.acceptor.frameLength(in: $0) }
    }
  }

  @Test("a token over its limit is refused, from the peer and from this side")
  func tokenLimit() throws {
    var pair = try HandshakePair()
    pair.tamper = { number, frame in
      guard number == 0,
        case .initiatorFlight(let hello, _)? = try? HandshakeFrame.decode(
          frame, limits: SessionLimits())
      else { return }
      let token = [UInt8](repeating: 1, count: 16 * 1024 + 1)
      frame = Array(HandshakeFrame.initiatorFlight(hello: hello, token: token).encoded().dropFirst(4))
    }
    pair.run()
    guard case .malformedFrame = pair.atAcceptor.error else {
      Issue.record("\(String(describing: pair.atAcceptor.error))")
      return
    }
    var initiator = InitiatorHandshake(configuration: HandshakePair.offer(), entropy: try .generate())
    _ = initiator.handle(.started)
    let actions = initiator.handle(
      .securityContextAdvanced(
        token: [UInt8](repeating: 1, count: 16 * 1024 + 1), isComplete: false, properties: nil))
    guard case .close(.tokenTooLong(16385, limit: 16384)) = actions.first else {
      Issue.record("\(actions)")
      return
    }
  }
}
