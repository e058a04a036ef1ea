import Foundation

/// What the kernel says of a process.
enum ProcessState {
  case gone, stopped, running

  init(of pid: Int32) {
    // The second field is the program's name in parentheses.
    guard let text = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
      let end = text.lastIndex(of: ")"),
      let letter = text[text.index(after: end)...].first(where: { $0 != " " })
    else {
      self = .gone
      return
    }
    switch letter {
    case "Z", "X": self = .gone
    case "T": self = .stopped
    default: self = .running
    }
  }

  /// Waits until a process that was sent this signal has heeded it.
  static func await(_ signal: Int32, at pid: Int32) async throws {
    let wanted: ProcessState? =
      switch signal {
      case SIGKILL: .gone
      case SIGSTOP: .stopped
      default: nil
      }
    guard let wanted else { return }
    try await eventually(
      "process \(pid) heeds signal \(signal)", within: .seconds(10), every: .milliseconds(1)
    ) {
      ProcessState(of: pid) == wanted
    }
  }
}
