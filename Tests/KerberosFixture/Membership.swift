import Cluster

extension KerberosFixture {
  /// The list that an authority would sign: the database db1 and these drones.
  public func membership(
    _ cluster: String, _ version: UInt64, drones: [String] = ["d1", "d2", "d3"]
  ) throws -> SignedMembership {
    let names = ["keyval-database/db1"] + drones.map { "keyval-drone/\($0)" }
    let members = try names.map { try Principal(principal($0)) }
    guard let list = MembershipList(cluster: cluster, version: version, members: members.sorted()) else {
      throw MembershipListRefused()
    }
    return try SignedMembership(list, key: membershipKey())
  }
}

private struct MembershipListRefused: Error {}
