/// The commands of the shell, in the order in which help lists them.
enum Verb: String, CaseIterable, Sendable {
  case put, get, del, locate, status, hello, help, exit

  /// What follows the name.
  var parameters: String {
    switch self {
    case .put: "KEY VALUE"
    case .get, .del, .locate: "KEY"
    case .status: "[--json]"
    case .hello: "ADDRESS"
    case .help: "[COMMAND]"
    case .exit: ""
    }
  }

  var usage: String { parameters.isEmpty ? rawValue : "\(rawValue) \(parameters)" }

  var summary: String {
    switch self {
    case .put: "store a value under a key"
    case .get: "write the value of a key"
    case .del: "delete a key"
    case .locate: "say a key's slot, its owner and the owner's address"
    case .status: "say the term, the commander, and what each node does"
    case .hello: "ask a node, at host:port, who it is; needs no ticket"
    case .help: "list the commands, or explain one"
    case .exit: "leave the shell (so does the end of input)"
    }
  }

  /// The list that `help` prints, and each command's own line.
  static var overview: String {
    let width = allCases.map(\.usage.count).max() ?? 0
    let lines = allCases.map { verb in
      "  \(verb.usage)\(String(repeating: " ", count: width - verb.usage.count))  \(verb.summary)\n"
    }
    return lines.joined() + quoting
  }

  private static let quoting = #"""

    Words are separated by blanks. '…' takes everything literally, "…" knows \\ \" \n \r \t \0 \xHH,
    and \ elsewhere takes the next character literally. # begins a comment.

    """#
}
