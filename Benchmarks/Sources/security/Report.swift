import Foundation
import Measuring

/// Figures in the order in which they were measured, one a line.
struct Report {
  private struct Line {
    let name: String
    let values: [Double]
    let unit: String
    let goal: (text: String, isMet: Bool)?
  }

  private var lines: [Line] = []

  /// - Parameter atLeast: what the median should be at least.
  mutating func add(_ name: String, _ values: [Double], _ unit: String, atLeast goal: Double? = nil) {
    lines.append(
      Line(
        name: name, values: values, unit: unit,
        goal: goal.map { ("≥ \(Self.text($0))", Median.of(values) >= $0) }))
  }

  private static func text(_ value: Double) -> String {
    String(format: abs(value) < 10 ? "%.2f" : abs(value) < 100 ? "%.1f" : "%.0f", value)
  }

  /// Median, minimum and maximum of each.
  var table: String {
    let width = (lines.map(\.name.count).max() ?? 0) + 2
    func row(_ name: String, _ cells: [String], _ rest: String) -> String {
      let columns = cells.map { String(repeating: " ", count: max(0, 11 - $0.count)) + $0 }
      return name + String(repeating: " ", count: width - name.count) + columns.joined() + rest
    }
    let head = row("", ["median", "minimum", "maximum"], "")
    return
      ([head]
      + lines.map { line in
        let values = [Median.of(line.values), line.values.min() ?? .nan, line.values.max() ?? .nan]
        let goal = line.goal.map { "  \($0.text) \($0.isMet ? "met" : "NOT MET")" } ?? ""
        return row(line.name, values.map(Self.text), "  \(line.unit)\(goal)")
      }).joined(separator: "\n")
  }
}
