/// One change of who belongs to the cluster.
public struct MembershipChange: Hashable, Sendable {
  public enum Kind: Int64, Sendable {
    case added = 1
    /// Its voice is heard no more, but it stays among those of which a majority is needed until the commander
    /// is known to count without it.
    case removed = 2
    /// Removed, and the operator asserts that its process is off for good: it never was there, as far as
    /// majorities go. It may follow `removed`.
    case removedDead = 3
  }

  public let version: UInt64
  public let principal: Principal
  public let kind: Kind

  public init(version: UInt64, principal: Principal, kind: Kind) {
    self.version = version
    self.principal = principal
    self.kind = kind
  }
}

/// What the authority's register holds about membership: every change there was, in order, and how much of it
/// the commander is known to count. A value; registers at rest hold the same in rows.
public struct MembershipHistory: Hashable, Sendable {
  /// In order of version. Several may have one version: those that were there before versions were counted.
  public private(set) var changes: [MembershipChange]
  /// No commander that may still be in office counts a lower version than this one. It may lag behind the
  /// truth, never run ahead of it: to ask a ballot for the majorities of too many versions costs nothing but
  /// patience.
  public private(set) var counted: UInt64
  /// Removed, and not enrolled anew since: in order.
  public private(set) var revoked: [Principal]

  public static let empty = MembershipHistory(changes: [], counted: 0, revoked: [])

  public init(changes: [MembershipChange], counted: UInt64, revoked: [Principal]) {
    self.changes = changes.sorted { ($0.version, $0.principal) < ($1.version, $1.principal) }
    self.counted = counted
    self.revoked = revoked.sorted()
  }

  /// These have been members from the beginning.
  public init(founders: [Principal]) {
    self.init(
      changes: founders.map { MembershipChange(version: 1, principal: $0, kind: .added) }, counted: 0,
      revoked: [])
  }

  public var version: UInt64 { changes.last?.version ?? 0 }

  /// In order.
  public var members: [Principal] {
    var members: Set<Principal> = []
    for change in changes {
      if change.kind == .added { members.insert(change.principal) } else { members.remove(change.principal) }
    }
    return members.sorted()
  }

  public func isRevoked(_ principal: Principal) -> Bool { revoked.contains(principal) }

  // MARK: Changes

  public mutating func add(_ principal: Principal) {
    changes.append(MembershipChange(version: version &+ 1, principal: principal, kind: .added))
  }

  public mutating func remove(_ principal: Principal, isDead: Bool) {
    let kind = isDead ? MembershipChange.Kind.removedDead : .removed
    changes.append(MembershipChange(version: version &+ 1, principal: principal, kind: kind))
    if !revoked.contains(principal) { revoked = (revoked + [principal]).sorted() }
  }

  /// It has been enrolled anew and may register.
  public mutating func readmit(_ principal: Principal) { revoked.removeAll { $0 == principal } }

  /// Every commander that may be in office counts this version or a later one.
  public mutating func count(_ version: UInt64) { counted = max(counted, min(version, self.version)) }

  // MARK: Majorities

  /// The lists of drones of all versions from this one to the present one, oldest first, each once: a ballot
  /// needs a majority of each. Who was removed as dead is in none that is older than its removal.
  public func droneLists(since first: UInt64) -> [[Principal]] {
    var lists: [Set<Principal>] = []
    var drones: Set<Principal> = []
    for (index, change) in changes.enumerated() where change.principal.role == .drone {
      switch change.kind {
      case .added: drones.insert(change.principal)
      case .removed: drones.remove(change.principal)
      case .removedDead:
        drones.remove(change.principal)
        for list in lists.indices { lists[list].remove(change.principal) }
      }
      let next = changes.dropFirst(index + 1).first { $0.principal.role == .drone }?.version
      // Before `first` only what it had counts; of one version only all of its changes together.
      if let next, next <= first || next == change.version { continue }
      lists.append(drones)
    }
    // A commander of which all whom it counts are dead counts nobody any more. The present list stays: with
    // nobody on it nobody is elected.
    let present = lists.popLast() ?? []
    var distinct: [Set<Principal>] = []
    for list in lists where !list.isEmpty && list != distinct.last && list != present {
      distinct.append(list)
    }
    return (distinct + [present]).map { $0.sorted() }
  }
}
