import CSpawn
import Glibc

/// How a program is started so that it depends on nothing of ours: a session of its own (the terminal's signals pass
/// it by), default signals, none of them blocked, and no descriptor but standard input, output and error.
package enum DetachedProgram {
  /// What the system says when it cannot start a program: an error number of <errno.h>.
  package struct Refusal: Error {
    package let code: Int32
  }

  /// - Parameters:
  ///   - words: the program's path and its arguments; at least one.
  ///   - environment: the whole of it; nothing is inherited.
  ///   - input, output: descriptors for standard input, and for standard output and error.
  /// - Returns: the process's number.
  package static func start(
    _ words: [String], environment: [String: String], input: Int32, output: Int32
  ) throws(Refusal) -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    // The copies stay open across exec. Everything else closes, also what our own caller handed down: a daemon
    // that kept it would keep somebody waiting for the end of a pipe. The child closes it: a list made here would
    // miss what another thread opens meanwhile.
    posix_spawn_file_actions_adddup2(&actions, input, 0)
    posix_spawn_file_actions_adddup2(&actions, output, 1)
    posix_spawn_file_actions_adddup2(&actions, output, 2)
    let unclosed = posix_spawn_file_actions_addclosefrom_np(&actions, 3)
    guard unclosed == 0 else { throw Refusal(code: unclosed) }

    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    for signal in [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE] { sigaddset(&signals, signal) }
    posix_spawnattr_setsigdefault(&attributes, &signals)
    let flags = Int16(POSIX_SPAWN_SETSIGDEF) | Int16(POSIX_SPAWN_SETSIGMASK) | keyval_spawn_new_session
    posix_spawnattr_setflags(&attributes, flags)

    var pid: pid_t = 0
    let variables = environment.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
    let code = withCStrings(words) { words in
      withCStrings(variables) { posix_spawn(&pid, words[0]!, &actions, &attributes, words, $0) }
    }
    guard code == 0 else { throw Refusal(code: code) }
    return pid
  }

  /// An array of C strings with a null at its end, for the time of the call.
  private static func withCStrings<Result>(
    _ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
  ) -> Result {
    var pointers: [UnsafeMutablePointer<CChar>?] = strings.map { strdup($0) } + [nil]
    defer { for pointer in pointers { free(pointer) } }
    return pointers.withUnsafeMutableBufferPointer { body(UnsafePointer($0.baseAddress!)) }
  }
}
