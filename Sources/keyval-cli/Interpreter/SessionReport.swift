import FoundationEssentials
import Keyval

/// Who has sessions with drones, as a table or as JSON.
struct SessionReport {
  private var rows: [(drone: String, session: OpenSession)] = []

  mutating func add(_ sessions: [OpenSession], of drone: String) {
    rows += sessions.map { (drone, $0) }
  }

  /// Who asks most first: of several that are equal, in order of drone and number.
  private var sorted: [(drone: String, session: OpenSession)] {
    rows.sorted {
      ($1.session.requests, $0.drone, $0.session.id) < ($0.session.requests, $1.drone, $1.session.id)
    }
  }

  var text: String {
    let table =
      [["SESSION", "PRINCIPAL", "ADDRESS", "SINCE", "REQUESTS", "UNSENT"]]
      + sorted.map { row in
        [
          "\(row.drone)/\(row.session.id)", row.session.principal.text, Self.printable(row.session.address),
          Self.time(row.session.since), "\(row.session.requests)", "\(row.session.unsentBytes) bytes",
        ]
      }
    return TextTable.render(table) + "\n\(rows.count) session\(rows.count == 1 ? "" : "s")\n"
  }

  var json: String {
    let sessions = sorted.map { row in
      JSONText.object([
        ("drone", .text(row.drone)), ("number", .number(row.session.id)),
        ("principal", .text(row.session.principal.text)), ("address", .text(row.session.address)),
        ("isNode", .bool(row.session.isNode)), ("since", .text(Self.time(row.session.since))),
        ("requests", .number(row.session.requests)), ("unsentBytes", .number(row.session.unsentBytes)),
      ])
    }
    return JSONText.object([("sessions", .array(sessions))]).description + "\n"
  }

  /// In UTC, as RFC 3339 has it.
  private static func time(_ seconds: Int64) -> String {
    // Beyond the years that have four digits: what a drone says is not believed to be a time.
    guard (0..<253_402_300_800).contains(seconds) else { return "?" }
    return Date(timeIntervalSince1970: Double(seconds)).formatted(.iso8601)
  }

  /// What a drone says goes to a terminal.
  private static func printable(_ text: String) -> String {
    String(text.unicodeScalars.filter { $0.value > 0x20 && $0.value < 0x7f }.map(Character.init))
  }
}
