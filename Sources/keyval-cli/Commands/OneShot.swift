import ArgumentParser
import Keyval

/// Runs a single command of the command line to its exit status.
enum OneShot {
  /// - Parameter level: what a write has to reach; nil: what the cluster is configured for.
  static func run(_ command: Command, level: AcknowledgementLevel? = nil) async throws {
    let status = try await ClientConnection.with(level: level) { backend in
      await Interpreter(
        backend: backend, output: StandardOutput(), endsValuesWithNewline: StandardOutput.isTerminal
      ).execute(command)
    }
    if status != .done { throw ExitCode(status.rawValue) }
  }
}
