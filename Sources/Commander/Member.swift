import Cluster

/// A registered drone as the commander sees it.
struct Member {
  let principal: Principal
  var endpoint: Endpoint
  /// Nil until it reported to this commander.
  var incarnation: Incarnation?
  var lastNonce: UInt64 = 0
  /// It has the access list that is in force.
  var mayBeRenewed = false
  /// When the newest heartbeat that it answered was *sent*.
  var lastAnswered: Instant?
  var holdings: [Holding] = []
  var reported: PartitionSet { holdings.reduce(into: PartitionSet()) { $0.formUnion($1.partitions) } }
  /// When it was last said that its report is not so.
  var contradictedAt: Instant?
  var mapTerm = Term.none
  var mapVersion: UInt64 = 0
  var reachesDatabase = false
  /// When it last said that it reaches a database, first reported, or others began to reach one again.
  var reachedDatabase: Instant?
  /// Partitions whose data loop it saw alive.
  var lively = PartitionSet.all
  var isSilent = false
  /// When it was asked for a sign of life last because somebody did not reach it.
  var lookedAt: Instant?
  /// When it was noticed to be silent last.
  var silentSince: Instant?
  /// When it was last said that it refuses this commander, having promised a higher term by its word.
  var refusedAt: Instant?
  /// Whole copies that it reported, by the token of their records.
  var copies: [Holding] = []
  /// Of these copies those that are in its journal only: it has to load what they follow.
  var journaled = PartitionSet()
  /// What earlier lives of it had, and nobody knows any more, by its own word.
  var losses: [JournalLoss] = []
  /// Of its own partitions those whose every shadow in its map is in sync.
  var shadowed = PartitionSet()
  /// Milliseconds since the oldest of its writes that the database does not have.
  var behind: UInt64 = 0
  /// Bytes of such writes.
  var backlog: UInt64 = 0
  var memory = MemoryUse()
  /// Until then it is given nothing to load: it had no room for what it was given last.
  var noRoomUntil: Instant?
  /// By its own word it has been asked to end, and takes nothing.
  var isEnding = false
  /// The life of it that an operator has emptied.
  var draining: Incarnation?
  /// Whether it is to be given anything, and to shadow.
  var isStaying: Bool { !isDraining && !isEnding }
  var isDraining: Bool { draining != nil && (incarnation == nil || incarnation == draining) }

  init(_ node: RegisteredNode) {
    principal = node.principal
    endpoint = node.endpoint
  }

  func isAlive(_ now: Instant, _ timing: Timing) -> Bool {
    !isSilent && hasAnswered(now, timing)
  }

  /// It has followed this commander within the suspicion interval, whatever has happened to it since.
  func hasAnswered(_ now: Instant, _ timing: Timing) -> Bool {
    guard let lastAnswered else { return false }
    return now - lastAnswered <= timing.suspicion
  }

  /// It was looked at, and has not answered.
  func isMissed(_ now: Instant, _ timing: Timing) -> Bool {
    guard let lookedAt, let lastAnswered, lastAnswered < lookedAt else { return false }
    return now - lookedAt > timing.heartbeat
  }

  /// The token of its copy of a partition; nil when it has none.
  func copy(of partition: Partition) -> FencingToken? {
    copies.last { $0.partitions.contains(partition) }?.token
  }

  /// Whether it can load partitions, by its own word. It is presumed to for a while after it started, or lost
  /// its database.
  func isFit(_ now: Instant, _ timing: Timing) -> Bool {
    guard isAlive(now, timing) else { return false }
    return reachesDatabase || reachedDatabase.map { now - $0 <= timing.resignation } ?? true
  }
}

/// What the commander knows of one partition.
struct PartitionRecord {
  enum State: Equatable {
    /// Nobody has reported it yet; whoever had it under an earlier commander may still hold a lease.
    case unaccounted
    case free
    /// In the map as this drone's, which has not asked for its grant yet.
    case assigned(Principal, Grant.Mode)
    /// A grant was minted; the drone is loading, or making its copy the truth.
    case granted(Holder, Grant.Mode)
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
  /// Whom it was granted last in this term.
  var lastGranted: Holder?
  /// What the database had stored when this term began.
  var stored: (token: FencingToken, holder: Holder)?
  /// Drones that may have a copy: whoever the database listed, and whoever this commander or the last has made an owner
  /// or a shadow. Of others a claim to have one is not believed.
  var copyHolders: Set<Principal> = []
  /// Those of whom the database named a life when it was asked last, as the holder or on its list.
  var storedHolders: Set<Principal> = []
  /// The lives that it named then.
  var storedLives: [Holder] = []
  /// Until then, by this commander's clock, its last holder may be serving it.
  var leasedUntil: Instant
  /// Where the map of the previous commander had it.
  var formerOwner: Principal?
  /// Who is to shadow it, in order of preference.
  var shadows: [Principal] = []
  /// Where it is going: that drone is made a shadow first.
  var move: Move?
  /// The database says that acknowledged writes may be in memories that nobody has reported: it is not loaded until
  /// one turns up, or an operator accepts the loss.
  var awaitsCopy = false
  /// Its last holder ended in order, with everything in the database and nobody on the list there: no copy is needed.
  var wasGivenBack = false
  /// While it awaits one: when to ask the database again. Somebody may have stored all that he had, and died before
  /// he served it.
  var nextLoad = Instant(milliseconds: .min)
  var isLossAccepted = false
  /// The token under which its holder serves it: one of those that it was granted.
  var servingToken = FencingToken.none
  /// Drones whose copy the database did not let be promoted, whatever they say of it since.
  var refusedCopies: Set<Principal> = []

  struct Move: Equatable {
    let to: Principal
    /// The first version of the map that names the target as a shadow.
    let version: UInt64
  }

  /// Whom the map names.
  var owner: Principal? {
    switch state {
    case .unaccounted: formerOwner
    case .free: nil
    case .assigned(let principal, _): principal
    case .granted(let holder, _), .serving(let holder), .moving(let holder, _): holder.principal
    }
  }

  var holder: Holder? {
    switch state {
    case .granted(let holder, _), .serving(let holder), .moving(let holder, _): holder
    case .unaccounted, .free, .assigned: nil
    }
  }
}
