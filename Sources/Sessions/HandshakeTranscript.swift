import Cryptography

/// T = SHA-384 over the length-prefixed H1, AP-REQ, H2, AP-REP: everything both sides said before Finished.
struct HandshakeTranscript: Equatable, Sendable {
  let hash: [UInt8]

  init(
    initiatorHello: [UInt8], initiatorToken: [UInt8], acceptorHello: [UInt8], acceptorToken: [UInt8]
  ) {
    var bytes: [UInt8] = []
    for part in [initiatorHello, initiatorToken, acceptorHello, acceptorToken] {
      Self.append(part, to: &bytes)
    }
    hash = SHA384.hash(bytes)
  }

  /// The Finished MAC of one side: HMAC-SHA-384 over its role label, T, both names as
  /// `gss_inquire_context` gives them, and the cluster, each length-prefixed.
  func finished(
    role: HandshakeRole, key: SecretBytes, initiator: String, acceptor: String, cluster: String
  ) -> [UInt8] {
    var bytes: [UInt8] = []
    for part in ["keyval/1 \(role.rawValue) finished", initiator, acceptor, cluster] {
      Self.append(Array(part.utf8), to: &bytes)
    }
    Self.append(hash, to: &bytes)
    return HMACSHA384.authenticate(key: key, data: bytes)
  }

  private static func append(_ part: [UInt8], to bytes: inout [UInt8]) {
    withUnsafeBytes(of: UInt32(truncatingIfNeeded: part.count).bigEndian) { bytes += $0 }
    bytes += part
  }
}

/// The two ends of a handshake. The raw values are labels of the Finished MACs.
public enum HandshakeRole: String, Sendable {
  case initiator
  case acceptor
}
