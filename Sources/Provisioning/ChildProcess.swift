import Glibc

/// A program that this process started, in a session of its own so that the terminal's signals pass it by.
package struct ChildProcess: Sendable {
  package let pid: Int32

  /// POSIX_SPAWN_SETSID of <spawn.h>, which glibc shows to _GNU_SOURCE only.
  private static let newSession: Int32 = 0x80

  /// - Parameters:
  ///   - environment: the whole of it; nothing is inherited.
  ///   - input, output: descriptors for standard input, and for standard output and error.
  package static func spawn(
    _ words: [String], environment: [String: String], user: UnixUser, input: Int32, output: Int32
  ) throws(ProvisioningError) -> ChildProcess {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    // The copies stay open across exec. Everything else closes, also what our own caller handed down: a daemon
    // that kept it would keep somebody waiting for the end of a pipe.
    posix_spawn_file_actions_adddup2(&actions, input, 0)
    posix_spawn_file_actions_adddup2(&actions, output, 1)
    posix_spawn_file_actions_adddup2(&actions, output, 2)
    for descriptor in openDescriptors() where descriptor > 2 {
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
    let flags = Int32(POSIX_SPAWN_SETSIGDEF) | Int32(POSIX_SPAWN_SETSIGMASK) | newSession
    posix_spawnattr_setflags(&attributes, Int16(flags))

    let words = try user.wrapped(words)
    let variables = environment.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
    var pid: pid_t = 0
    let code = withCStrings(words) { words in
      withCStrings(variables) { posix_spawn(&pid, words[0]!, &actions, &attributes, words, $0) }
    }
    guard code == 0 else { throw .system("\(words.first ?? "A program") cannot be started", code) }
    return ChildProcess(pid: pid)
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
    return descriptors
  }

  /// Waits for the end. Gives the exit status, or 128 and the signal's number.
  package func wait() -> Int32 {
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0 {
      guard errno == EINTR else { return 0 }  // somebody else has taken its status
    }
    return Self.exitStatus(status)
  }

  static func exitStatus(_ status: Int32) -> Int32 {
    let signal = status & 0x7f
    return signal == 0 ? (status >> 8) & 0xff : 128 + signal
  }
}

/// An array of C strings with a null at its end, for the time of the call.
private func withCStrings<R>(
  _ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> R
) -> R {
  var pointers: [UnsafeMutablePointer<CChar>?] = strings.map { strdup($0) } + [nil]
  defer { for pointer in pointers { free(pointer) } }
  return pointers.withUnsafeMutableBufferPointer { body(UnsafePointer($0.baseAddress!)) }
}
