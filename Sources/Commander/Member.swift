import Cluster

/// A registered drone as the commander sees it.
struct Member {
  let principal: Principal
  var endpoint: Endpoint
  /// Nil until it reported to this commander.
  var incarnation: Incarnation?
  var lastNonce: UInt64 = 0
  /// When the newest heartbeat that it answered was *sent*.
  var lastAnswered: Instant?
  var reported = PartitionSet()
  var mapTerm = Term.none
  var mapVersion: UInt64 = 0
  var reachesDatabase = false
  /// When it last said that it reaches a database, or else first reported.
  var reachedDatabase: Instant?
  /// Partitions whose data loop it saw alive.
  var lively = PartitionSet.all
  var isSilent = false
  /// Since when it refuses this commander, having promised a higher term; nil while it answers.
  var refusesSince: Instant?

  init(_ node: RegisteredNode) {
    principal = node.principal
    endpoint = node.endpoint
  }

  func isAlive(_ now: Instant, _ timing: Timing) -> Bool {
    guard let lastAnswered else { return false }
    return now - lastAnswered <= timing.suspicion
  }

  /// Whether it can load partitions, by its own word. It is presumed to for a while after it started, or lost
  /// its database.
  func isFit(_ now: Instant, _ timing: Timing) -> Bool {
    guard isAlive(now, timing) else { return false }
    return reachesDatabase || reachedDatabase.map { now - $0 <= timing.resignation } ?? true
  }
}

/// A drone in one life of it: who may hold a partition.
struct Holder: Hashable {
  let principal: Principal
  let incarnation: Incarnation
}

/// What the commander knows of one partition.
struct PartitionRecord {
  enum State: Equatable {
    /// Nobody has reported it yet; whoever had it under an earlier commander may still hold a lease.
    case unaccounted
    case free
    /// In the map as this drone's, which has not asked for its grant yet.
    case assigned(Principal)
    /// A grant was minted; the drone is loading.
    case granted(Holder)
    /// Reported as loaded.
    case serving(Holder)
    /// The holder was asked to release it, for another drone.
    case moving(Holder, to: Principal)
  }

  var state = State.unaccounted
  /// The highest token known for it.
  var token = FencingToken.none
  /// The first token that its holder was granted since it became the holder. A request that is repeated is
  /// answered with another token, and the drone opens the partition under whichever comes first.
  var firstToken = FencingToken.none
  /// Until then, by this commander's clock, its last holder may be serving it.
  var leasedUntil: Instant
  /// Where the map of the previous commander had it.
  var formerOwner: Principal?

  /// Whom the map names.
  var owner: Principal? {
    switch state {
    case .unaccounted: formerOwner
    case .free: nil
    case .assigned(let principal): principal
    case .granted(let holder), .serving(let holder), .moving(let holder, _): holder.principal
    }
  }

  var holder: Holder? {
    switch state {
    case .granted(let holder), .serving(let holder), .moving(let holder, _): holder
    case .unaccounted, .free, .assigned: nil
    }
  }
}
