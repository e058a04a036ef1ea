/// A failed Kerberos operation: what went wrong, with whom, and what to do about it.
///
/// The sentence names the principal, service, realm, encryption type, key version and clock difference that
/// the failure concerns, as far as the library tells. It carries no key, password or ticket.
public struct KerberosError: Error, CustomStringConvertible, Sendable, Hashable {
  /// What went wrong, to be acted upon by programs; people read the sentence.
  public enum Reason: String, Sendable, Hashable {
    /// There is no ticket (no credential cache, or an empty one): `kinit` first.
    case noTicket
    /// The credential cache has become another principal's since a credential was made from it.
    case otherPrincipal
    /// The ticket's life is over: `kinit` again.
    case ticketExpired
    /// No KDC (or kadmind) of the realm answered.
    case kdcUnreachable
    /// The KDC's policy refuses: a missing authentication indicator, a service closed to ticket-granting
    /// tickets, a ticket life.
    case policyRejects
    /// The KDC does not know the client principal.
    case clientUnknown
    /// The KDC does not know the service principal.
    case serviceUnknown
    /// The client principal's entry has expired.
    case clientExpired
    /// The KDC has locked the client principal: after too many wrong passwords, or by an administrator.
    case clientLocked
    /// The two clocks differ by more than the realm allows.
    case clockSkew
    /// The request was seen before.
    case replay
    /// The keytab holds no key of the version or encryption type that the ticket was made with.
    case wrongKeyVersion
    /// The ticket is for another service than the acceptor's, or the acceptor holds no such key.
    case wrongTarget
    /// The name is of a realm that this one does not trust or know.
    case wrongRealm
    /// A password, key or one-time password was refused.
    case preauthenticationFailed
    /// The password must be changed before it gives tickets.
    case passwordExpired
    /// The KDC refused the certificate: chain, validity, name or matching rule.
    case certificateRefused
    /// This process refused its own certificate or the KDC's, before or after asking the KDC.
    case certificateUnusable
    /// The token is bound to another channel (another connection's first hello).
    case channelBindingMismatch
    /// The token is no well-formed Kerberos token of this state, or its seal does not fit.
    case badToken
    /// The encryption type is not permitted or not offered.
    case encryptionType
    /// A keytab or cache file is missing, damaged, or may be read by others.
    case unusableFile
    /// kadmind's access list gives the caller no such right.
    case notPermitted
    /// The principal exists already.
    case alreadyExists
    /// The term's office principal exists with another key: the term can never be certified.
    case burnt
    /// The caller gave something that is no principal, realm or file name.
    case badArgument
    /// Anything else; the sentence has the library's own words.
    case other
  }

  public let reason: Reason
  /// Of `otherPrincipal`: whose the cache was when the credential was made, whose it is now, and its name.
  public let change: CacheChange?
  /// The krb5, GSSAPI mechanism or kadm5 code, 0 where there is none. For tests and logs.
  public let code: Int32
  /// One or two sentences for a person.
  public let description: String

  /// Whether a ticket begins to be valid later only, by this machine's clock.
  public var isNotYetValid: Bool { code == KerberosErrorCode.kerberos(33) }

  public init(_ reason: Reason, code: Int32 = 0, _ description: String) {
    self.init(reason, code: code, description, change: nil)
  }

  init(_ change: CacheChange, code: Int32 = 0) {
    self.init(.otherPrincipal, code: code, change.description, change: change)
  }

  private init(_ reason: Reason, code: Int32, _ description: String, change: CacheChange?) {
    self.change = change
    self.reason = reason
    self.code = code
    self.description = description
  }
}

/// A credential cache that has become another principal's.
public struct CacheChange: Sendable, Hashable, CustomStringConvertible {
  /// Whose it was when a credential was made from it.
  public let first: String
  public let now: String
  public let cache: String

  public var description: String {
    "The credential cache \(cache) is now \(now)'s, and no longer \(first)'s; type: kinit \(first)"
  }
}
