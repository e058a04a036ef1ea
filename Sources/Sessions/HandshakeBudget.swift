import Cryptography

/// Counts what a peer may still send before the session stands.
struct HandshakeBudget: Sendable {
  private var remaining: Int

  init(_ limits: SessionLimits) {
    remaining = limits.handshakeBytes
  }

  func frameLength(in buffer: UnsafeRawBufferPointer) throws(SessionError) -> Int? {
    guard buffer.count >= HandshakeFrame.lengthLength else { return nil }
    let length = Int(UInt32(bigEndian: buffer.loadUnaligned(as: UInt32.self)))
    let limit = remaining - HandshakeFrame.lengthLength
    guard length > 0, length <= limit else { throw .frameLengthRefused(length, limit: max(limit, 0)) }
    return length
  }

  mutating func spend(frame: [UInt8]) throws(SessionError) {
    let length = frame.count + HandshakeFrame.lengthLength
    guard length <= remaining else {
      throw .frameLengthRefused(frame.count, limit: max(remaining - HandshakeFrame.lengthLength, 0))
    }
    remaining -= length
  }
}

/// The application data of the GSSAPI channel binding: H1's hash. It refuses a token that was cut out of
/// another connection early; safety rests on T.
enum ChannelBinding {
  static func bytes(initiatorHello: [UInt8]) -> [UInt8] { SHA384.hash(initiatorHello) }
}

extension KeySchedule {
  /// Agrees on the ephemeral secret and runs the schedule.
  /// - Throws: ``SessionError/keyAgreementFailed(_:)``, also for a pre-shared key of another length.
  static func agree(
    preSharedKey: SecretBytes, keyPair: X25519KeyPair, peerKey: [UInt8], transcript: HandshakeTranscript
  ) throws(SessionError) -> KeySchedule {
    guard preSharedKey.count == preSharedKeyLength else {
      throw .keyAgreementFailed("the pseudo-random function gave \(preSharedKey.count) bytes")
    }
    do {
      return KeySchedule(
        preSharedKey: preSharedKey, sharedSecret: try keyPair.sharedSecret(with: peerKey),
        transcript: transcript)
    } catch { throw .keyAgreementFailed("\(error)") }
  }
}

extension HandshakeEvent {
  /// The event without what it carries, which may be secret.
  var name: String {
    switch self {
    case .started: "started"
    case .frameReceived: "frameReceived"
    case .securityContextAdvanced: "securityContextAdvanced"
    case .securityContextFailed: "securityContextFailed"
    case .pseudoRandomComputed: "pseudoRandomComputed"
    case .timedOut: "timedOut"
    case .displaced: "displaced"
    case .connectionLost: "connectionLost"
    }
  }
}
