/// Something that somebody is accountable for. It never holds a value, key material, a token or a password: there is no
/// field for them. A key of the store is in it only where the operator asked for that.
public struct AuditEvent: Hashable, Sendable {
  public enum Kind: String, Sendable, CaseIterable {
    /// Of the audit log itself: that it was opened or closed, what was lost, what was left out, that another hand
    /// was at its file.
    case log
    case session
    case order
    case denial
    case election
    case enrollment
    case membership
    case rights
    case term
    /// What a store holds is not what was written.
    case damage
    /// What there is room for: whoever fills a drone is in the lines of `data`, where those are kept.
    case memory
    case data
  }

  public var kind: Kind
  /// What was done or asked for, in one word or a few: `drain`.
  public var action: String
  /// How it ended: `done`, `refused`.
  public var outcome: String
  /// Who did it or asked for it, as the handshake proved; nil where nobody did.
  public var principal: String?
  /// From where, as far as the network tells.
  public var address: String?
  /// The encryption type of the session's key (IANA), which GSSAPI tells. Of the ticket's own key it tells nothing.
  public var encryptionType: Int32?
  public var term: UInt64?
  /// To whom or what it was done: a node, a file.
  public var subject: String?
  public var version: UInt64?
  public var slot: UInt64?
  /// A key of the store.
  public var key: [UInt8]?
  /// How many of them this one line stands for; nil: one.
  public var count: UInt64?
  /// SHA-256 of what the subject holds.
  public var digest: [UInt8]?
  public var reason: String?

  public init(
    _ kind: Kind, _ action: String, outcome: String, principal: String? = nil, address: String? = nil,
    encryptionType: Int32? = nil, term: UInt64? = nil, subject: String? = nil, version: UInt64? = nil,
    slot: UInt64? = nil, key: [UInt8]? = nil, count: UInt64? = nil, digest: [UInt8]? = nil,
    reason: String? = nil
  ) {
    self.kind = kind
    self.action = action
    self.outcome = outcome
    self.principal = principal
    self.address = address
    self.encryptionType = encryptionType
    self.term = term
    self.subject = subject
    self.version = version
    self.slot = slot
    self.key = key
    self.count = count
    self.digest = digest
    self.reason = reason
  }
}
