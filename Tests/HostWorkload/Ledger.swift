import Histories
import Keyval
import Synchronization

/// What all clients have asked and were told.
final class Ledger: Sendable {
  private struct State {
    var history = History()
    var written: [String] = []
    var progress: Progress
  }

  private let state: Mutex<State>
  private let clients: Int
  private let start = ContinuousClock.now

  init(clients: Int) {
    self.clients = clients
    state = Mutex(State(progress: Progress(operations: Array(repeating: 0, count: clients))))
  }

  var progress: Progress { state.withLock { $0.progress } }
  var history: History { state.withLock { $0.history } }
  /// Keys of the growing set whose writes were acknowledged.
  var written: [String] { state.withLock { $0.written } }

  func beginChapter() {
    state.withLock { $0.progress = Progress(operations: Array(repeating: 0, count: clients)) }
  }

  /// Does something with a register and notes what came of it.
  /// - Parameter body: nil: it was not executed and will not be. Throws when nobody knows.
  func note(
    _ client: Int, _ call: Operation.Call, on key: String,
    _ body: () async throws -> Operation.Result
  ) async {
    let bytes = [UInt8](key.utf8)
    let index = state.withLock {
      $0.history.begin(Operation(client: client, call: call, invoked: microseconds), on: bytes)
    }
    let result = await attempt(client, "\(call.text) \(key)", body)
    let end = microseconds
    state.withLock { state in
      switch result {
      case .done(let result): state.history.end(index, on: bytes, result, at: end)
      case .notExecuted: state.history.void(index, on: bytes)
      case .unknown: break
      }
    }
  }

  /// Adds a key to the set, and notes if that was acknowledged.
  func noteAdded(_ client: Int, _ key: String, _ body: () async throws -> Void) async {
    let result = await attempt(client, "add \(key)") {
      try await body()
      return .existed(false)
    }
    if case .done = result { state.withLock { $0.written.append(key) } }
  }

  private enum Outcome {
    case done(Operation.Result)
    case notExecuted
    case unknown
  }

  private func attempt(
    _ client: Int, _ what: String, _ body: () async throws -> Operation.Result
  ) async -> Outcome {
    let began = ContinuousClock.now
    do {
      let result = try await body()
      state.withLock {
        $0.progress.longest = max($0.progress.longest, Int((.now - began) / Duration.milliseconds(1)))
        if client < $0.progress.operations.count { $0.progress.operations[client] += 1 }
      }
      return .done(result)
    } catch {
      let seconds = (ContinuousClock.now - began) / .seconds(1)
      state.withLock { $0.progress.failures.append("\(what) failed after \(seconds) s: \(error)") }
      return Self.leavesOutcomeOpen(error) ? .unknown : .notExecuted
    }
  }

  /// Of a write: it may have been executed, or may yet be.
  private static func leavesOutcomeOpen(_ error: any Error) -> Bool {
    switch error {
    case is CancellationError, KeyvalError.closed, KeyvalError.outcomeUnknown,
      KeyvalError.deadlineExceeded(outcomeUnknown: true, _):
      true
    default: false
    }
  }

  private var microseconds: Int64 { Int64((ContinuousClock.now - start) / .microseconds(1)) }
}
