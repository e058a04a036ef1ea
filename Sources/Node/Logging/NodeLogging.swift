import Cluster
import Glibc
import Logging

/// How nodes log: one line an event on standard error, metadata as `key=value` in order of key.
///
///     2026-01-31T12:00:00.000Z info drone.d1 slots granted partitions=171 term=3
///
/// Values never hold keys, tickets, passwords or what clients store. Whoever can cause a line can cause only so many of
/// them (``LogLimiter``).
public enum NodeLogging {
  /// The names that all roles use for what an event is about.
  public enum Key {
    public static let principal = "principal"
    public static let term = "term"
    public static let slot = "slot"
    public static let partition = "partition"
    public static let address = "address"
    /// Of a peer, which proves nothing.
    public static let remote = "remote"
    public static let reason = "reason"
  }

  /// One for the process: a bound that each logger had for itself would be none.
  private static let limiter = LogLimiter()

  /// A logger that writes to standard error and is independent of what the process bootstrapped.
  public static func logger(label: String, level: Logger.Level) -> Logger {
    var logger = Logger(label: label) { label in
      LimitedLogHandler(StandardErrorLogHandler(label: label), limiter: limiter)
    }
    logger.logLevel = level
    return logger
  }

  /// The logger of a node.
  public static func logger(for configuration: NodeConfiguration) -> Logger {
    logger(label: configuration.label, level: configuration.logLevel)
  }
}

/// Writes each event with one `write`, so that lines of threads and processes never mix.
struct StandardErrorLogHandler: LogHandler {
  let label: String
  var logLevel: Logger.Level = .info
  var metadata: Logger.Metadata = [:]
  var metadataProvider: Logger.MetadataProvider?

  init(label: String) { self.label = label }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    var all = metadata
    if let metadataProvider { all.merge(metadataProvider.get()) { _, new in new } }
    if let own = event.metadata { all.merge(own) { _, new in new } }
    if let error = event.error { all["error"] = "\(error)" }
    var line = LogLine.format(
      time: NodeClock.read(CLOCK_REALTIME), level: event.level, label: label, message: "\(event.message)",
      metadata: all)
    line.append("\n")
    line.withUTF8 { bytes in
      // Standard error that is closed or full must not stop a node.
      _ = Glibc.write(2, bytes.baseAddress, bytes.count)
    }
  }
}

/// The text of one event.
enum LogLine {
  static func format(
    time: timespec, level: Logger.Level, label: String, message: String, metadata: Logger.Metadata
  ) -> String {
    var line = "\(timestamp(time)) \(level.rawValue) \(label) \(escaped(message))"
    for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
      line += " \(key)=\(quoted("\(value)"))"
    }
    return line
  }

  /// ISO 8601 in UTC with milliseconds.
  static func timestamp(_ time: timespec) -> String {
    var seconds = time.tv_sec
    var parts = tm()
    gmtime_r(&seconds, &parts)
    let date = [parts.tm_mon + 1, parts.tm_mday].map { padded(Int($0), 2) }.joined(separator: "-")
    let clock = [parts.tm_hour, parts.tm_min, parts.tm_sec].map { padded(Int($0), 2) }
      .joined(separator: ":")
    return "\(padded(Int(parts.tm_year) + 1900, 4))-\(date)T\(clock).\(padded(time.tv_nsec / 1_000_000, 3))Z"
  }

  private static func padded(_ number: Int, _ width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }

  /// Bytes of a value that are written: a peer chooses some of them. What is longer is cut, and ends in three dots.
  static let valueLimit = 4_096

  private static func bounded(_ text: String) -> String {
    guard text.utf8.count > valueLimit else { return text }
    return String(decoding: text.utf8.prefix(valueLimit), as: UTF8.self) + "..."
  }

  /// A value with blanks or quotes in it is put in quotes, so that a line can be taken apart again.
  private static func quoted(_ text: String) -> String {
    let clean = escaped(bounded(text))
    let plain = clean.unicodeScalars.allSatisfy { $0 != " " && $0 != "\"" && $0 != "=" }
    guard !plain || clean.isEmpty else { return clean }
    return "\"" + clean.replacing("\"", with: "\\\"") + "\""
  }

  /// Control characters, which a peer may have put into a name, neither break the line nor move the cursor.
  private static func escaped(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: isControl) else { return text }
    return text.unicodeScalars.reduce(into: "") { result, scalar in
      if isControl(scalar) {
        result += "\\u{\(String(scalar.value, radix: 16))}"
      } else {
        result.unicodeScalars.append(scalar)
      }
    }
  }

  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value) || (0x2028...0x202e).contains(scalar.value)
  }
}
