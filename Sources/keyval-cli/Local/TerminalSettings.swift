import Glibc

/// How the terminal was when the program began, to be put back when it ends in the middle of an edited line.
struct TerminalSettings: Sendable {
  private let saved: termios?

  init(_ settings: termios) { saved = settings }

  init() {
    var settings = termios()
    saved = tcgetattr(STDIN_FILENO, &settings) == 0 ? settings : nil
  }

  func restore() {
    guard var saved else { return }
    tcsetattr(STDIN_FILENO, TCSANOW, &saved)
  }
}
