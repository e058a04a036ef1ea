import Foundation

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
  /// Slots all of whose shadows are in sync.
  var slotsShadowed = 0
  var slotsMoving = 0
  /// Slots that are not served because writes may be in the memory of drones that are not there.
  var slotsAwaitingCopies = 0
  var losses: [Loss] = []
  let drones: [Drone]
  let databases: [Node]
  let authority: Node?

  struct Drone: Equatable, Sendable {
    let name: String
    let address: String
    /// A word: `serving`, `loading`, `silent` and the like.
    let state: String
    let slots: Int
    /// Slots that it shadows.
    var shadowing = 0
    /// Of the database.
    var millisecondsBehind: UInt64 = 0
    var bytesBehind: UInt64 = 0
    /// Bytes, by its own word.
    var memory: UInt64 = 0
    /// Zero where it is not known.
    var memoryCeiling: UInt64 = 0
    /// It refuses what clients put.
    var isFull = false

    var room: String {
      guard memoryCeiling > 0 else { return "-" }
      return "\(Self.size(memory)) of \(Self.size(memoryCeiling))" + (isFull ? ", full" : "")
    }

    /// How far the database is behind its writes.
    var behind: String {
      "\(millisecondsBehind) ms" + (bytesBehind == 0 ? "" : ", \(Self.size(bytesBehind))")
    }

    private static func size(_ bytes: UInt64) -> String {
      switch bytes {
      case ..<10_000: "\(bytes) bytes"
      case ..<10_000_000: "\(bytes / 1_000) kB"
      case ..<100_000_000_000: "\(bytes / 1_000_000) MB"
      default: "\(bytes / 1_000_000_000) GB"
      }
    }
  }

  /// What may lack of partitions that wait.
  struct Loss: Equatable, Sendable {
    let drone: String
    let partitions: String
    /// Seconds since 1970; 0: not known.
    let after: UInt64
    let before: UInt64

    var sentence: String {
      let since = after == 0 ? "" : "after \(Self.moment(after)) and "
      return "partitions \(partitions): writes \(since)before \(Self.moment(before)), which \(drone) had "
        + "when its machine lost its memory"
    }

    private static func moment(_ seconds: UInt64) -> String {
      Date(timeIntervalSince1970: TimeInterval(seconds)).formatted(.iso8601)
    }
  }

  struct Node: Equatable, Sendable {
    let name: String
    let address: String
    let state: String
  }
}

extension StatusReport {
  var text: String {
    var lines = [
      "cluster    \(cluster), realm \(realm)",
      "term       \(term)",
      "commander  \(commander ?? "none now")",
      "slots      \(slotsServed) of \(slotsTotal) served, \(slotsShadowed) shadowed, map version \(mapVersion)",
    ]
    if slotsMoving > 0 { lines.append("moving     \(slotsMoving) slots") }
    if slotsAwaitingCopies > 0 {
      lines.append(
        "waiting    \(slotsAwaitingCopies) slots for drones that have their newest writes in memory; if those are "
          + "lost: keyval accept-loss")
    }
    for loss in losses { lines.append("may lack   \(loss.sentence)") }
    var rows = [["node", "role", "address", "state", "slots", "shadows", "behind", "memory"]]
    if let authority {
      rows.append([authority.name, "authority", authority.address, authority.state, "-", "-", "-", "-"])
    }
    rows += databases.map { [$0.name, "database", $0.address, $0.state, "-", "-", "-", "-"] }
    rows += drones.map {
      [
        $0.name, "drone", $0.address, $0.state, String($0.slots), String($0.shadowing),
        $0.behind, $0.room,
      ]
    }
    return lines.map { $0 + "\n" }.joined() + TextTable.render(rows)
  }
}

extension StatusReport {
  var json: String {
    JSONText.object([
      ("cluster", .text(cluster)), ("realm", .text(realm)), ("term", .number(term)),
      ("commander", commander.map(JSONText.text) ?? .null), ("mapVersion", .number(mapVersion)),
      (
        "slots",
        .object([
          ("total", .number(UInt64(slotsTotal))), ("served", .number(UInt64(slotsServed))),
          ("shadowed", .number(UInt64(slotsShadowed))), ("moving", .number(UInt64(slotsMoving))),
          ("awaitingCopies", .number(UInt64(slotsAwaitingCopies))),
        ])
      ),
      ("losses", .array(losses.map(\.json))), ("drones", .array(drones.map(\.json))),
      ("databases", .array(databases.map(\.json))),
      ("authority", authority?.json ?? .null),
    ]).description + "\n"
  }
}

extension StatusReport.Drone {
  fileprivate var json: JSONText {
    .object([
      ("name", .text(name)), ("address", .text(address)), ("state", .text(state)),
      ("slots", .number(UInt64(slots))), ("shadowing", .number(UInt64(shadowing))),
      ("millisecondsBehind", .number(millisecondsBehind)), ("bytesBehind", .number(bytesBehind)),
      ("memoryUsed", .number(memory)), ("memoryCeiling", .number(memoryCeiling)),
      ("memoryFull", .bool(isFull)),
    ])
  }
}

extension StatusReport.Loss {
  fileprivate var json: JSONText {
    .object([
      ("drone", .text(drone)), ("partitions", .text(partitions)), ("after", .number(after)),
      ("before", .number(before)),
    ])
  }
}

extension StatusReport.Node {
  fileprivate var json: JSONText {
    .object([("name", .text(name)), ("address", .text(address)), ("state", .text(state))])
  }
}
