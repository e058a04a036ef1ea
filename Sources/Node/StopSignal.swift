import ServiceLifecycle
import Synchronization

/// Waits for graceful shutdown, or for something that makes going on impossible.
final class StopSignal: Sendable {
  private let stored = Mutex<NodeError?>(nil)
  private let stream: AsyncStream<Void>
  private let continuation: AsyncStream<Void>.Continuation

  init() { (stream, continuation) = AsyncStream.makeStream(of: Void.self) }

  /// Why the node cannot go on; nil after an orderly end.
  var error: NodeError? { stored.withLock { $0 } }

  /// Ends the wait with an error.
  func fail(_ error: NodeError) {
    stored.withLock { $0 = $0 ?? error }
    continuation.finish()
  }

  func wait() async {
    await withGracefulShutdownHandler {
      for await _ in stream {}
    } onGracefulShutdown: {
      self.continuation.finish()
    }
  }
}
