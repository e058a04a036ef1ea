import ArgumentParser

/// Runs a single command of the command line to its exit status.
enum OneShot {
  static func run(_ command: Command) async throws {
    let status = try await ClientConnection.with { backend in
      await Interpreter(
        backend: backend, output: StandardOutput(), endsValuesWithNewline: StandardOutput.isTerminal
      ).execute(command)
    }
    if status != .done { throw ExitCode(status.rawValue) }
  }
}
