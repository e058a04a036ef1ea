/// JSON (RFC 8259) whose members stay in the order given, which Foundation's encoder does not promise.
indirect enum JSONText: CustomStringConvertible, Sendable {
  case null
  case bool(Bool)
  case number(UInt64)
  /// With three digits behind the point; null when there is no such number.
  case decimal(Double)
  case text(String)
  case array([JSONText])
  case object([(String, JSONText)])

  var description: String {
    switch self {
    case .null: "null"
    case .bool(let value): value ? "true" : "false"
    case .number(let number): String(number)
    case .decimal(let value): Self.text(value)
    case .text(let text): Self.quote(text)
    case .array(let items): "[" + items.map(\.description).joined(separator: ", ") + "]"
    case .object(let members):
      "{" + members.map { "\(Self.quote($0.0)): \($0.1)" }.joined(separator: ", ") + "}"
    }
  }

  private static func text(_ value: Double) -> String {
    guard value.isFinite, abs(value) < 1e15 else { return "null" }
    let thousandths = Int64((abs(value) * 1_000).rounded())
    let digits = String(thousandths % 1_000)
    let zeros = String(repeating: "0", count: 3 - digits.utf8.count)
    return "\(value < 0 ? "-" : "")\(thousandths / 1_000).\(zeros)\(digits)"
  }

  private static func quote(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": quoted += "\\\""
      case "\\": quoted += "\\\\"
      case "\n": quoted += "\\n"
      case "\r": quoted += "\\r"
      case "\t": quoted += "\\t"
      case _ where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }
}
