/// What the authority's register holds about the office: the highest term that was ever claimed, for whom, and
/// how far its certification is. There is one such record, replaced by compare-and-set only.
public struct OfficeRecord: Hashable, Sendable {
  /// What has been done for certain, in the order in which it must be done.
  public enum Step: Int64, Comparable, Sendable, CaseIterable {
    /// The term, the winner and the winner's key are stored.
    case claimed = 1
    /// The office principal exists at the KDC and bears the key's fingerprint.
    case officeCreated = 2
    /// Every database has stored the term.
    case termsRaised = 3
    /// No lower office principal exists.
    case lowerOfficesDeleted = 4

    public static func < (left: Step, right: Step) -> Bool { left.rawValue < right.rawValue }
  }

  public enum State: Hashable, Sendable {
    /// No election was ever held.
    case vacant
    case certifying(Winner, done: Step)
    case certified(Winner, IssuedCertificate)
    /// The office principal of this term bears another key: nobody will ever hold this term.
    case burnt(Winner)
  }

  /// Counts the changes; what a compare-and-set compares.
  public let revision: UInt64
  public let term: Term
  public let state: State

  public init(revision: UInt64, term: Term, state: State) {
    self.revision = revision
    self.term = term
    self.state = state
  }

  public static let vacant = OfficeRecord(revision: 0, term: .none, state: .vacant)

  /// The record that may take this one's place.
  public func followed(term: Term, state: State) -> OfficeRecord {
    OfficeRecord(revision: revision &+ 1, term: term, state: state)
  }

  /// Whether this record may take the place of what is stored: the next revision, and either the claim of a
  /// higher term or one step further in the same term, for the same winner and key. Registers check it inside
  /// the compare-and-set, so that no mistake above them gives a term away twice or skips a step.
  public func mayFollow(_ stored: OfficeRecord) -> Bool {
    guard revision == stored.revision &+ 1 else { return false }
    if term > stored.term {
      if case .certifying(_, .claimed) = state { return true }
      return false
    }
    guard term == stored.term, winner == stored.winner else { return false }
    switch (stored.state, state) {
    case (.certifying(_, let old), .certifying(_, let new)): return new.rawValue == old.rawValue + 1
    case (.certifying(_, .claimed), .burnt): return true
    case (.certifying(_, .lowerOfficesDeleted), .certified), (.certified, .certified): return true
    default: return false
    }
  }

  public var winner: Winner? {
    switch state {
    case .vacant: nil
    case .certifying(let winner, _), .certified(let winner, _), .burnt(let winner): winner
    }
  }

  /// The newest certificate of the current commander.
  public var certificate: IssuedCertificate? {
    guard case .certified(_, let certificate) = state else { return nil }
    return certificate
  }
}

/// Who won a ballot, and the key to be certified.
public struct Winner: Hashable, Sendable {
  public let principal: Principal
  public let key: ElectionKey

  public init(principal: Principal, key: ElectionKey) {
    self.principal = principal
    self.key = key
  }
}

/// An election certificate and when it was made.
public struct IssuedCertificate: Hashable, Sendable {
  public let der: [UInt8]
  /// Seconds since 1970 by the authority's clock.
  public let issuedAt: Int64

  public init(der: [UInt8], issuedAt: Int64) {
    self.der = der
    self.issuedAt = issuedAt
  }
}

/// A node in the register.
public struct EnrolledNode: Hashable, Sendable {
  public let node: RegisteredNode
  /// The expiry that the node's principal had until it showed its own key has been cleared.
  public let isExpiryCleared: Bool

  public init(node: RegisteredNode, isExpiryCleared: Bool) {
    self.node = node
    self.isExpiryCleared = isExpiryCleared
  }
}

/// Everything in the authority's register.
public struct RegisterContents: Hashable, Sendable {
  public let office: OfficeRecord
  /// In order of principal: the members.
  public let nodes: [EnrolledNode]
  public let membership: MembershipHistory
  /// The store of each database that has ever shown one.
  public let stores: [Principal: KnownStore]

  public init(
    office: OfficeRecord, nodes: [EnrolledNode], membership: MembershipHistory,
    stores: [Principal: KnownStore] = [:]
  ) {
    self.office = office
    self.nodes = nodes.sorted { $0.node.principal < $1.node.principal }
    self.membership = membership
    self.stores = stores
  }

  public static let empty = RegisterContents(office: .vacant, nodes: [], membership: .empty)
}
