import Glibc

/// Starts a program detached: a session of its own (so that the terminal's signals pass it by), nothing on
/// standard input, output and error into a log, no other descriptor of ours, default signals.
public struct ProcessLauncher: Sendable {
  public let user: ServiceUser
  public let environment: [String: String]

  public init(user: ServiceUser, environment: [String: String]) {
    self.user = user
    self.environment = environment
  }

  /// POSIX_SPAWN_SETSID of <spawn.h>, which glibc shows to _GNU_SOURCE only.
  private static let newSession: Int32 = 0x80

  /// - Parameters:
  ///   - log: appended to; made for its owner only.
  ///   - input: a descriptor for standard input; without one there is nothing to read.
  public func launch(_ program: String, _ arguments: [String], log: String, input: Int32? = nil)
    throws(LocalClusterError)
    -> ProcessIdentity
  {
    let words = user.wrapped([program] + arguments)
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    if let input {
      posix_spawn_file_actions_adddup2(&actions, input, 0)
    } else {
      posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    }
    posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0o600)
    posix_spawn_file_actions_adddup2(&actions, 1, 2)
    for descriptor in Self.openDescriptors() where descriptor > 2 {
      // One that was closed in between does no harm: closing it again is no error here.
      posix_spawn_file_actions_addclose(&actions, descriptor)
    }

    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    for signal in [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE] { sigaddset(&signals, signal) }
    posix_spawnattr_setsigdefault(&attributes, &signals)
    let flags = Int32(POSIX_SPAWN_SETSIGDEF) | Int32(POSIX_SPAWN_SETSIGMASK) | Self.newSession
    posix_spawnattr_setflags(&attributes, Int16(flags))

    var pid: pid_t = 0
    let variables = environment.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
    let code = withCStrings(words) { words in
      withCStrings(variables) { variables in
        posix_spawn(&pid, words[0]!, &actions, &attributes, words, variables)
      }
    }
    guard code == 0 else { throw .system("cannot start \(program)", code: code) }
    // It may have ended already; then this identity is simply not running.
    return ProcessIdentity(pid: pid) ?? ProcessIdentity(pid: pid, startTime: 0, bootIdentifier: "")
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

  private static func openDescriptors() -> [Int32] {
    guard let directory = opendir("/proc/self/fd") else { return [] }
    defer { closedir(directory) }
    var descriptors: [Int32] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if let descriptor = Int32(name) { descriptors.append(descriptor) }
    }
    return descriptors.sorted()
  }
}

/// An array of C strings with a null at its end, for the time of the call.
private func withCStrings<Result>(
  _ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
) -> Result {
  var pointers: [UnsafeMutablePointer<CChar>?] = strings.map { strdup($0) } + [nil]
  defer { for pointer in pointers { free(pointer) } }
  return pointers.withUnsafeMutableBufferPointer { body(UnsafePointer($0.baseAddress!)) }
}
