import Cluster

/// Which lines of an access list decide for a principal, as text for people.
struct AccessExplanation {
  let text: String

  /// - Parameter key: nil: all lines that may decide are listed.
  init(_ list: AccessList, of principal: Principal, key: [UInt8]?) {
    guard let key else {
      let lines = list.lines(for: principal).map { "line \($0.number): \($0)\n" }
      text = lines.isEmpty ? "no line fits \(principal): everything is denied\n" : lines.joined()
      return
    }
    text = AccessOperations.named.map { _, operation, name in
      let line = list.deciding(operation, on: key, for: principal)
      let verdict = line?.operations.contains(operation) == true ? "permitted" : "denied"
      let reason = line.map { "line \($0.number): \($0)" } ?? "no line fits"
      return "\(name): \(verdict), \(reason)\n"
    }.joined()
  }
}
