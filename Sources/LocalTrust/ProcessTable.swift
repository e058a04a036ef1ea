import Glibc

/// What everybody may read of every process.
package enum ProcessTable {
  package struct Stat {
    package let name: String
    package let startTime: UInt64
    package let isAlive: Bool
  }

  package static func stat(_ pid: Int32) -> Stat? {
    // The second field is the program's name in parentheses, and may hold anything, parentheses too.
    guard let text = text(of: pid, "stat"), let start = text.firstIndex(of: "("),
      let end = text.lastIndex(of: ")"), start < end
    else { return nil }
    let fields = text[text.index(after: end)...].split(separator: " ")
    guard fields.count > 19, let startTime = UInt64(fields[19]) else { return nil }
    // The first thread may have ended ("Z") while others are still letting go of sockets and files.
    let hasEnded = fields[0] == "X" || fields[0] == "Z" && fields[17] == "1"
    return Stat(
      name: String(text[text.index(after: start)..<end]), startTime: startTime, isAlive: !hasEnded)
  }

  /// The effective user. Not by whose the process's files in /proc are: of a process that forbids others to read its
  /// memory they are root's.
  package static func user(of pid: Int32) -> UInt32? {
    guard let text = text(of: pid, "status"),
      let line = text.split(separator: "\n").first(where: { $0.hasPrefix("Uid:") })
    else { return nil }
    let fields = line.split(whereSeparator: { $0 == "\t" || $0 == " " })
    return fields.count > 2 ? UInt32(fields[2]) : nil
  }

  /// The words that it was started with; nil when it has ended. It may give itself others.
  package static func words(of pid: Int32) -> [String]? {
    read("/proc/\(pid)/cmdline").map { bytes in
      bytes.split(separator: 0, omittingEmptySubsequences: false).map { String(decoding: $0, as: UTF8.self) }
        .dropLast()
    }
  }

  private static func text(of pid: Int32, _ file: String) -> String? {
    // A program's name may be no text.
    read("/proc/\(pid)/\(file)").map { String(decoding: $0, as: UTF8.self) }
  }

  /// A file of /proc, which has no size. Nil if it cannot be read.
  static func read(_ path: String) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 12)
    while bytes.count < 1 << 20 {
      let count = Glibc.read(descriptor, &chunk, chunk.count)
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { return nil }
      if count == 0 { break }
      bytes += chunk[..<count]
    }
    return bytes
  }
}
