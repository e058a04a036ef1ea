import Wire

/// Every limit of the session protocol, on one screen.
///
/// All of them bound what a peer can make this process do or keep. Tests inject smaller ones; a node runs
/// with the defaults.
public struct SessionLimits: Sendable {
  // The handshake: what an unauthenticated peer may cost.

  /// Bytes of one GSSAPI token.
  public var tokenBytes = Limits.maximumTokenLength
  /// Bytes of all frames that one peer sends in a handshake, length prefixes included.
  public var handshakeBytes = Limits.maximumHandshakeLength
  /// Time from connecting to the last Finished.
  public var handshakeTime: Duration = .seconds(Limits.handshakeTimeoutSeconds)
  /// Connections that have not finished their handshake: of a listener, and of one source address.
  public var unauthenticatedConnections = 1024
  public var unauthenticatedConnectionsPerSource = 128
  /// Bytes of a principal, a cluster name or an address in a hello, and of the sentence of a refusal.
  public var nameBytes = 1024
  /// Principals that a node names in its description; suites that a hello offers.
  public var listedPrincipals = 16
  public var offeredSuites = 8

  // The session.

  /// How records are sealed, and when their keys change.
  public var records = RecordLimits()
  /// The longest life of a session, whatever its ticket says.
  public var sessionTime: Duration = .seconds(8 * 3600)
  /// How long before its end a session says that it will end.
  public var expiryNoticeTime: Duration = .seconds(60)
  /// The age at which a session asks for a new handshake (fresh ephemeral keys).
  public var renewalTime: Duration = .seconds(3600)
  /// Time without a byte from the peer after which a session is closed.
  public var idleTime: Duration = .seconds(600)
  /// Time that written bytes may wait for a peer that does not read.
  public var writeTime: Duration = .seconds(30)
  /// Time that bytes may be on their way to a peer whose host confirms none of them. A cable that was cut, one way or
  /// both, is found out by that. TCP alone would go on for a quarter of an hour, and after the cable has healed it
  /// would try again only after as long as it has tried in vain.
  public var unconfirmedTime: Duration = .seconds(10)
  /// Bytes that may wait in a session for the network before its handler is told to stop writing.
  public var unsentBytes = 4 << 20

  public init() {}
}

/// The limits of the record layer.
public struct RecordLimits: Sendable {
  /// The largest value of a record's length field: ciphertext and tag, without the four bytes themselves.
  public var recordBytes = Limits.maximumRecordLength
  /// Records and plaintext bytes sealed under one key before the sender changes it.
  public var recordsPerKey: UInt64 = 1 << 24
  public var bytesPerKey: UInt64 = 1 << 38
  /// Records that a receiver must have opened under a key before it accepts a change of it. An honest sender
  /// fills at least 2^38 bytes of 2^20 = 2^18 records; a peer that changes keys for sport is cut off.
  public var recordsBeforeKeyUpdate: UInt64 = 1 << 16

  public init() {}

  /// The most content (type byte excluded) that one record carries.
  public var contentBytes: Int { recordBytes - RecordFormat.typeLength - RecordFormat.tagLength }
}
