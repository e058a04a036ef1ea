/// What the tab key offers: names of commands, and what the few commands with fixed words take.
enum Completion {
  /// The candidates for the word that begins after `before` (the line up to it), in order.
  static func candidates(before: String, word: String) -> [String] {
    let earlier = before.split(separator: " ", omittingEmptySubsequences: true)
    let all: [String]
    switch earlier.first {
    case nil: all = Verb.allCases.map(\.rawValue)
    case "help" where earlier.count == 1: all = Verb.allCases.map(\.rawValue)
    case "status" where earlier.count == 1: all = ["--json"]
    default: all = []
    }
    return all.filter { $0.hasPrefix(word) }
  }

  /// The longest beginning that all candidates share.
  static func commonPrefix(_ candidates: [String]) -> String {
    guard var prefix = candidates.first else { return "" }
    for candidate in candidates.dropFirst() {
      prefix = String(zip(prefix, candidate).prefix { $0.0 == $0.1 }.map(\.0))
    }
    return prefix
  }
}
