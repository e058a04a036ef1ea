/// What a node says of itself before anybody is authenticated: a hint for a person, never to be relied upon.
struct HelloReport: Equatable, Sendable {
  let address: String
  let cluster: String
  let role: String
  let realm: String
  let principals: [String]
  /// The address or name of the commander, as far as the node knows one.
  let commander: String?
  let version: String

  var text: String {
    let rows = [
      ("address", address), ("cluster", cluster), ("role", role), ("realm", realm),
      ("principals", principals.joined(separator: " ")), ("commander", commander ?? "(none known)"),
      ("version", version),
    ]
    return rows.map { "\($0.0)\(String(repeating: " ", count: 12 - $0.0.count))\($0.1)\n" }.joined()
  }
}
