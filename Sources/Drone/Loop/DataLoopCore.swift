import Cluster
import Journal
import Wire

/// What one data loop of a drone decides: its partitions (`DataCore`), its sessions with the database and with the
/// shadows of its partitions, and what it hands to the drone's other loops and its control side. A drone's process and
/// the simulator run this same core. No I/O and no clock.
public struct DataLoopCore {
  public enum Event: Sendable {
    /// A heartbeat has passed.
    case ticked
    /// The write-behind that `startWriteBehind` asked for.
    case writeBehindDue
    /// Something has come, or changed, on the session with the database.
    case database(DatabaseLinkCore.Event)
    /// The same of the session with a shadow.
    case shadow(Principal, ReplicationLinkCore.Event)
    /// Whether the session with the database takes more.
    case databaseWritable(Bool)
    case shadowWritable(Principal, Bool)

    // What the control side says
    /// The database is there.
    case located(RegisteredNode)
    case admitted(MembershipList)
    case granted(GrantAnswer)
    case forgotten([Holding])
    case released(PartitionSet)
    case leased(PartitionSet, until: Instant)
    case accessListInstalled(AccessList)
    case denialsSet(Bool)
    case mapInstalled(SignedSlotMap, SlotMap)
    /// Serve nobody any more: this drone is none of the cluster's.
    case withdrawn
    /// The process is about to end: take no write any more, and hand over everything. May come again.
    case retiring
    case stopped
  }

  public enum Action: Sendable {
    /// Of the session with the database. `complete` and `report` never come here.
    case database(DatabaseLinkCore.Action)
    /// Of the session with a shadow. `complete` and `report` never come here.
    case shadow(Principal, ReplicationLinkCore.Action)
    /// Hand these to their clients, once what they say may be said (`JournalKeeper`).
    case answer([LoopAnswers])
    /// Tell the drone's control side.
    case report(DroneEvent)
    /// Hand over `writeBehindDue` after so many milliseconds.
    case startWriteBehind(after: Int64)
    /// End the sessions of owners that are not `admits`-ted any more.
    case endForeignOwners
  }

  /// How often what waits for the database without anybody waiting for it is sent, in milliseconds.
  static let writeBehind: Int64 = 50

  public let index: Int
  public let placement: LoopPlacement
  public let principal: Principal
  let timing: Timing
  public var data: DataCore
  /// What clients are shown; nil: they ask other drones.
  public private(set) var map: SignedSlotMap?
  public private(set) var access = InstalledAccessList()
  private var members: MembershipList?
  public private(set) var database: DatabaseLinkCore
  private var canSendToDatabase = false
  /// In the order of their principals.
  private var shadows: [Shadow] = []
  private var isWriteBehindDue = false
  /// Somebody has executed a request here and was told to call `endBatch`.
  private var isTurnDue = false
  /// What the control side was told last.
  private var told: Replication?
  /// What the drone knows that this loop holds.
  private var sharedMemory = 0
  private var actions: [Action] = []

  private struct Shadow {
    var link: ReplicationLinkCore
    var canSend = false
  }

  /// - Parameters:
  ///   - index: of this loop among those of `placement`.
  ///   - data: with what earlier lives have left of its partitions.
  public init(
    index: Int, placement: LoopPlacement, principal: Principal, timing: Timing, data: DataCore
  ) {
    self.index = index
    self.placement = placement
    self.principal = principal
    self.timing = timing
    self.data = data
    database = DatabaseLinkCore(timing: timing)
  }

  public mutating func handle(_ event: Event, now: Instant) -> [Action] {
    switch event {
    case .ticked: tick(now)
    case .writeBehindDue:
      isWriteBehindDue = false
      if data.hasWaiting { tellDatabase(.writeBehindDue, now) }
    case .database(let event): handle(event, now)
    case .shadow(let peer, let event): handle(event, of: peer, now)
    case .databaseWritable(let isWritable):
      canSendToDatabase = isWritable
      if isWritable, data.isUrgent { tellDatabase(.pumped, now) }
    case .shadowWritable(let peer, let isWritable):
      guard let place = place(of: peer) else { break }
      shadows[place].canSend = isWritable
      if isWritable { tellShadow(place, .pumped, now) }
    default: obey(event, now)
    }
    return takeActions()
  }

  private mutating func obey(_ event: Event, _ now: Instant) {
    switch event {
    case .located(let node): tellDatabase(.located(node), now)
    case .admitted(let list):
      members = list
      actions.append(.endForeignOwners)
      adjustShadows(now)
    case .granted(let answer):
      let mine = mine(answer.partitions)
      if !mine.isEmpty { tellDatabase(.granted(answer, mine), now) }
    case .forgotten(let copies): data.forget(copies)
    case .released(let partitions): complete(data.close(mine(partitions)))
    case .leased(let partitions, let end): data.serve(mine(partitions), until: end)
    case .accessListInstalled(let list):
      access.install(list)
      data.install(list, edition: access.edition)
    case .denialsSet(let mayDeny): access.mayDeny = mayDeny
    case .mapInstalled(let signed, let newer):
      map = signed
      data.install(newer, mine: mine(.all), principal: principal)
      adjustShadows(now)
      pump(now)
    case .withdrawn:
      map = nil
      tellDatabase(.stopped, now)
      // Also what was still being opened: nobody asks for it any more, and nobody would take it.
      complete(data.close(mine(.all)))
    case .retiring: tellDatabase(.retiring, now)
    case .stopped:
      tellDatabase(.stopped, now)
      for place in shadows.indices { tellShadow(place, .stopped, now) }
    case .ticked, .writeBehindDue, .database, .shadow, .databaseWritable, .shadowWritable: break
    }
  }

  private mutating func takeActions() -> [Action] {
    isTurnDue = false
    if data.hasWaiting, !isWriteBehindDue {
      // With what has come until then. An idle loop has no timer for it.
      isWriteBehindDue = true
      actions.append(.startWriteBehind(after: Self.writeBehind))
    }
    guard !actions.isEmpty else { return [] }
    defer { actions = [] }
    return actions
  }

  private func mine(_ partitions: PartitionSet) -> PartitionSet {
    placement.partitions(of: index, in: partitions)
  }

  // MARK: Requests

  /// Executes a request on a key, which may have come on a session of another loop.
  /// - Parameter edition: of the access list by which it was let through.
  /// - Returns: until when the answer may leave, and whether `endBatch` is to be called on this loop for it: whoever comes
  ///   before that was is not told so again.
  mutating func execute(
    _ request: borrowing LocatedRequest, client: ClientIncarnation?, edition: UInt64,
    replyTo: ReplyAddress, quota: Quota?, now: Instant, answers: inout CBORWriter
  ) -> (leaseEnd: Instant, needsTurn: Bool) {
    // Not one that was permitted by a list that has been replaced here.
    guard access.accepts(edition: edition) else {
      DataAnswer.unavailable(number: replyTo.number, .busy).encode(into: &answers)
      return (Instant(milliseconds: .max), false)
    }
    data.beginBatch()
    data.execute(
      request, client: client, replyTo: replyTo, quota: quota, now: now, answers: &answers)
    guard !isTurnDue, needsTurn else { return (data.batchLeaseEnd, false) }
    isTurnDue = true
    return (data.batchLeaseEnd, true)
  }

  /// Whether something is to be told for which no event of its own will come: the answer of whom it would be told waits
  /// for nothing.
  private var needsTurn: Bool {
    data.hasWaiting && !isWriteBehindDue || data.isUrgent && !data.isAppending
      || shadows.contains { $0.link.hasRoom }
  }

  /// Some requests have been executed: tells the shadows what waits, and the database what somebody waits for.
  /// - Parameter now: reads the clock, if there is anybody to tell.
  public mutating func endBatch(now: () -> Instant) -> [Action] {
    if !shadows.isEmpty || data.isUrgent { pump(now()) }
    return takeActions()
  }

  private mutating func pump(_ now: Instant) {
    for place in shadows.indices { tellShadow(place, .pumped, now) }
    if data.isUrgent { tellDatabase(.pumped, now) }
  }

  private mutating func complete(_ completions: [DataCore.Completion]) {
    if !completions.isEmpty { actions.append(.answer(LoopAnswers.gather(completions))) }
  }

  private mutating func tick(_ now: Instant) {
    complete(data.tickStreams(now, timing: timing))
    adjustShadows(now)
    for place in shadows.indices { tellShadow(place, .ticked, now) }
    tellDatabase(.ticked, now)
    let replication = data.replication(now)
    // A drone that ends asks for it again: who has it by then is another question.
    if replication != told || data.isRetiring {
      told = replication
      actions.append(.report(.replicated(loop: index, replication)))
    }
    actions.append(.report(.loopTicked(loop: index, at: now)))
  }

  // MARK: Memory

  /// Tells what this loop holds and hears what the rest of the process does; to be called after everything that it does.
  /// - Parameter share: is given what this loop holds now and what it held before; answers what there is besides.
  public mutating func shareMemory(_ share: (_ held: Int, _ before: Int) -> Int) {
    let held = data.memory
    data.setMemory(elsewhere: share(held, sharedMemory))
    sharedMemory = held
  }

  // MARK: The database

  private mutating func handle(_ event: DatabaseLinkCore.Event, _ now: Instant) {
    switch event {
    case .sessionOpened: canSendToDatabase = true
    case .sessionClosed: canSendToDatabase = false
    default: break
    }
    tellDatabase(event, now)
    // What was opened or is stored may let others shadow it.
    if case .readCompleted = event { adjustShadows(now) }
  }

  private mutating func tellDatabase(_ event: DatabaseLinkCore.Event, _ now: Instant) {
    for action in database.handle(event, &data, canSend: canSendToDatabase, now: now) {
      switch action {
      case .complete(let completions): complete(completions)
      case .report(let event): actions.append(.report(event))
      case .close:
        // `sessionClosed` follows; until then nothing more is said.
        canSendToDatabase = false
        actions.append(.database(action))
      case .dial, .send, .redial, .retry, .note: actions.append(.database(action))
      }
    }
  }

  // MARK: Shadows

  /// Whether a drone may have its partitions shadowed here, or shadow some of this one's.
  public func admits(_ drone: Principal) -> Bool { members?.contains(drone) ?? true }

  /// How often it has been dialled in vain, since it was last reached.
  public func failures(of shadow: Principal) -> Int {
    place(of: shadow).map { shadows[$0].link.failures } ?? 0
  }

  private func place(of peer: Principal) -> Int? { shadows.firstIndex { $0.link.peer == peer } }

  /// A session for each drone that shadows something of this loop's.
  private mutating func adjustShadows(_ now: Instant) {
    let wanted = data.shadowPeers.filter { admits($0.principal) }
    for node in wanted where place(of: node.principal) == nil {
      let place = shadows.firstIndex { $0.link.peer > node.principal } ?? shadows.count
      shadows.insert(Shadow(link: ReplicationLinkCore(peer: node.principal)), at: place)
    }
    for place in shadows.indices {
      let peer = shadows[place].link.peer
      tellShadow(place, .located(wanted.first { $0.principal == peer }), now)
    }
  }

  private mutating func handle(_ event: ReplicationLinkCore.Event, of peer: Principal, _ now: Instant) {
    guard let place = place(of: peer) else { return }
    switch event {
    case .sessionOpened: shadows[place].canSend = true
    case .sessionClosed: shadows[place].canSend = false
    default: break
    }
    tellShadow(place, event, now)
    switch event {
    // What was acknowledged, or will not be, may let the database be told of another list.
    case .readCompleted, .sessionClosed: pump(now)
    default: break
    }
  }

  private mutating func tellShadow(_ place: Int, _ event: ReplicationLinkCore.Event, _ now: Instant) {
    let (peer, canSend) = (shadows[place].link.peer, shadows[place].canSend)
    for action in shadows[place].link.handle(event, &data, canSend: canSend, now: now) {
      switch action {
      case .complete(let completions): complete(completions)
      case .report: actions.append(.report(.foundUnreachable(peer)))
      case .close:
        shadows[place].canSend = false
        actions.append(.shadow(peer, action))
      case .dial, .send, .redial: actions.append(.shadow(peer, action))
      }
    }
  }
}
