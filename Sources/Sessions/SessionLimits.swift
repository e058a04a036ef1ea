import Wire

/// Every limit of the session protocol, on one screen.
///
/// All of them bound what a peer can make this process do or keep. Tests inject smaller ones; a node runs
/// with the defaults, `fitting` its file descriptors.
public struct SessionLimits: Sendable {
  // The handshake: what an unauthenticated peer may cost.

  /// Bytes of one GSSAPI token.
  public var tokenBytes = Limits.maximumTokenLength
  /// Bytes of all frames that one peer sends in a handshake, length prefixes included.
  public var handshakeBytes = Limits.maximumHandshakeLength
  /// Time from connecting to the end of the first frame, which an initiator has at hand when it connects.
  public var firstFrameTime: Duration = .seconds(1)
  /// Time from connecting to the last Finished.
  public var handshakeTime: Duration = .seconds(Limits.handshakeTimeoutSeconds)
  /// Connections that have not finished their handshake: of a listener, and of one source address. One more displaces
  /// the oldest that has said nothing, of its own address or of the address that has most.
  public var unauthenticatedConnections = 1024
  public var unauthenticatedConnectionsPerSource = 128
  /// The same for the addresses of this cluster's nodes, which have places of their own.
  public var unauthenticatedMemberConnections = 256
  /// Steps of GSSAPI that wait for a thread, of each kind: in all, and of one source address or for one target. One more
  /// displaces the oldest.
  public var waitingSteps = 1024
  public var waitingStepsPerSource = 64
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
  /// Time from a record's first byte to its last.
  public var recordTime: Duration = .seconds(30)
  /// Bytes that may wait in a session for the network before its handler is told to stop writing.
  public var unsentBytes = 4 << 20

  // All sessions of a node.

  /// Sessions of clients that a listener has accepted: of one principal, from one source address, and in all. One more of
  /// a principal is closed; where the others are reached, the principal with most of them gives one up for one with fewer.
  public var sessionsPerPrincipal = 256
  public var sessionsPerSource = 1024
  public var sessions = 8192
  /// Sessions of nodes that a listener has accepted, which have places of their own: of one node, and in all.
  public var sessionsPerNode = 256
  public var nodeSessions = 4096
  /// Bytes that all sessions of the process may hold: not sent yet, or of a record of which only a part has come. Beyond
  /// it the session that holds most is closed. Half of it is for sessions with nodes.
  public var heldBytes = 128 << 20
  /// What one session holds without being counted in.
  public var uncountedBytes = 16 << 10
  /// How long a listener waits before it accepts again when the process has no file descriptor left.
  public var acceptPause: Duration = .milliseconds(100)

  public init() {}
}

extension SessionLimits {
  /// These limits for a process that may have so many file descriptors: half of them are for clients, a quarter for
  /// sessions that nodes have opened, an eighth for handshakes. The last eighth stays for files and for what the node
  /// itself dials. What a principal and an address may have of the half changes only where the half is too small.
  public func fitting(descriptors: Int) -> SessionLimits {
    var limits = self
    let eighth = max(1, descriptors / 8)
    if sessions > 4 * eighth {
      limits.sessions = 4 * eighth
      limits.sessionsPerSource = min(sessionsPerSource, 2 * eighth)
      limits.sessionsPerPrincipal = min(sessionsPerPrincipal, eighth)
    }
    limits.nodeSessions = min(nodeSessions, 2 * eighth)
    limits.sessionsPerNode = min(sessionsPerNode, eighth)
    limits.unauthenticatedMemberConnections = min(unauthenticatedMemberConnections, max(1, eighth / 4))
    limits.unauthenticatedConnections = min(
      unauthenticatedConnections, max(1, eighth - limits.unauthenticatedMemberConnections))
    limits.unauthenticatedConnectionsPerSource = min(
      unauthenticatedConnectionsPerSource, max(1, limits.unauthenticatedConnections / 4))
    return limits
  }
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
