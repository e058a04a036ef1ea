/// Why there is no session, or why one ended.
///
/// Every case says whose fault it is and what to do; none carries a key, a ticket or a message.
public enum SessionError: Error, Equatable, Sendable {
  // The handshake
  case timedOut
  case malformedFrame(String)
  case frameLengthRefused(Int, limit: Int)
  case tokenTooLong(Int, limit: Int)
  case unexpectedFrame(String)
  case unsupportedVersion(UInt64)
  case noCommonSuite
  case wrongCluster(ours: String, theirs: String)
  case unknownService(String)
  /// The sentence is for this side; the complaint is what an acceptor tells its peer.
  case securityContextFailed(String, TicketComplaint = .notAccepted)
  case contextRefused(SecurityRequirement)
  case wrongTarget(dialled: String, answered: String)
  case peerIsSelf(String)
  case indicatorRefused(String, peer: String, service: String)
  case indicatorMissing(String, peer: String, service: String)
  case keyAgreementFailed(String)
  case finishedDidNotVerify
  /// The acceptor said no. Unauthenticated: for a person to read.
  case refused(Refusal)
  case tooManyConnections
  /// This side's node has no business with the peer, who is who it says.
  case notAdmitted(String)

  // Records
  case recordLengthRefused(Int)
  case recordDidNotOpen
  case unknownRecordType(UInt8)
  case malformedRecord(String)
  case keyUpdateTooSoon
  case keyUpdateMissing
  /// This side's caller wanted to send more than a record holds. The session goes on.
  case messageTooLarge(length: Int, limit: Int)

  // The end of a session
  case closedByPeer(SessionCloseReason)
  case connectionLost(String)
  case ticketExpired
  case idleTimedOut
  case writeTimedOut
  case recordTimedOut
  /// The process held too much for its sessions, and most of it for this one.
  case heldTooMuch(Int)
  /// This side has too many sessions.
  case tooManySessions(TooManySessions)
  case cryptographyFailed(String)
  /// The handshake's shell delivered an event where none can be: a mistake of this program.
  case unexpectedEvent(String)

  /// Whose fault an error is.
  public enum Fault: String, Sendable {
    case thisSide = "this side"
    case peer = "the peer"
    case network = "the network"
    case configuration = "the configuration"
    /// Nobody's: a session ends like that.
    case none = "nobody"
  }
}

/// Of what a node has too many sessions.
public enum TooManySessions: String, Equatable, Sendable {
  case ofPrincipal = "of this principal"
  case fromAddress = "from this address"
  case inAll = "in all"
}

extension SessionError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .timedOut: "the handshake took too long"
    case .malformedFrame(let reason): "a frame of the handshake is malformed: \(reason)"
    case .frameLengthRefused(let length, let limit):
      ForeignProtocol(firstBytes: length).map { "what came is \($0.rawValue), and not Keyval's protocol" }
        ?? "a frame of the handshake announces \(length) bytes, and \(limit) are left to it"
    case .tokenTooLong(let length, let limit): "a GSSAPI token has \(length) bytes; the limit is \(limit)"
    case .unexpectedFrame(let what): "the peer sent \(what) where the handshake has another frame"
    case .unsupportedVersion(let version): "the peer speaks version \(version) of the protocol, not 1"
    case .noCommonSuite: "the two sides have no cipher suite in common"
    case .wrongCluster(let ours, let theirs):
      "the peer wants cluster '\(theirs)', and this is cluster '\(ours)'"
    case .unknownService(let service): "the peer dialled '\(service)', which this node does not serve"
    case .securityContextFailed(let sentence, _): sentence
    case .contextRefused(let requirement): "the security context was refused: \(requirement)"
    case .wrongTarget(let dialled, let answered): "'\(dialled)' was dialled, and '\(answered)' answered"
    case .peerIsSelf(let principal): "'\(principal)' tried to open a session with itself"
    case .indicatorRefused(let indicator, let peer, let service):
      "'\(peer)' came to '\(service)' with a ticket marked '\(indicator)', which it does not take"
    case .indicatorMissing(let indicator, let peer, let service):
      "'\(peer)' came to '\(service)' with a ticket that lacks the mark '\(indicator)'"
    case .keyAgreementFailed(let reason): "the key agreement failed: \(reason)"
    case .finishedDidNotVerify: "the peer's Finished does not verify: the two sides saw different handshakes"
    case .refused(let refusal): "the node refused the session (it says): \(refusal.sentence)"
    case .tooManyConnections: "too many connections wait for their handshake; this one had to go"
    case .notAdmitted(let peer): "'\(peer)' has proved who it is, and this node has no business with it"
    case .recordLengthRefused(let length): "a record announces \(length) bytes, outside the limits"
    case .recordDidNotOpen: "a record did not open: it was altered, reordered or repeated"
    case .unknownRecordType(let type): "a record has the unknown type \(type)"
    case .malformedRecord(let reason): "a record is malformed: \(reason)"
    case .keyUpdateTooSoon: "the peer changes its key too often"
    case .keyUpdateMissing: "the peer sealed more records under one key than the protocol allows"
    case .messageTooLarge(let length, let limit):
      "a message of \(length) bytes does not fit a record (\(limit) bytes)"
    case .closedByPeer(let reason): "the peer closed the session: \(reason)"
    case .connectionLost(let reason): "the connection was lost: \(reason)"
    case .ticketExpired: "the session ended with its ticket"
    case .idleTimedOut: "the session was idle for too long"
    case .writeTimedOut: "the peer did not read what was sent to it"
    case .recordTimedOut: "the peer began a record and did not end it in time"
    case .heldTooMuch(let bytes):
      "\(bytes) bytes waited for the peer to read or to go on, the most of all sessions when their limit was reached"
    case .tooManySessions(let which): "there are too many sessions \(which.rawValue)"
    case .cryptographyFailed(let reason): "cryptography failed on this side: \(reason)"
    case .unexpectedEvent(let event): "the handshake did not expect the event '\(event)'"
    }
  }

  public var fault: Fault {
    switch self {
    case .malformedFrame, .frameLengthRefused, .tokenTooLong, .unexpectedFrame, .contextRefused,
      .keyAgreementFailed, .finishedDidNotVerify, .recordLengthRefused, .recordDidNotOpen,
      .unknownRecordType, .malformedRecord, .keyUpdateTooSoon, .keyUpdateMissing, .indicatorRefused,
      .indicatorMissing, .refused, .writeTimedOut, .recordTimedOut, .heldTooMuch, .tooManySessions:
      .peer
    case .unsupportedVersion, .noCommonSuite, .wrongCluster, .unknownService, .wrongTarget, .peerIsSelf,
      .securityContextFailed, .notAdmitted:
      .configuration
    case .timedOut, .connectionLost, .tooManyConnections: .network
    case .messageTooLarge, .cryptographyFailed, .unexpectedEvent: .thisSide
    case .closedByPeer, .ticketExpired, .idleTimedOut: .none
    }
  }

  /// What a person can do about it.
  public var remedy: String {
    switch self {
    case .timedOut, .connectionLost, .tooManyConnections: "check the address and the network, and try again"
    case .malformedFrame, .frameLengthRefused, .tokenTooLong, .unexpectedFrame, .unknownRecordType,
      .malformedRecord, .recordLengthRefused, .keyUpdateTooSoon, .keyUpdateMissing:
      "check that a Keyval node of this version listens at that address"
    case .recordDidNotOpen, .finishedDidNotVerify, .keyAgreementFailed:
      "connect again; if it comes back, something between the two alters what they say"
    case .unsupportedVersion, .noCommonSuite: "upgrade the older of the two sides"
    case .wrongCluster: "set the cluster's name, or the address, of the other cluster"
    case .unknownService, .wrongTarget: "check that the address belongs to the principal that is dialled"
    case .securityContextFailed: "see the sentence; `klist -e` shows the ticket, `klist -ke` the keytab"
    case .contextRefused:
      "check the realm's templates: AES-SHA2 encryption types only, MIT Kerberos 1.19 or later"
    case .peerIsSelf: "give every node a principal of its own"
    case .notAdmitted: "nothing, unless it should be let in: then make it a member, or an administrator"
    case .indicatorRefused, .indicatorMissing: "use the ticket that the service is meant for"
    case .refused(let refusal):
      refusal.code == .ticketRefused
        ? "get a fresh ticket: `kinit` in realm \(refusal.description.realm)" : "see the node's log"
    case .messageTooLarge: "send less at a time"
    case .tooManySessions, .closedByPeer(.tooManySessions):
      "close sessions that are not needed, or raise the node's limit"
    case .closedByPeer(.tooSlow): "check the network, or send less at a time"
    case .closedByPeer, .ticketExpired, .idleTimedOut:
      "open a new session; renew the ticket first if it is over"
    case .writeTimedOut, .recordTimedOut, .heldTooMuch: "check whether the peer hangs"
    case .cryptographyFailed: "check the OpenSSL installation and the memory of this machine"
    case .unexpectedEvent: "report it as a bug"
    }
  }

  /// The sentence of a refusal: what an acceptor says of the error to a peer that nobody has authenticated. Of what only
  /// this side knows nothing is in it.
  /// - Parameters:
  ///   - service: the principal that was dialled.
  ///   - realm: as the acceptor's hello names it.
  func told(service: String, realm: String) -> String {
    switch self {
    case .securityContextFailed(_, let complaint): complaint.sentence(service: service, realm: realm)
    case .wrongTarget: TicketComplaint.notAccepted.sentence(service: service, realm: realm)
    default: description
    }
  }

  /// What the acceptor tells a peer that it refuses, or `nil` where saying nothing is better.
  public var refusalCode: RefusalCode? {
    switch self {
    case .unsupportedVersion: .unsupportedVersion
    case .wrongCluster: .wrongCluster
    case .unknownService: .unknownService
    case .noCommonSuite: .noCommonSuite
    case .securityContextFailed: .ticketRefused
    case .contextRefused, .wrongTarget, .peerIsSelf: .contextRefused
    case .indicatorRefused, .indicatorMissing: .notAuthorized
    case .tooManyConnections: .tooManyConnections
    default: nil
    }
  }
}
