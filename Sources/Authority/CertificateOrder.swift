import Cluster

/// A certificate to be signed by the election CA. Times in seconds since 1970.
public struct CertificateOrder: Hashable, Sendable {
  public let term: Term
  public let winner: Winner
  public let notBefore: Int64
  public let notAfter: Int64

  /// Whether it may be signed, by what the register says immediately before: it is of the highest term, for its winner
  /// and key, once all that must be done before is done.
  public func isDue(by record: OfficeRecord) -> Bool {
    guard record.term == term else { return false }
    return switch record.state {
    case .certifying(winner, .lowerOfficesDeleted), .certified(winner, _): true
    default: false
    }
  }
}

/// The certificate that the KDC takes, for the certified holder of an office and nobody else.
public struct TicketCertificateOrder: Hashable, Sendable {
  public let term: Term
  public let commander: Principal

  public init(term: Term, commander: Principal) {
    self.term = term
    self.commander = commander
  }

  /// Whose key it is for, by what the register says immediately before; nil while it must not be signed.
  public func winner(by record: OfficeRecord) -> Winner? {
    guard case .certified(let winner, _) = record.state, record.term == term, winner.principal == commander
    else { return nil }
    return winner
  }
}
