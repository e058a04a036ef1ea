import ServiceLifecycle
import Synchronization

/// Waits for graceful shutdown, or for something that makes going on impossible.
final class StopSignal: Sendable {
  private let stored = Mutex<NodeError?>(nil)
  private let stopping = Mutex(false)
  private let stream: AsyncStream<Void>
  private let continuation: AsyncStream<Void>.Continuation

  init() {
    (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
  }

  /// Why the node cannot go on; nil after an orderly end.
  var error: NodeError? { stored.withLock { $0 } }

  /// Whether the wait has ended for good.
  var isStopping: Bool { stopping.withLock { $0 } }

  /// Ends the wait with an error.
  func fail(_ error: NodeError) {
    stored.withLock { $0 = $0 ?? error }
    finish()
  }

  private func finish() {
    stopping.withLock { $0 = true }
    continuation.finish()
  }

  func wait() async {
    while !isStopping { await waitOrWake() }
  }

  /// Something has changed that whoever waits wants to look at.
  func wake() { continuation.yield() }

  /// Returns at the end, and earlier when it was woken.
  func waitOrWake() async {
    await withGracefulShutdownHandler {
      for await _ in stream { return }
      // Ended by the task's being cancelled, which nothing undoes.
      finish()
    } onGracefulShutdown: {
      self.finish()
    }
  }
}
