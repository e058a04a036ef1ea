import Sessions

/// What a node says of itself to anybody who asks, with or without a ticket.
///
/// Nobody has authenticated it: it helps a person ("which realm do I `kinit` in?") and decides nothing.
public struct NodeHello: Hashable, Sendable {
  public let cluster: String
  public let realm: String
  /// The service principals that the node answers for.
  public let principals: [String]
  /// `drone`, `database` or `authority`.
  public let role: String
  public let softwareVersion: String
  /// The drone that the node believes to be commander, if it knows one.
  public let commander: String?
  /// The address at which the node believes to be reached.
  public let address: String

  init(_ description: NodeDescription) {
    cluster = description.cluster
    realm = description.realm
    principals = description.principals
    role = description.role
    softwareVersion = description.softwareVersion
    commander = description.commanderHint
    address = description.address
  }
}
