import Cluster

/// When time has work for this core. An idle drone is not to wake to find that nothing is due.
extension DroneCore {
  /// The next moment at which `ticked` may do something. What comes before then may make it sooner.
  public var nextTick: Instant {
    guard let lastTick, let lastRegister else { return began }
    let step = lastTick + timing.step
    var next = lastRegister + timing.heartbeat * 4
    if let commander, !commander.isSilent { next = min(next, commander.lastHeard + timing.suspicion + 1) }
    if access.mayDeny, let end = access.isInForceUntil { next = min(next, end) }
    guard case .idle = candidacy.stage else { return min(next, step) }
    if office == nil, commander?.isSilent ?? true { next = min(next, max(step, candidacy.waitUntil)) }
    if wantsGrants { next = min(next, max(step, lastGrantRequest.map { $0 + timing.heartbeat * 2 } ?? step)) }
    return next
  }
}
