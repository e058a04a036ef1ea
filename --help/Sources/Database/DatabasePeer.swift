import Cluster

/// What somebody who has proved a principal may be to a database.
public enum DatabasePeer: Hashable, Sendable {
  /// The commander of a term, on the command service.
  case commander(Term)
  /// The cluster's authority, on a session that either side dialled.
  case authority
  /// A drone, on the data service.
  case drone(Principal)

  /// Decides by the names that the handshake proved, and by nothing else.
  /// - Parameters:
  ///   - peer: the other side's principal.
  ///   - service: the principal that was dialled: one of ours, or the peer's when we dialled.
  ///   - indicators: the authentication indicators of the peer's ticket.
  public static func admitted(
    peer: String, service: String, indicators: [String], at node: DatabaseIdentity
  ) throws(DatabaseAccessError) -> DatabasePeer {
    guard let principal = try? Principal(peer) else { throw .unknownRole(peer) }
    guard principal.realm == node.database.realm else { throw .otherRealm(principal) }
    if service == node.command.text {
      guard let term = principal.officeTerm else { throw .notAnOffice(principal) }
      guard indicators.contains(commanderIndicator) else { throw .withoutIndicator(principal) }
      return .commander(term)
    }
    // An election's ticket is good for the command service only.
    guard !indicators.contains(commanderIndicator) else { throw .wrongService(principal) }
    if principal == node.authority { return .authority }
    guard service == node.database.text, principal.role == .drone else { throw .unknownRole(peer) }
    return .drone(principal)
  }

  /// The KDC's mark on tickets that were got with an election certificate.
  public static let commanderIndicator = "commander"
}

/// Who a database is, and whom it takes orders about terms from.
public struct DatabaseIdentity: Hashable, Sendable {
  public let cluster: String
  /// `keyval-database/NODE@REALM`: the data service.
  public let database: Principal
  /// `keyval-command/NODE@REALM`: the command service.
  public let command: Principal
  public let authority: Principal
  public let incarnation: Incarnation

  public init(
    cluster: String, database: Principal, command: Principal, authority: Principal, incarnation: Incarnation
  ) {
    self.cluster = cluster
    self.database = database
    self.command = command
    self.authority = authority
    self.incarnation = incarnation
  }
}

/// Why a database talks no further with a peer. The fault is the peer's.
public enum DatabaseAccessError: Error, Hashable, Sendable, CustomStringConvertible {
  case unknownRole(String)
  case otherRealm(Principal)
  case notAnOffice(Principal)
  case withoutIndicator(Principal)
  case wrongService(Principal)
  case oldTerm(Term, current: Term)
  /// Something was asked on a command session before an election certificate was shown there.
  case withoutCertificate(Term)
  /// The certificate that was shown does not hold for this session.
  case badCertificate(Term, reason: String)
  /// The certificate that was shown has ended, and no renewed one was shown.
  case certificateOver(Term)
  /// A node that is not on the newest membership list.
  case notMember(Principal)
  /// A message that this peer has no right to send.
  case notPermitted(String)

  public var description: String {
    switch self {
    case .unknownRole(let name): "\(name) has no business with a database"
    case .otherRealm(let principal): "\(principal) is of another realm"
    case .notAnOffice(let principal):
      "\(principal) is no commander's office, and nobody else uses the command service"
    case .withoutIndicator(let principal):
      "the ticket of \(principal) was not got with an election certificate"
    case .wrongService(let principal):
      "\(principal) came with an election's ticket to a service that is not the command service"
    case .notMember(let principal):
      "\(principal) is no member of this cluster, by the newest list that is here"
    case .oldTerm(let term, let current): "term \(term) is over; the current term is \(current)"
    case .withoutCertificate(let term):
      "the commander of term \(term) has not shown its election certificate on this session"
    case .badCertificate(let term, let reason):
      "the commander of term \(term) is not believed: \(reason)"
    case .certificateOver(let term):
      "the election certificate of term \(term) has ended, by this machine's clock, and no renewed one was shown"
    case .notPermitted(let message): "a \(message) is not this peer's to send"
    }
  }
}
