import Foundation
import LocalCluster
import Synchronization

/// A program that runs beside this one.
///
/// Not Foundation's `Process`: its `waitUntilExit` was seen to wait for ever for programs that had ended.
package struct Program: Sendable {
  package let name: String
  package let identity: ProcessIdentity

  private static let running = Mutex<[ProcessIdentity]>([])

  /// Where it is on the `PATH`; a name with a slash says that itself.
  package static func path(_ name: String) -> String? {
    if name.contains("/") { return access(name, X_OK) == 0 ? name : nil }
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin").split(separator: ":")
    return folders.map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
  }

  /// - Parameter log: what it says is appended to this.
  package static func start(_ name: String, _ arguments: [String], log: String) throws -> Program {
    guard let path = path(name) else { throw BenchmarkError("there is no \(name) on the PATH") }
    let launcher = ProcessLauncher(user: .own, environment: ProcessInfo.processInfo.environment)
    let program = Program(name: name, identity: try launcher.launch(path, arguments, log: log))
    running.withLock { $0.append(program.identity) }
    return program
  }

  /// Waits for its end. It looks again and again: a wait would hold one of the few threads that tasks have.
  /// - Throws: when it fails.
  package func finish() async throws {
    var status: Int32?
    while status == nil {
      try await Task.sleep(for: .milliseconds(5))
      status = identity.reap()
    }
    Self.running.withLock { $0.removeAll { $0 == identity } }
    guard status == 0 else { throw BenchmarkError("\(name) fails") }
  }

  /// Ends it at once; nothing that these programs keep is needed afterwards.
  package func end() {
    Self.running.withLock { running in
      guard let index = running.firstIndex(of: identity) else { return }
      running.remove(at: index)
      identity.send(signal: SIGKILL)
      _ = identity.wait()
    }
  }

  package static func endAll() {
    running.withLock { running in
      for identity in running { identity.send(signal: SIGKILL) }
      for identity in running { _ = identity.wait() }
      running = []
    }
  }
}
