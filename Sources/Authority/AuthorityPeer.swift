import Cluster

/// What somebody who has proved a principal may be to the authority.
///
/// A node's name in another realm is refused, since a realm that ours trusts names its principals as it likes; and so
/// is an office, which is made for the command service alone.
public enum AuthorityPeer: Hashable, Sendable {
  /// A drone or a database. One that was removed is let in, to be told so: the core sends it away.
  case node
  case administrator

  /// Decides by the name that the handshake proved, and by nothing else.
  /// - Parameter realm: the cluster's.
  /// - Returns: nil for whom the authority has no business with.
  public static func admitted(
    _ peer: String, realm: String, administrators: Set<Principal>
  ) -> AuthorityPeer? {
    guard let principal = try? Principal(peer) else { return nil }
    guard Role(rawValue: principal.primary) != nil else {
      return administrators.contains(principal) ? .administrator : nil
    }
    guard principal.realm == realm, principal.role == .drone || principal.role == .database else {
      return nil
    }
    return .node
  }
}
