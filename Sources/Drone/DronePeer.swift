import Cluster

/// What somebody who has proved a principal may be to a drone.
///
/// Two kinds of principal are refused wherever they have a ticket:
/// - a node's name in *another realm*. A realm that ours trusts names its principals as it likes, and its
///   `keyval-drone/d1` is not ours. Its people are welcome.
/// - an office, `keyval-commander/TERM`. It is made for the command service, and has no key. One that has come
///   by a key (with an election's certificate it could ask kadmind for one) holds tickets without the mark that
///   acceptors refuse, so its name alone must keep it out.
public enum DronePeer: Hashable, Sendable {
  case authority
  /// Another drone of the cluster: of its control plane, and an owner of partitions that are shadowed here.
  case drone(Principal)
  /// A person or a program.
  case client

  /// Decides by the name that the handshake proved, and by nothing else.
  /// - Parameters:
  ///   - realm: the cluster's.
  ///   - isMember: whether a drone is on the newest membership list.
  /// - Returns: nil for whom a drone does not talk with.
  public static func admitted(
    _ peer: String, realm: String, authority: Principal, isMember: (Principal) -> Bool
  ) -> DronePeer? {
    guard let principal = try? Principal(peer) else { return nil }
    guard Role(rawValue: principal.primary) != nil else { return .client }
    if principal == authority { return .authority }
    guard principal.realm == realm, principal.role == .drone, isMember(principal) else { return nil }
    return .drone(principal)
  }

  /// Whether it is of the cluster's control plane.
  public var isNode: Bool { self != .client }

  /// Whether a peer's sessions are over with this list: it is a node, by whichever of its services, and not on it.
  public static func isExpelled(_ peer: String, by list: MembershipList) -> Bool {
    guard let node = (try? Principal(peer))?.node else { return false }
    return !list.contains(node)
  }
}
