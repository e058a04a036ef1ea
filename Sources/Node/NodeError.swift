import LocalTrust

/// Why a node does not start, or had to stop. Every sentence names the thing and the remedy; none holds a
/// secret. The fault is this machine's operator's or its surroundings', never a peer's: what peers do wrong ends
/// their session, not the node.
public enum NodeError: Error, Hashable, Sendable, CustomStringConvertible {
  /// A setting is missing or wrong. `source` is the file, variable or flag that holds it.
  case configuration(source: String, key: String?, problem: String, remedy: String)
  /// A file or directory that a setting names cannot be used.
  case unusableFile(path: String, key: String?, problem: String, remedy: String)
  /// Something that the node needs at start does not answer: a port that is taken, a KDC that is away.
  case unavailable(subject: String, problem: String, remedy: String)
  /// It ended, but not in order: somebody, or something, is left without what it had.
  case cutShort(subject: String, problem: String, remedy: String)

  /// What is wrong with a file, or with the way to it.
  /// - Parameter path: what the setting names, where it was a folder above that was looked at.
  init(_ error: TrustError, key: String?, named path: String? = nil) {
    let isAbove = path != nil && path != error.path
    self = .unusableFile(
      path: path ?? error.path, key: key,
      problem: isAbove ? "cannot be used: its folder \(error.path) \(error.problem)" : error.problem,
      remedy: error.remedy)
  }

  public var description: String {
    switch self {
    case .configuration(let source, let key, let problem, let remedy):
      "\(source): \(Self.naming(key))\(problem). \(remedy)"
    case .unusableFile(let path, let key, let problem, let remedy):
      "\(path)\(key.map { " (\($0))" } ?? ""): \(problem). \(remedy)"
    case .unavailable(let subject, let problem, let remedy),
      .cutShort(let subject, let problem, let remedy):
      "\(subject): \(problem). \(remedy)"
    }
  }

  /// What the process exits with: `EX_CONFIG`, `EX_NOINPUT`, `EX_UNAVAILABLE` or `EX_TEMPFAIL` of sysexits.h.
  public var exitStatus: Int32 {
    switch self {
    case .configuration: 78
    case .unusableFile: 66
    case .unavailable: 69
    case .cutShort: 75
    }
  }

  private static func naming(_ key: String?) -> String { key.map { "‘\($0)’ " } ?? "" }
}
