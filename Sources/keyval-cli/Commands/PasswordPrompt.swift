import Glibc

/// Asks for a password as `kinit` does: on the terminal without echo, else a line of standard input.
enum PasswordPrompt {
  private static let maximumLength = 1024

  /// Throws `Failure` when there is none.
  static func ask(_ question: String) async throws -> String {
    let output = StandardOutput()
    var saved = termios()
    let isTerminal = tcgetattr(STDIN_FILENO, &saved) == 0
    // A person who gives up in the middle (Ctrl-C) gets the echo back.
    let signals = isTerminal ? SignalWatch() : nil
    if isTerminal {
      output.write(question: question)
      var silent = saved
      silent.c_lflag &= ~tcflag_t(ECHO)
      tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent)
      let settings = TerminalSettings(saved)
      signals?.onSignal { signal in
        settings.restore()
        _exit(128 + signal)
      }
    }
    defer {
      if isTerminal {
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &saved)
        output.write(remark: "")
      }
    }
    var lines = StandardInput.lines.makeAsyncIterator()
    let line = try await lines.next() ?? []
    guard !line.isEmpty, line.count <= maximumLength, let text = String(validating: line, as: UTF8.self)
    else {
      throw Failure(status: .badData, sentence: "there is no password on standard input")
    }
    return text
  }
}
