import Cryptography

/// What happened to a handshake.
public enum HandshakeEvent: Sendable {
  /// The connection is there.
  case started
  /// A whole frame came, without its 4-byte length.
  case frameReceived([UInt8])
  /// A step of the security context is done.
  /// - `token`: what it gave for the peer; `nil` or empty for nothing.
  /// - `properties`: present when the context is complete.
  case securityContextAdvanced(token: [UInt8]?, isComplete: Bool, properties: SecurityProperties?)
  /// A step failed, or there is no credential. The sentence is for this side's people and log, and carries no secret; the
  /// complaint is what an acceptor tells its peer.
  case securityContextFailed(String, TicketComplaint = .notAccepted)
  case pseudoRandomComputed(SecretBytes)
  /// The handshake's time is over.
  case timedOut
  /// The connection, or its next step, had to go for those of others.
  case displaced
  /// The connection ended.
  case connectionLost(String)
}

/// What a handshake wants done, in this order.
public enum HandshakeAction {
  /// Bytes to send, length included.
  case sendFrame([UInt8])
  /// Start a context with `target`, and take its first step.
  case initiateSecurityContext(target: String, channelBinding: [UInt8])
  /// Take the next step of the context with the peer's token.
  case continueSecurityContext(token: [UInt8])
  /// Start a context with the credential of `service`, and take its first step with the peer's token.
  case acceptSecurityContext(service: String, token: [UInt8], channelBinding: [UInt8])
  /// `gss_pseudo_random` with `GSS_C_PRF_KEY_FULL`.
  case computePseudoRandom(input: [UInt8], length: Int)
  /// The session is there; whatever follows on the connection is records.
  case establish(EstablishedSession)
  /// The node's answer to a bare hello; the last action but `close`.
  case describe(NodeDescription)
  /// Close the connection once what was sent is out. `nil`: all is said, in order.
  case close(SessionError?)
}
