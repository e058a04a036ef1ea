import ArgumentParser

struct ShellCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "shell", abstract: "Run commands, one a line, with history, help and completion.",
    discussion: """
      With standard input that is no terminal, runs the commands found there and exits 0 only if all succeeded. \
      The history is kept in $XDG_STATE_HOME/keyval/history without the values that you put; a line that \
      begins with a blank is not kept at all.
      """)

  func run() async throws {
    let status = try await ClientConnection.with { backend in await CommandLoop.run(on: backend) }
    throw ExitCode(status.rawValue)
  }
}
