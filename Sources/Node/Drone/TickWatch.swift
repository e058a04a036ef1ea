import Cluster
import Logging

/// Notices that an event loop was held up for longer than others wait for a sign of life: by too much work at once,
/// or because the machine was busy with something else. Without this line others only say that the drone was silent.
struct TickWatch {
  private var last: Instant?

  /// To be told of every tick. Milliseconds since the one before, when that is longer than the suspicion interval.
  mutating func ticked(_ now: Instant, _ timing: Timing) -> Int64? {
    defer { last = now }
    guard let last, now - last > timing.suspicion else { return nil }
    return now - last
  }

  mutating func ticked(_ now: Instant, _ timing: Timing, _ loop: String, _ logger: Logger) {
    if let pause = ticked(now, timing) { Self.warn(pause, loop, logger) }
  }

  static func warn(_ pause: Int64, _ loop: String, _ logger: Logger) {
    logger.warning("event loop was held up", metadata: ["loop": "\(loop)", "milliseconds": "\(pause)"])
  }
}
