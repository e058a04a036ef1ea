import Wire

/// Which nodes belong to a cluster, as the authority says it: drones and databases. Whoever is not on the newest
/// list that a node has is refused, and what it has open is closed: tickets outlive the decision to revoke
/// somebody, a list does not.
public struct MembershipList: Hashable, Sendable {
  public static let maximumMembers = 2 * SlotMap.maximumDrones

  public let cluster: String
  /// Counts the changes. A node never goes back to a lower one.
  public let version: UInt64
  /// In order, each once.
  public let members: [Principal]

  /// Nil unless the members are in order, each once, drones or databases, and not too many.
  public init?(cluster: String, version: UInt64, members: [Principal]) {
    guard members.count <= Self.maximumMembers, members.allSatisfy(Self.mayBeMember),
      zip(members, members.dropFirst()).allSatisfy({ $0 < $1 })
    else { return nil }
    self.cluster = cluster
    self.version = version
    self.members = members
  }

  public static func mayBeMember(_ principal: Principal) -> Bool {
    principal.role == .drone || principal.role == .database
  }

  public func contains(_ principal: Principal) -> Bool {
    var (low, high) = (members.startIndex, members.endIndex)
    while low < high {
      let middle = low + (high - low) / 2
      if members[middle] == principal { return true }
      if members[middle] < principal { low = middle + 1 } else { high = middle }
    }
    return false
  }
}

extension MembershipList: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(3)
    writer.write(text: cluster)
    writer.write(unsigned: version)
    writer.write(members)
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 3)
    let cluster = try reader.readText()
    let version = try reader.readUnsigned()
    let offset = reader.offset
    let members = try reader.readMessages(Principal.self, maximum: Self.maximumMembers)
    guard let list = MembershipList(cluster: cluster, version: version, members: members) else {
      throw .outOfRange(field: "members", offset: offset)
    }
    self = list
  }
}
