import Cryptography

/// What a handshake leaves behind: who is there, and the two directions of records.
///
/// Belongs to one thread at a time, like its sealer and opener.
public struct EstablishedSession {
  public let identity: SessionIdentity
  public let sealer: RecordSealer
  public let opener: RecordOpener

  init(
    identity: SessionIdentity, role: HandshakeRole, schedule: KeySchedule, limits: RecordLimits
  ) throws(SessionError) {
    self.identity = identity
    let (outbound, inbound) =
      role == .initiator
      ? (schedule.initiatorTraffic, schedule.acceptorTraffic)
      : (schedule.acceptorTraffic, schedule.initiatorTraffic)
    do {
      sealer = try RecordSealer(secret: outbound, suite: identity.suite, limits: limits)
      opener = try RecordOpener(secret: inbound, suite: identity.suite, limits: limits)
    } catch { throw .cryptographyFailed("\(error)") }
  }
}

/// Who talks with whom, as both sides have proved it.
public struct SessionIdentity: Equatable, Sendable {
  public let role: HandshakeRole
  /// This side's and the other side's principal, with realm, as `gss_inquire_context` gives them.
  public let local: String
  public let peer: String
  /// The service principal that was dialled: `peer` at the initiator, `local` at the acceptor.
  public let service: String
  public let cluster: String
  /// Authentication indicators of the peer's ticket, as the acceptor sees them. Empty at the initiator.
  public let authenticationIndicators: [String]
  /// Encryption type of the key that the peer's ticket is encrypted with (IANA Kerberos parameters); nil at the initiator.
  public let ticketEncryptionType: Int32?
  /// End of the ticket, seconds since 1970.
  public let ticketExpiry: Int64
  /// Whether the session ends with the ticket.
  public let endsWithTicket: Bool
  public let suite: CipherSuite
  /// T, a name for this session that both sides know and that is never repeated.
  public let transcriptHash: [UInt8]

  public var initiator: String { role == .initiator ? local : peer }
  public var acceptor: String { role == .initiator ? peer : local }
}
