import Cluster
import Synchronization

/// When each data loop was seen alive last. The loops say so by a store, and the control side reads it when it has
/// something else to do: to be told by a message each time it would have to be woken.
final class LoopPulse: Sendable {
  private let beats: [Beat]

  private final class Beat: Sendable {
    let milliseconds = Atomic<Int64>(.min)
  }

  init(loops: Int) { beats = (0..<loops).map { _ in Beat() } }

  func beat(loop: Int, at now: Instant) {
    guard beats.indices.contains(loop) else { return }
    beats[loop].milliseconds.store(now.milliseconds, ordering: .relaxed)
  }

  /// Nil: not yet.
  func last(of loop: Int) -> Instant? {
    let milliseconds = beats[loop].milliseconds.load(ordering: .relaxed)
    return milliseconds == .min ? nil : Instant(milliseconds: milliseconds)
  }

  var loops: Range<Int> { beats.indices }
}
