import Glibc
import LocalTrust
import Provisioning

/// Starts a program detached: a session of its own (so that the terminal's signals pass it by), nothing on
/// standard input, output and error into a log, no other descriptor of ours, default signals.
public struct ProcessLauncher: Sendable {
  public let user: ServiceUser
  public let environment: [String: String]

  public init(user: ServiceUser, environment: [String: String]) {
    self.user = user
    self.environment = environment
  }

  /// - Parameters:
  ///   - log: appended to; made for its owner only.
  ///   - input: a descriptor for standard input; without one there is nothing to read.
  public func launch(_ program: String, _ arguments: [String], log: String, input: Int32? = nil)
    throws(LocalClusterError)
    -> ProcessIdentity
  {
    let output = open(log, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0o600)
    guard output >= 0 else { throw .system("cannot open \(log)", code: errno) }
    defer { close(output) }
    let nothing = open("/dev/null", O_RDONLY | O_CLOEXEC)
    guard nothing >= 0 else { throw .system("cannot open /dev/null", code: errno) }
    defer { close(nothing) }
    let pid: pid_t
    do {
      pid = try DetachedProgram.start(
        user.wrapped([program] + arguments), environment: environment, input: input ?? nothing, output: output
      )
    } catch {
      throw .system("cannot start \(program)", code: error.code)
    }
    // It may have ended already; then the identity is simply not running.
    return ProcessIdentity(
      child: pid, becoming: user.uid, by: user.isOther ? ServiceUser.setprivName : nil)
      ?? .ended(pid, of: user.uid)
  }

  /// Starts a program that reads text of at most a few lines, such as a password, which so stands neither on a
  /// command line nor in a file.
  public func launch(
    _ program: String, _ arguments: [String], log: String, reading text: String
  ) throws(LocalClusterError) -> ProcessIdentity {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw .system("cannot make a pipe", code: errno) }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    let bytes = Array(text.utf8.prefix(4096))
    // A pipe holds this much, so that writing does not wait for the reader.
    let written = write(ends[1], bytes, bytes.count)
    close(ends[1])
    defer { close(ends[0]) }
    guard written == bytes.count else { throw .system("cannot write to a pipe", code: errno) }
    return try launch(program, arguments, log: log, input: ends[0])
  }
}
