import Cluster

/// What happened, as the shell tells the drone's core.
public enum DroneEvent: Sendable {
  /// Some time passed; several times a heartbeat.
  case ticked
  /// `wall` is in seconds since 1970, for the validity of certificates.
  case received(ControlMessage, from: Principal, wall: Int64)
  /// The key pair asked for by `makeElectionKey` is there, with its PKCS#10 request.
  case electionKeyMade(Term, certificateRequest: [UInt8])
  /// The commander in this process gave up its office.
  case resigned(Term)
  /// Loaded from the database; served as soon as a lease covers them.
  case opened(PartitionSet, FencingToken)
  /// Not opened after all, or taken away by a fence.
  case lost(PartitionSet, FencingToken)
  /// The database did not open these, for a reason that the commander must know; `lost` follows.
  case refused(PartitionSet, FencingToken, OpenRefusal)
  /// How one data loop's copies and shadows stand.
  case replicated(loop: Int, Replication)
  /// The data loops have stopped serving these, and nothing of them is under way any more.
  case closed(PartitionSet)
  /// A data loop is alive.
  case loopTicked(loop: Int, at: Instant)
  case databaseReached(Bool)
  /// This drone, or a client that it serves, does not reach that one.
  case foundUnreachable(Principal)
  /// The process is asked to end, and hands what it has to the database: nothing new is opened here.
  case ending
  /// What its data loops had is in the database.
  case retired
}

/// What the shell shall do, in this order.
public enum DroneAction: Equatable, Sendable {
  case send(ControlMessage, to: Principal)
  /// These nodes can be dialled here.
  case learn([RegisteredNode])
  /// Store durably before anything that follows is done.
  case store(VotePromise)
  /// Store the list durably before anything that follows is done; then talk with these nodes and the authority
  /// only, and end the sessions of all others.
  case admit(SignedMembership, MembershipList)
  /// This drone was removed: leave the database alone and tell clients of no map any more, for as long as the
  /// process runs. A client that held on to this drone would otherwise go by an old map for ever.
  case withdraw
  case makeElectionKey(Term)
  /// This drone won: run a commander. `membership` is the version of the list that drones and databases are
  /// from, `previous` the newest map it knows.
  case assumeOffice(
    Term, certificate: [UInt8], membership: UInt64, drones: [RegisteredNode], databases: [RegisteredNode],
    previous: SlotMap?)
  /// The office this drone holds has a fresh certificate.
  case renewOffice(Term, certificate: [UInt8])
  /// The office this drone holds is over: a higher term has been seen.
  case leaveOffice(Term)
  /// Forget the election key of this term: it was not elected.
  case dropElectionKey(Term)
  /// Show this grant to the database and load.
  case open(GrantAnswer)
  /// Stop serving; report `closed` when nothing is under way.
  case close(PartitionSet)
  /// Copies of these, up to these tokens, are of no use any more.
  case forget([Holding])
  /// Serve these until then, unless renewed.
  case serve(PartitionSet, until: Instant)
  case install(SignedSlotMap, SlotMap)
  /// Clients' rights are these from now on.
  case installAccessList(AccessList, term: Term, version: UInt64)
  /// Whether what the list does not permit is refused from now on, or left to others to decide.
  case setDenials(Bool)
  case note(DroneNote)
}

/// What a data loop has of others' partitions, and how its own are shadowed.
public struct Replication: Hashable, Sendable {
  /// Whole copies, by the token of their records, in order.
  public var copies: [Holding]
  /// Of them those that an earlier life had, and of which there is only what the database may lack.
  public var journaled: PartitionSet
  /// Of its own partitions those whose every shadow in the map is in sync.
  public var shadowed: PartitionSet
  /// Milliseconds since the oldest write that the database does not have.
  public var behind: Int64
  /// Bytes of such writes.
  public var backlog: Int
  /// Of the whole drone, as this loop knows it.
  public var memory: MemoryUse
  /// What earlier lives of the drone had, and nobody knows any more.
  public var losses: [JournalLoss]

  public init(
    copies: [Holding] = [], journaled: PartitionSet = [], shadowed: PartitionSet = [], behind: Int64 = 0,
    backlog: Int = 0, memory: MemoryUse = MemoryUse(), losses: [JournalLoss] = []
  ) {
    self.copies = copies
    self.journaled = journaled
    self.shadowed = shadowed
    self.behind = behind
    self.backlog = backlog
    self.memory = memory
    self.losses = losses
  }
}

/// Something for the log.
public enum DroneNote: Equatable, Sendable {
  case commanderHeard(Principal, Term)
  case commanderSilent(Principal, Term)
  case candidate(Term)
  case candidacyFailed(Term, reason: String)
  case voted(Term, for: Principal)
  case disbelieved(Principal, reason: String)
  /// A newer membership list.
  case membershipChanged(version: UInt64, members: Int)
  /// This drone is on the list no more: it has given up what it served.
  case removed(version: UInt64)
  /// It is on the list again, and takes part once it is started again.
  case readmitted(version: UInt64)
  /// What clients put is refused from now on.
  case memoryFull(MemoryUse)
  /// It is taken again.
  case memoryFree(MemoryUse)
}
