/// Who may do what, as the operator wrote it down: lines of a principal pattern, operations, a key prefix and
/// limits. The first line that fits decides; what no line fits is denied.
///
///     # people read what is public, and nobody but alice writes anything
///     alice@EXAMPLE.ORG    *
///     bob@EXAMPLE.ORG      rwd  bob/      keys=100000 bytes=10000000
///     *@EXAMPLE.ORG        r    public/   requests=1000
public struct AccessList: Hashable, Sendable {
  // The limits of a list. They bound what a session holds too: at most eight patterns fit one principal.
  public static let maximumLength = 256 << 10
  public static let maximumLines = 4_096
  public static let maximumLinesOfOnePattern = 64
  public static let maximumPrefixLength = 1_024
  /// Prefixes with a limit of keys or bytes. Each put is compared with all of them.
  public static let maximumCountedPrefixes = 32

  public struct Line: Hashable, Sendable, CustomStringConvertible {
    /// Where it stands in the file, from 1 on.
    public let number: Int
    public let pattern: PrincipalPattern
    /// None: the line denies.
    public let operations: AccessOperations
    /// Keys that begin so; empty: every key, and the cluster as a whole.
    public let prefix: [UInt8]
    public var limits = LineLimits()

    /// Whether it decides about these operations for a principal whom its pattern fits.
    fileprivate func concerns(_ operation: AccessOperations, key: [UInt8]) -> Bool {
      AccessOperations.onCluster.contains(operation) ? prefix.isEmpty : key.starts(with: prefix)
    }

    var hasQuota: Bool { limits.keys != nil || limits.bytes != nil }

    /// As it could stand in a list.
    public var description: String {
      let text = "\(pattern) \(operations)"
      guard !limits.isEmpty else {
        return text + (prefix.isEmpty ? "" : " " + AccessListParser.escaped(prefix))
      }
      return text + " " + (prefix.isEmpty ? "*" : AccessListParser.escaped(prefix)) + " \(limits)"
    }
  }

  /// Only those that say something.
  public let lines: [Line]
  /// Those of which lines limit the keys or bytes, each once, in order.
  public let countedPrefixes: [[UInt8]]

  /// - Throws: the first mistake.
  public init(parsing text: [UInt8]) throws(AccessListError) {
    lines = try AccessListParser.lines(of: text)
    var counted: [[UInt8]] = []
    for line in lines where line.hasQuota && !counted.contains(line.prefix) {
      guard counted.count < Self.maximumCountedPrefixes else {
        throw AccessListError(line: line.number, column: 1, problem: .tooManyCountedPrefixes)
      }
      counted.append(line.prefix)
    }
    countedPrefixes = counted
  }

  /// The line that decides whether this principal may do this; nil: none fits, so it is denied.
  /// - Parameter key: looked at for operations on keys only.
  public func deciding(
    _ operation: AccessOperations, on key: [UInt8], for principal: Principal
  ) -> Line? {
    lines.first { $0.pattern.fits(principal) && $0.concerns(operation, key: key) }
  }

  /// The lines that may decide something for this principal, in order.
  public func lines(for principal: Principal) -> [Line] {
    var fitting: [Line] = []
    for line in lines where line.pattern.fits(principal) {
      fitting.append(line)
      if line.prefix.isEmpty { break }
    }
    return fitting
  }

  /// What these lines come to for one principal.
  public func rights(of principal: Principal) -> AccessRights {
    AccessRights(lines(for: principal), counted: countedPrefixes)
  }
}
