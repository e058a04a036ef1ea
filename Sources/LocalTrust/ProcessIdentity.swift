import CLocalTrust
import Glibc

/// One process, not merely its number: numbers are used again, but no two processes of one boot have the same
/// number and the same start time (/proc/PID/stat, field 22). What it runs and as whom is kept too, so that a list of
/// processes that somebody else wrote, or that was damaged, makes us end nobody's but ours.
///
/// The kernel shows which file a process runs (/proc/PID/exe) only to those who may read its memory, and nodes forbid
/// that also to processes of their own user. Then the name of the program is compared, which a process may give
/// itself, beside number, start, boot and user, which it may not.
public struct ProcessIdentity: Hashable, Sendable, Codable {
  public let pid: Int32
  /// Clock ticks since boot.
  public let startTime: UInt64
  /// /proc/sys/kernel/random/boot_id: start times begin again at each boot.
  public let bootIdentifier: String
  /// As whom it runs.
  public let user: UInt32
  public let program: RunningProgram

  /// How it is with the process now.
  public enum State: Equatable, Sendable {
    case running
    case gone
    /// Number and start are right, the rest is not: it is not the process that was written down. The sentence has no
    /// subject.
    case another(String)
  }

  /// The process that has this number now; nil if none has.
  public init?(pid: Int32) {
    guard pid > 0, let stat = ProcessTable.stat(pid), stat.isAlive, let user = ProcessTable.user(of: pid)
    else {
      return nil
    }
    self.pid = pid
    startTime = stat.startTime
    bootIdentifier = Self.currentBoot
    self.user = user
    program = RunningProgram(of: pid, name: stat.name)
  }

  public init(pid: Int32, startTime: UInt64, bootIdentifier: String, user: UInt32, program: RunningProgram) {
    self.pid = pid
    self.startTime = startTime
    self.bootIdentifier = bootIdentifier
    self.user = user
    self.program = program
  }

  /// A child that was just started, once it is the program that was asked for: until then it may be one that makes itself
  /// that user, as root. Nil if it has ended.
  /// - Parameter changer: the name of that program; nil where there is none between.
  package init?(child pid: Int32, becoming user: UInt32, by changer: String?) {
    while true {
      guard let identity = ProcessIdentity(pid: pid) else { return nil }
      guard let changer, identity.user != user || identity.program.name == changer else {
        self = identity
        return
      }
      // Between two looks: it takes about a millisecond, and ends if it can not do what it was asked for.
      usleep(200)
    }
  }

  /// Of a process that had ended before it could be looked at.
  package static func ended(_ pid: Int32, of user: UInt32) -> ProcessIdentity {
    ProcessIdentity(pid: pid, startTime: 0, bootIdentifier: "", user: user, program: RunningProgram(name: ""))
  }

  /// Looks at it. A process that has ended and waits for its parent is gone.
  public var state: State {
    guard pid > 0, bootIdentifier == Self.currentBoot, let stat = ProcessTable.stat(pid),
      stat.startTime == startTime, stat.isAlive
    else { return .gone }
    guard let user = ProcessTable.user(of: pid) else { return .gone }
    guard user == self.user else { return .another("runs as user \(user), not as user \(self.user)") }
    let program = RunningProgram(of: pid, name: stat.name)
    guard program.isSame(as: self.program) else {
      return .another("runs another program, ‘\(program.name)’, not ‘\(self.program.name)’")
    }
    return .running
  }

  /// Whether this very process still runs.
  public var isRunning: Bool { state == .running }

  /// Sends the signal if this very process still runs. Whether it was sent.
  ///
  /// The process is held while it is looked at (pidfd, Linux 5.3), so that the number cannot go to another one in
  /// between. An older kernel has none; there that moment stays.
  @discardableResult
  public func send(signal: Int32) -> Bool {
    guard pid > 0 else { return false }
    let process = keyval_pidfd_open(pid)
    guard process >= 0 else { return errno == ENOSYS && isRunning && kill(pid, signal) == 0 }
    defer { close(process) }
    return isRunning && keyval_pidfd_send_signal(process, signal) == 0
  }

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

  package static let currentBoot =
    ProcessTable.read("/proc/sys/kernel/random/boot_id").map { bytes in
      String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    } ?? ""
}
