import Foundation

/// All that was measured, in its order: as a table, and as JSON.
struct SpeedReport {
  private var comparisons: [Comparison] = []
  private var figures: [Figure] = []

  mutating func add(_ comparison: Comparison) { comparisons.append(comparison) }
  mutating func add(_ figure: Figure) { figures.append(figure) }

  private static func text(_ value: Double?) -> String {
    guard let value, value.isFinite else { return "–" }
    return String(format: abs(value) < 10 ? "%.2f" : abs(value) < 1_000 ? "%.1f" : "%.0f", value)
  }

  var table: String {
    let columns: [(String, (Side) -> Double?)] = [
      ("requests/s", { $0["requestsPerSecond"] }), ("CPU µs", { $0["processorMicroseconds"] }),
      ("drone", { $0["droneMicroseconds"] }), ("database", { $0["databaseMicroseconds"] }),
      ("p50 µs", { $0["p50Microseconds"] }), ("p99 µs", { $0["p99Microseconds"] }),
      ("p99.9 µs", { $0["p99.9Microseconds"] }), ("asker µs", { $0["generatorMicroseconds"] }),
    ]
    var rows: [[String]] = []
    if !comparisons.isEmpty {
      rows.append(["", ""] + columns.map(\.0) + ["CPU ×", "drone ×", "requests/s ×", "p99 ×"])
    }
    for comparison in comparisons {
      let ratios = [
        comparison.cpuRatio, comparison.droneRatio, comparison.throughputRatio, comparison.p99Ratio,
      ]
      rows.append(
        [comparison.name, "Keyval"] + columns.map { Self.text($0.1(comparison.keyval)) }
          + ratios.map(Self.text))
      rows.append(["", "Redis"] + columns.map { Self.text($0.1(comparison.redis)) } + ["", "", "", ""])
    }
    var text = Self.aligned(rows)
    for comparison in comparisons {
      for (who, side) in [("Keyval", comparison.keyval), ("Redis", comparison.redis)] {
        for (name, value) in side.members where SpeedReport.isTold(name) {
          text += "\(comparison.name), \(who): \(name) \(Self.text(value))\n"
        }
      }
    }
    if !figures.isEmpty {
      let lines = figures.map { figure in
        let ratio = figure.redis.map { $0 / figure.keyval }
        return [
          figure.name, figure.unit, Self.text(figure.keyval), Self.text(figure.redis), Self.text(ratio),
        ]
      }
      text += "\n" + Self.aligned([["", "", "Keyval", "Redis", "×"]] + lines)
    }
    return text
  }

  /// Whether it stands below the table, since it is of few rows.
  private static func isTold(_ name: String) -> Bool {
    ["backlog", "settling", "unsent", "retries"].contains { name.hasPrefix($0) }
  }

  /// Names to the left, numbers to the right.
  private static func aligned(_ rows: [[String]]) -> String {
    let widths = (rows.first ?? []).indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      let cells = row.indices.map { column in
        let blanks = String(repeating: " ", count: widths[column] - row[column].count)
        return column < 2 ? row[column] + blanks : blanks + row[column]
      }
      var line = cells.joined(separator: "  ")
      while line.last == " " { line.removeLast() }
      return line + "\n"
    }.joined()
  }

  /// - Parameter circumstances: what else to say of the run, JSON values by name.
  func json(_ circumstances: [(String, String)]) -> String {
    func number(_ value: Double) -> String {
      value.isFinite ? String(format: "%.4g", locale: Locale(identifier: "en_US_POSIX"), value) : "null"
    }
    func object(_ members: [(String, String)]) -> String {
      "{" + members.map { "\"\($0.0)\":\($0.1)" }.joined(separator: ",") + "}"
    }
    func side(_ side: Side) -> String { object(side.members.map { ($0.name, number($0.value)) }) }
    let compared = comparisons.map { comparison in
      object([
        ("name", "\"\(comparison.name)\""), ("keyval", side(comparison.keyval)),
        ("redis", side(comparison.redis)), ("cpuRatio", number(comparison.cpuRatio)),
        ("droneRatio", number(comparison.droneRatio)),
        ("throughputRatio", number(comparison.throughputRatio)),
        ("p99Ratio", number(comparison.p99Ratio)),
      ])
    }
    let others = figures.map { figure in
      object([
        ("name", "\"\(figure.name)\""), ("unit", "\"\(figure.unit)\""), ("keyval", number(figure.keyval)),
        ("redis", figure.redis.map(number) ?? "null"),
        ("ratio", figure.redis.map { number($0 / figure.keyval) } ?? "null"),
      ])
    }
    return object(
      circumstances + [
        ("comparisons", "[" + compared.joined(separator: ",") + "]"),
        ("figures", "[" + others.joined(separator: ",") + "]"),
      ]) + "\n"
  }
}
