import Glibc

/// A program that this process started and whose end it waits for.
package struct ChildProcess: Sendable {
  package let pid: Int32

  /// - Parameters:
  ///   - environment: the whole of it; nothing is inherited.
  ///   - input, output: descriptors for standard input, and for standard output and error.
  package static func spawn(
    _ words: [String], environment: [String: String], user: UnixUser, input: Int32, output: Int32
  ) throws(ProvisioningError) -> ChildProcess {
    let words = try user.wrapped(words)
    do {
      return ChildProcess(
        pid: try DetachedProgram.start(words, environment: environment, input: input, output: output))
    } catch {
      throw .system("\(words.first ?? "A program") cannot be started", error.code)
    }
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
