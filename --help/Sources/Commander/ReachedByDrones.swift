import Cluster

/// For how long a majority of the drones have reached a database since one answered the commander.
struct ReachedByDrones {
  private(set) var milliseconds: Int64 = 0
  private var last: Instant?
  /// When a majority reached it last.
  private var lastReached: Instant?

  mutating func count(_ isReached: Bool, _ now: Instant, _ timing: Timing) {
    // A commander that did not run for a while has not seen what was then.
    let passed = last.map { min(now - $0, timing.suspicion) } ?? 0
    last = now
    if isReached {
      milliseconds += passed
      lastReached = now
    } else if let lastReached, now - lastReached > timing.resignation {
      // By now it is away for everybody.
      self = ReachedByDrones()
    }
  }
}
