/// The state of a cluster, as `status` shows it.
struct StatusReport: Equatable, Sendable {
  let cluster: String
  let realm: String
  /// Zero before the first election.
  let term: UInt64
  /// The name of the drone in office, nil while there is none.
  let commander: String?
  let mapVersion: UInt64
  let slotsTotal: Int
  let slotsServed: Int
  let drones: [Drone]
  let databases: [Node]
  let authority: Node?

  struct Drone: Equatable, Sendable {
    let name: String
    let address: String
    /// A word: `serving`, `loading`, `silent` and the like.
    let state: String
    let slots: Int
  }

  struct Node: Equatable, Sendable {
    let name: String
    let address: String
    let state: String
  }
}

extension StatusReport {
  var text: String {
    let lines = [
      "cluster    \(cluster), realm \(realm)",
      "term       \(term)",
      "commander  \(commander ?? "none now")",
      "slots      \(slotsServed) of \(slotsTotal) served, map version \(mapVersion)",
    ]
    var rows = [["node", "role", "address", "state", "slots"]]
    if let authority { rows.append([authority.name, "authority", authority.address, authority.state, "-"]) }
    rows += databases.map { [$0.name, "database", $0.address, $0.state, "-"] }
    rows += drones.map { [$0.name, "drone", $0.address, $0.state, String($0.slots)] }
    return lines.map { $0 + "\n" }.joined() + TextTable.render(rows)
  }
}

extension StatusReport {
  var json: String {
    JSONText.object([
      ("cluster", .text(cluster)), ("realm", .text(realm)), ("term", .number(term)),
      ("commander", commander.map(JSONText.text) ?? .null), ("mapVersion", .number(mapVersion)),
      ("slots", .object([("total", .number(UInt64(slotsTotal))), ("served", .number(UInt64(slotsServed)))])),
      ("drones", .array(drones.map(\.json))), ("databases", .array(databases.map(\.json))),
      ("authority", authority?.json ?? .null),
    ]).description + "\n"
  }
}

extension StatusReport.Drone {
  fileprivate var json: JSONText {
    .object([
      ("name", .text(name)), ("address", .text(address)), ("state", .text(state)),
      ("slots", .number(UInt64(slots))),
    ])
  }
}

extension StatusReport.Node {
  fileprivate var json: JSONText {
    .object([("name", .text(name)), ("address", .text(address)), ("state", .text(state))])
  }
}
