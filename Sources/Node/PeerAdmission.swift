import Cluster

/// Whom drones and the authority talk with, by the principal that the handshake proved. (The database's rules
/// stand in its core: `DatabasePeer`.)
///
/// Two kinds of principal are refused wherever they have a ticket:
/// - a node's name in *another realm*. A realm that ours trusts names its principals as it likes, and its
///   `keyval-drone/d1` is not ours. Its people are welcome.
/// - an office, `keyval-commander/TERM`. It is made for the command service, and has no key. One that has come
///   by a key (with an election's certificate it could ask kadmind for one) holds tickets without the mark that
///   acceptors refuse, so its name alone must keep it out.
enum PeerAdmission: Equatable {
  /// A node of this cluster's control plane.
  case node
  /// A person or a program.
  case client

  /// Who a peer is to a drone; nil: nobody it talks with. A node has to be on the newest membership list too.
  static func atDrone(
    _ peer: String, realm: String, authority: Principal, members: MemberGate
  ) -> PeerAdmission? {
    guard let principal = try? Principal(peer) else { return nil }
    guard Role(rawValue: principal.primary) != nil else { return .client }
    if principal == authority { return .node }
    guard principal.realm == realm, principal.role == .drone, members.contains(principal) else { return nil }
    return .node
  }

  /// Who a peer is to the authority: administrators are clients. A node that was removed is let in, to be told so:
  /// its core sends it away.
  static func atAuthority(
    _ peer: String, realm: String, administrators: Set<Principal>
  ) -> PeerAdmission? {
    guard let principal = try? Principal(peer) else { return nil }
    guard Role(rawValue: principal.primary) != nil else {
      return administrators.contains(principal) ? .client : nil
    }
    guard principal.realm == realm, principal.role == .drone || principal.role == .database else {
      return nil
    }
    return .node
  }
}
