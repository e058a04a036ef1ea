import Glibc

/// One process, not merely its number: numbers are used again, but no two processes of one boot have the same
/// number and the same start time (/proc/PID/stat, field 22).
public struct ProcessIdentity: Hashable, Sendable, Codable {
  public let pid: Int32
  /// Clock ticks since boot.
  public let startTime: UInt64
  /// /proc/sys/kernel/random/boot_id: start times begin again at each boot.
  public let bootIdentifier: String

  /// Nil if no such process runs.
  public init?(pid: Int32) {
    guard pid > 0, let stat = Self.stat(pid), stat.isAlive else { return nil }
    self.pid = pid
    startTime = stat.startTime
    bootIdentifier = Self.currentBoot
  }

  public init(pid: Int32, startTime: UInt64, bootIdentifier: String) {
    self.pid = pid
    self.startTime = startTime
    self.bootIdentifier = bootIdentifier
  }

  /// Whether this very process still runs. One that has ended and waits for its parent does not.
  public var isRunning: Bool {
    guard bootIdentifier == Self.currentBoot, let stat = Self.stat(pid) else { return false }
    return stat.startTime == startTime && stat.isAlive
  }

  /// Sends the signal if this very process still runs. Whether it was sent.
  @discardableResult
  public func send(signal: Int32) -> Bool { isRunning && kill(pid, signal) == 0 }

  /// Takes the exit status of a child of ours, so that nothing of it stays behind; nil while it runs, and of
  /// processes that are no children of ours.
  @discardableResult
  public func reap() -> Int32? {
    var status: Int32 = 0
    return waitpid(pid, &status, WNOHANG) == pid ? status : nil
  }

  /// Waits for a child of ours to end. Its exit status, nil if a signal ended it or it is no child of ours.
  public func wait() -> Int32? {
    var status: Int32 = 0
    var result: pid_t
    repeat { result = waitpid(pid, &status, 0) } while result < 0 && errno == EINTR
    guard result == pid, status & 0x7F == 0 else { return nil }
    return status >> 8 & 0xFF
  }

  static let currentBoot =
    readSmallFile("/proc/sys/kernel/random/boot_id").map { String($0.prefix { $0 != "\n" }) } ?? ""

  private static func stat(_ pid: Int32) -> (startTime: UInt64, isAlive: Bool)? {
    // The second field is the program's name in parentheses, and may hold anything, parentheses too.
    guard let text = readSmallFile("/proc/\(pid)/stat"), let end = text.lastIndex(of: ")") else { return nil }
    let fields = text[text.index(after: end)...].split(separator: " ")
    guard fields.count > 19, let startTime = UInt64(fields[19]) else { return nil }
    // The first thread may have ended ("Z") while others are still letting go of sockets and files.
    let hasEnded = fields[0] == "X" || fields[0] == "Z" && fields[17] == "1"
    return (startTime, !hasEnded)
  }
}
