/// What an established security context proves, as GSSAPI tells it. Names are canonical principal names
/// ("a/b@REALM").
public struct SecurityContextProperties: Sendable, Hashable {
  /// This side's principal.
  public var local: String
  /// The other side's principal, authenticated.
  public var peer: String
  /// The service principal that the ticket is for (the acceptor's name on both sides).
  public var target: String
  /// Both sides have proved themselves.
  public var isMutual: Bool
  /// Acceptor: the initiator's token carried exactly the channel binding given to `accept`.
  /// Initiator: a channel binding was put into the token (whether it was checked, only the acceptor knows).
  public var isChannelBound: Bool
  /// The acceptor contributed a subkey of its own (RFC 4121 section 2). Without it the pseudo-random function
  /// would silently use the initiator's.
  public var hasAcceptorSubkey: Bool
  /// The session key's encryption type (IANA Kerberos parameters; 19 and 20 are AES-SHA2, RFC 8009).
  public var sessionKeyEncryptionType: Int32
  /// That of the key that the ticket is encrypted with; nil at the initiator, which need not know it.
  public var ticketEncryptionType: Int32?
  /// When the ticket ends, in seconds since 1970. The acceptor's view includes the realm's clock skew.
  public var expiry: Int64
  /// The authentication indicators of the initiator's ticket, authenticated ones only; empty on the initiator's
  /// side, which cannot read them.
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
}
