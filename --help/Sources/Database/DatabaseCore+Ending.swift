import Cluster

/// A database ends after its drones. What they have acknowledged may be in their memories alone, and they may be about
/// to end too, some milliseconds later: so it tells them, and goes on serving until they have handed over what they had.
extension DatabaseCore {
  struct Ending {
    let since: Instant
    /// A drone has had a session since: it may be about to end as well, and to have more to hand over.
    var hasSeenDrones = false
    var isOver = false
  }

  enum Readiness {
    case silent
    /// Nothing of before is owed.
    case farewell
    /// It is about to end itself, and says when it is done by closing its session. Nothing revokes this.
    case staying
  }

  /// The drones that a database that is to end still waits for, in order.
  public var awaitedDrones: [Principal] {
    let awaited = sessions.values.compactMap { session -> Principal? in
      guard session.readiness != .farewell, case .drone(let holder) = session.peer else { return nil }
      return holder
    }
    return Set(awaited).sorted()
  }

  /// Where there are drones, it waits for so long at least: one whose signal comes a little later finds it still there.
  private var shortestWait: Int64 { timing.heartbeat * 4 }

  mutating func beginEnding(_ now: Instant) {
    guard ending == nil else { return }
    ending = Ending(since: now)
    jobs.isEnding = true
    for session in sessions.keys.sorted() { tellOfEnding(session) }
  }

  mutating func tellOfEnding(_ session: UInt64) {
    guard case .drone = sessions[session]?.peer else { return }
    ending?.hasSeenDrones = true
    actions.append(.answer(.ending, session: session))
  }

  mutating func endIfDone(_ now: Instant) {
    guard let ending, !ending.isOver else { return }
    let awaited = awaitedDrones
    let waited = now - ending.since
    let isDone = awaited.isEmpty && (!ending.hasSeenDrones || waited >= shortestWait)
    guard isDone || waited >= patience else { return }
    self.ending?.isOver = true
    // What is not told is not missed when an older copy comes back.
    report()
    actions.append(.end(without: awaited))
  }
}
