/// What GSSAPI says of an established context: the facts of `gss_inquire_context` and of the extensions.
public struct SecurityProperties: Equatable, Sendable {
  /// This side's and the other side's principal, with realm.
  public var local: String
  public var peer: String
  /// The acceptor's name in the context.
  public var target: String
  public var isMutual: Bool
  /// `GSS_C_CHANNEL_BOUND_FLAG`; MIT Kerberos reports it at the acceptor only.
  public var isChannelBound: Bool
  public var hasAcceptorSubkey: Bool
  /// Kerberos encryption type of the session key (RFC 8009: 19 and 20 are AES-SHA2).
  public var sessionKeyEncryptionType: Int32
  /// That of the key that the ticket is encrypted with; nil at the initiator, which need not know it.
  public var ticketEncryptionType: Int32?
  /// End of the ticket, seconds since 1970.
  public var expiry: Int64
  public var authenticationIndicators: [String]

  public init(
    local: String, peer: String, target: String, isMutual: Bool, isChannelBound: Bool,
    hasAcceptorSubkey: Bool, sessionKeyEncryptionType: Int32, ticketEncryptionType: Int32? = nil,
    expiry: Int64, authenticationIndicators: [String]
  ) {
    self.local = local
    self.peer = peer
    self.target = target
    self.isMutual = isMutual
    self.isChannelBound = isChannelBound
    self.hasAcceptorSubkey = hasAcceptorSubkey
    self.sessionKeyEncryptionType = sessionKeyEncryptionType
    self.ticketEncryptionType = ticketEncryptionType
    self.expiry = expiry
    self.authenticationIndicators = authenticationIndicators
  }

  private static let acceptedEncryptionTypes: Set<Int32> = [19, 20]

  /// Checks everything that the protocol requires of a context for a session with `service`.
  func check(role: HandshakeRole, service: String) throws(SessionError) {
    guard isMutual else { throw .contextRefused(.mutualAuthentication) }
    // The acceptor alone can tell; the initiator relies on T, as the whole protocol does.
    guard isChannelBound || role == .initiator else { throw .contextRefused(.channelBinding) }
    guard hasAcceptorSubkey else { throw .contextRefused(.acceptorSubkey) }
    guard Self.acceptedEncryptionTypes.contains(sessionKeyEncryptionType) else {
      throw .contextRefused(.encryptionType(sessionKeyEncryptionType))
    }
    let acceptor = role == .initiator ? peer : local
    guard target == service, acceptor == service else {
      throw .wrongTarget(dialled: service, answered: target == service ? acceptor : target)
    }
    guard !local.isEmpty, !peer.isEmpty, peer != local else { throw .peerIsSelf(local) }
  }
}

/// A property of the security context that is missing.
public enum SecurityRequirement: Equatable, Sendable, CustomStringConvertible {
  case mutualAuthentication
  case channelBinding
  case acceptorSubkey
  case encryptionType(Int32)
  /// Kerberos needs exactly one token each way; more or fewer is another mechanism.
  case oneTokenEachWay

  public var description: String {
    switch self {
    case .mutualAuthentication: "it is not mutually authenticated"
    case .channelBinding: "it is not bound to this connection's hello"
    case .acceptorSubkey: "the acceptor chose no subkey"
    case .encryptionType(let type):
      "its session key has encryption type \(type), and only AES-SHA2 (19, 20) is accepted"
    case .oneTokenEachWay: "it did not take exactly one token each way"
    }
  }
}
