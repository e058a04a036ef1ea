import Cryptography
import FuzzHarness
import Kerberos
import Sessions
import Wire

/// What is read before anybody is known, and the records after it.
enum HandshakeDecoders {
  static let all: [Decoder] = [
    Decoder(
      name: "frame", about: "a frame of the handshake, and the hello in it", seeds: { try flights() },
      read: { try frame($0) }),
    Decoder(
      name: "handshake", about: "the frames of a handshake, one after another, at both ends of it",
      // Two ends with their keys, each time.
      allowance: .init(base: 256 << 10, perByte: 128),
      // The keys are others each time, so that what follows the first flight is that of another handshake.
      mayRefuseSeeds: true,
      seeds: {
        let frames = try flights().map(prefixed)
        return frames + [frames[0] + frames[2]]
      }, read: { try handshake($0) }),
    Decoder(
      name: "record", about: "records of a session, sealed and forged",
      allowance: .init(base: 256 << 10, perByte: 16),
      seeds: { [[1] + Array("a put".utf8), [2], [3, 0], [4, 0, 0, 0, 0, 0, 0, 0, 9], [0, 0, 0, 0, 17]] },
      read: { try record($0) }),
    Decoder(
      name: "token", about: "what stands in clear in an initiator's token", seeds: { [ticketToken()] },
      read: { token($0) }),
  ]

  /// As far as it is looked at: an AP-REQ with a ticket whose key is of type 20.
  private static func ticketToken() -> [UInt8] {
    func element(_ tag: UInt8, _ contents: [UInt8]...) -> [UInt8] {
      let joined = contents.flatMap { $0 }
      return [tag, UInt8(joined.count)] + joined
    }
    let encrypted = element(
      0x30, element(0xa0, element(0x02, [20])), element(0xa2, element(0x04, [1, 2, 3])))
    let ticket = element(
      0x61,
      element(
        0x30, element(0xa0, element(0x02, [5])), element(0xa1, element(0x1b, [0x52])),
        element(0xa3, encrypted)))
    let request = element(0x6e, element(0x30, element(0xa0, element(0x02, [5])), element(0xa3, ticket)))
    let mechanism: [UInt8] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02]
    return element(0x60, element(0x06, mechanism), [1, 0], request)
  }

  private static func token(_ input: Input) -> Bool {
    let bytes = input.array
    return input.decode { InitiatorToken.ticketEncryptionType(in: bytes) } != nil
  }

  /// The frames of a handshake, of a bare hello and of a refusal.
  private static func flights() throws -> [[UInt8]] {
    var honest = try HandshakePair()
    honest.run()
    var bare = try HandshakePair(isBare: true)
    bare.run()
    var refused = try HandshakePair(HandshakePair.offer { $0.cluster = "another" })
    refused.run()
    return honest.frames + bare.frames + refused.frames
  }

  private static func prefixed(_ frame: [UInt8]) -> [UInt8] {
    withUnsafeBytes(of: UInt32(frame.count).bigEndian) { [UInt8]($0) } + frame
  }

  private static func frame(_ input: Input) throws -> Bool {
    let limits = SessionLimits()
    let bytes = input.array
    let frame = try input.decode { try HandshakeFrame.decode(bytes, limits: limits) }
    let again = Array(frame.encoded().dropFirst(HandshakeFrame.lengthLength))
    require(
      try HandshakeFrame.decode(again, limits: limits) == frame, "a frame is another when it is read again")
    switch frame {
    case .initiatorFlight(let hello, _):
      let read = try input.decode { try InitiatorHello.decode(hello, limits: limits) }
      require(
        try InitiatorHello.decode(read.encoded(), limits: limits) == read,
        "another hello when it is read again")
    case .acceptorFlight(let hello, _, _):
      let read = try input.decode { try AcceptorHello.decode(hello, limits: limits) }
      require(read.encoded() == hello, "an answer to a hello has another encoding than the one that was read")
    case .initiatorFinished, .description:
      require(again == bytes, "a frame has another encoding than the one that was read")
    case .refusal: break
    }
    return true
  }

  /// Frames behind their lengths, as they come from a connection: to an acceptor, to who has dialled one, and to who
  /// asks for a description. Each does what it wants done with a context that believes every token.
  private static func handshake(_ input: Input) throws -> Bool {
    var isTaken = false
    for end in End.all {
      var pair = try HandshakePair(isBare: end == .bare)
      pair.initiatorContext.faults.checksChannelBinding = false
      pair.acceptorContext.faults.checksChannelBinding = false
      if try input.decode({ try feed(input.bytes, to: end, of: &pair) }) { isTaken = true }
    }
    return isTaken
  }

  private enum End {
    case acceptor, initiator, bare
    static let all: [End] = [.acceptor, .initiator, .bare]
  }

  private static func feed(_ stream: UnsafeRawBufferPointer, to end: End, of pair: inout HandshakePair) throws
    -> Bool
  {
    var rest = stream[...]
    var (count, isClosed, isTaken) = (0, false, false)
    var events: [HandshakeEvent] = [.started]
    while true {
      while !events.isEmpty {
        let event = events.removeFirst()
        let actions = end == .acceptor ? pair.acceptor.handle(event) : pair.initiator.handle(event)
        require(!isClosed || actions.isEmpty, "something is done after the end")
        for action in actions {
          switch action {
          case .initiateSecurityContext(_, let binding):
            events.append(pair.initiatorContext.initiate(binding: binding))
          case .acceptSecurityContext(let service, let token, let binding):
            events.append(pair.acceptorContext.accept(service: service, token: token, binding: binding))
          case .continueSecurityContext(let token):
            events.append(pair.initiatorContext.resume(target: FakeSecurityContext.drone, token: token))
          case .computePseudoRandom(let input, let length):
            let context = end == .acceptor ? pair.acceptorContext : pair.initiatorContext
            events.append(context.pseudoRandom(input, length))
          case .sendFrame: isTaken = isTaken || count > 0
          case .describe: isTaken = true
          case .establish: fatalError("a session with somebody who cannot know its key")
          case .close: isClosed = true
          }
        }
      }
      let buffer = UnsafeRawBufferPointer(rebasing: rest)
      let length =
        end == .acceptor
        ? try pair.acceptor.frameLength(in: buffer) : try pair.initiator.frameLength(in: buffer)
      guard let length, buffer.count >= HandshakeFrame.lengthLength + length else { return isTaken }
      count += 1
      events.append(
        .frameReceived([UInt8](buffer[HandshakeFrame.lengthLength..<HandshakeFrame.lengthLength + length])))
      rest = rest.dropFirst(HandshakeFrame.lengthLength + length)
    }
  }

  /// The input is what an honest peer seals, and then what somebody without keys sends.
  private static func record(_ input: Input) throws -> Bool {
    let (initiator, acceptor) = try HandshakePair.sessions()
    var forged = input.array
    let opensForged = forged.withUnsafeMutableBytes { buffer in
      (try? input.decode { try initiator.opener.open(buffer) }) != nil
    }
    require(!opensForged, "a record opened that nobody had sealed")
    // Changes of keys are the sealer's own affair.
    guard let first = input.bytes.first, let type = RecordType(rawValue: first), type != .keyUpdate else {
      return true
    }
    let content = Array(input.array.dropFirst())
    var record = try initiator.sealer.seal(type, content)
    return record.withUnsafeMutableBytes { buffer in
      guard let opened = try? input.decode({ try acceptor.opener.open(buffer) }) else {
        require(false, "a record that was sealed does not open")
        return true
      }
      require(opened.type == type && opened.content.elementsEqual(content), "a record opened as another")
      return true
    }
  }
}
