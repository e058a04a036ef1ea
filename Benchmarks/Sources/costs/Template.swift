/// A text with places for what a run has measured: `{{name}}`.
struct Template: Sendable {
  let text: String

  /// Why a text and values do not go together.
  enum Mismatch: Error, Equatable, CustomStringConvertible {
    /// Places that no value is for.
    case unfilled([String])
    /// Values that the text has no place for.
    case unused([String])
    /// A place without an end.
    case unclosed

    var description: String {
      switch self {
      case .unfilled(let names): "the template has places without values: \(names.joined(separator: ", "))"
      case .unused(let names): "the template has no place for: \(names.joined(separator: ", "))"
      case .unclosed: "the template has a place without an end"
      }
    }
  }

  /// - Throws: ``Mismatch``: a page that is half true is worse than none.
  func filled(with values: [String: String]) throws(Mismatch) -> String {
    var output = ""
    var used: Set<String> = []
    var missing: [String] = []
    var rest = text[...]
    while let start = rest.firstRange(of: "{{") {
      output += rest[..<start.lowerBound]
      rest = rest[start.upperBound...]
      guard let end = rest.firstRange(of: "}}") else { throw .unclosed }
      let name = String(rest[..<end.lowerBound])
      rest = rest[end.upperBound...]
      if let value = values[name] { output += value } else { missing.append(name) }
      used.insert(name)
    }
    guard missing.isEmpty else { throw .unfilled(missing) }
    let unused = values.keys.filter { !used.contains($0) }.sorted()
    guard unused.isEmpty else { throw .unused(unused) }
    return output + rest
  }
}
