import Cluster

/// Drones that have promised a term above the office's. They follow no commander of a lower one, and only another
/// election makes the cluster whole again. A drone says so to the authority, since its bare word to the commander could
/// end any office; and since the authority cannot know either whether it is so, it is believed after a while only, and
/// the next time after a longer one: who cries wolf costs the cluster ever less.
struct PromiseWatch {
  private struct Drone {
    /// Since when it has been outside without a break.
    var since: Instant?
    /// How many elections there were for its sake, and when there may be the next.
    var elections = 0
    var next = Instant(milliseconds: .min)
  }

  private var drones: [Principal: Drone] = [:]

  /// The highest promise for whose sake there was an election: the next office is above it, or that drone would stay
  /// outside. A number far above all terms that there were is wrong, and is not followed.
  private(set) var floor = Term.none
  private static let longestStep: UInt64 = 1 << 15

  /// Milliseconds between the first two elections for one drone's sake; each pause is twice as long as the one before.
  static let pause: Int64 = 10_000
  /// The longest pause, and how long a drone must have been quiet for all to be forgotten.
  static let longestPause: Int64 = 3_600_000

  /// It follows the office, or may.
  mutating func follows(_ drone: Principal) { drones[drone]?.since = nil }

  mutating func raiseFloor(to promised: Term, above office: Term) {
    guard promised > office, promised.number - office.number <= Self.longestStep else { return }
    floor = max(floor, promised)
  }

  /// Whether there is to be an election for its sake now.
  mutating func isOutside(_ drone: Principal, _ now: Instant, _ timing: Timing) -> Bool {
    var state = drones[drone] ?? Drone()
    defer { drones[drone] = state }
    let since = state.since ?? now
    state.since = since
    guard now - since > timing.resignation, now >= state.next else { return false }
    if state.elections > 0, now - state.next > Self.longestPause { state.elections = 0 }
    state.next = now + min(Self.longestPause, Self.pause << Int64(min(state.elections, 10)))
    state.elections += 1
    state.since = nil
    return true
  }
}

extension AuthorityCore {
  /// What a drone says of its promise.
  mutating func heed(_ promised: Term, of drone: Principal, now: Instant) -> [AuthorityAction] {
    guard drone.role == .drone, nodes[drone] != nil else { return [] }
    guard let winner = office.winner, office.certificate != nil, promised > office.term else {
      promises.follows(drone)
      return []
    }
    // Without a commander an election is under way anyway.
    guard case .none = contest, commanderHeard.map({ now - $0 <= timing.suspicion }) ?? false,
      promises.isOutside(drone, now, timing)
    else { return [] }
    promises.raiseFloor(to: promised, above: office.term)
    let reason = "\(drone) has promised a higher term and follows no office of this one"
    return [
      .note(.promised(drone, promised)),
      .send(.refused(Refused(reason: reason, term: office.term.next)), to: winner.principal),
    ]
  }
}
