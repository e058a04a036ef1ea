import Cluster

/// When time has work for this core.
extension DatabaseCore {
  /// The next moment at which `ticked` may do something. What comes before then may make it sooner.
  public var nextTick: Instant {
    guard let lastTick else { return Instant(milliseconds: .min) }
    let heartbeat = lastTick + timing.heartbeat
    return isQuiet ? max(heartbeat, nextRegistration) : heartbeat
  }

  /// Whether an append of nothing would be stored at once: it need not travel to the store.
  var isIdle: Bool { jobs.isIdle && health.isWell && ending == nil }

  private var isQuiet: Bool {
    isAccepted && health.isWell && ending == nil && proved == nil && mark == told && jobs.isQuiet
  }
}
