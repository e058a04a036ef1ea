import Cluster
import Drone
import Journal
import Logging
import NIOCore
import Transport
import Wire

/// One event loop's share of a drone: its partitions, the clients connected to it, and its session with the
/// database. Everything happens on that loop. A request for a partition of another loop travels there with
/// all others of its read cycle, in one hop each way.
final class DataLoop {
  let index: Int
  let eventLoop: any EventLoop
  let logger: Logger
  /// Tells the drone's control side what happened.
  let report: @Sendable (DroneEvent) -> Void
  /// Asks the control side for the cluster's state; nil when this drone is not the commander.
  let askStatus: @Sendable (@escaping @Sendable (ClusterStatus?) -> Void) -> Void
  /// Gives the commander an operator's order; nil when this drone is not the commander.
  let administer:
    @Sendable (AdministratorOrder, String, Caller, @escaping @Sendable (AdministratorReply?) -> Void) -> Void
  let audit: AuditLog

  var core: DataCore
  private(set) var map: SignedSlotMap?
  private(set) var access = InstalledAccessList()
  private(set) var others: [DataLoopReference] = []
  private var clients: [UInt64: ClientSession] = [:]
  private var link: DatabaseLink?
  private var shadows: [Principal: ShadowLink] = [:]
  private var makeShadow: ((Principal) -> ShadowLink)?
  /// What operators want of the sessions of all loops.
  private(set) var sessionOrders: SessionOrders?
  /// The sessions in which this drone is the shadow.
  private var owners: [ObjectIdentifier: ReplicationSession] = [:]
  private var members: MembershipList?
  private let principal: Principal
  private let timing: Timing
  private var answers = CBORWriter()
  private var watch = TickWatch()
  let budget: SharedBudget
  let journal: JournalSync
  private let memory: DroneMemory
  /// What the drone knows that this loop holds.
  private var sharedMemory = 0
  /// What waits for the database will be sent by a timer that runs.
  private var isPumpDue = false

  init(
    index: Int, eventLoop: any EventLoop, identity: DroneCore.Identity, timing: Timing,
    level: AcknowledgementLevel, bounds: DataBounds, memory: DroneMemory, budget: SharedBudget,
    journal: JournalSync, stands: [JournalStand], logger: Logger, audit: AuditLog,
    report: @escaping @Sendable (DroneEvent) -> Void,
    askStatus: @escaping @Sendable (@escaping @Sendable (ClusterStatus?) -> Void) -> Void,
    administer:
      @escaping @Sendable (
        AdministratorOrder, String, Caller, @escaping @Sendable (AdministratorReply?) -> Void
      ) -> Void
  ) {
    self.index = index
    self.eventLoop = eventLoop
    self.logger = logger
    self.report = report
    self.askStatus = askStatus
    self.administer = administer
    self.audit = audit
    self.memory = memory
    self.budget = budget
    principal = identity.principal
    self.timing = timing
    core = DataCore(
      incarnation: identity.incarnation, level: level, bounds: bounds, journal: journal.journal,
      stands: stands)
    self.journal = journal
  }

  func connect(
    loops: [DataLoopReference], link: DatabaseLink, sessionOrders: SessionOrders,
    makeShadow: @escaping (Principal) -> ShadowLink
  ) {
    self.sessionOrders = sessionOrders
    others = loops
    self.link = link
    self.makeShadow = makeShadow
  }

  /// Takes no write any more and hands everything to the database; answers whether it has it.
  func retire() -> Bool {
    link?.retire()
    return core.isRetired
  }

  func stop() {
    link?.stop()
    for peer in shadows.keys.sorted() { shadows[peer]?.handle(.stopped) }
  }

  var database: DatabaseLink? { link }

  /// The position of the loop that runs a partition.
  func loop(of partition: Partition) -> Int { partition.index % max(1, others.count) }

  private func mine(_ partitions: PartitionSet) -> PartitionSet {
    PartitionSet(partitions.filter { loop(of: $0) == index })
  }

  // MARK: Clients

  func add(_ client: ClientSession) { clients[client.id] = client }
  func remove(_ client: ClientSession) { clients[client.id] = nil }

  /// Executes requests that came to another loop, and sends the answers back in one piece.
  func execute(_ batch: ForwardedBatch) {
    answers.removeAll()
    core.beginBatch()
    let now = NodeClock.now()
    let held = HeldBytes.shared
    let room = held.isFull ? -1 : held.isTight ? ClientSession.tightGathered : ClientSession.maximumGathered
    batch.requests.withUnsafeBytes { bytes in
      var reader = CBORReader(bytes)
      // They were decoded once already on the loop that they came to: an error here is a bug, not a peer's.
      while !reader.isAtEnd, let request = try? DataRequest(from: &reader), let number = request.number,
        let partition = request.partition
      {
        // Too much, or permitted by a list that has been replaced: nothing is executed, the client asks again.
        guard answers.count <= room, access.accepts(edition: batch.access.edition)
        else {
          DataAnswer.unavailable(number: number, .busy).encode(into: &answers)
          continue
        }
        let origin = Origin(
          loop: batch.loop, connection: batch.connection, number: number,
          mayRead: batch.access.mayRead(keyOf: request))
        core.execute(
          request, in: partition, client: batch.client, origin: origin,
          quota: batch.access.quota(on: request), now: now, answers: &answers)
      }
    }
    let (bytes, end) = (answers.bytes, core.batchLeaseEnd)
    // Also when there is nothing to say yet: the client's loop counts what is under way.
    // Nobody but the session counts these bytes, and it does not have them yet.
    held.moves(bytes.count)
    others[batch.loop].execute {
      $0.clients[batch.connection]?.returned(bytes, leaseEnd: end)
      held.moves(-bytes.count)
    }
    pump()
  }

  /// Hands answers to a client of any loop.
  private func deliver(_ bytes: [UInt8], to connection: UInt64, on loop: Int, leaseEnd: Instant) {
    guard !bytes.isEmpty else { return }
    if loop == index {
      clients[connection]?.answer(bytes, leaseEnd: leaseEnd)
    } else if others.indices.contains(loop) {
      others[loop].execute { $0.clients[connection]?.answer(bytes, leaseEnd: leaseEnd) }
    }
  }

  /// Answers writes that the database has, and requests whose partition went away: one flush a connection.
  func complete(_ completions: [DataCore.Completion]) {
    guard !completions.isEmpty else { return }
    journal.say { [unowned self] in answer(completions) }
  }

  private func answer(_ completions: [DataCore.Completion]) {
    var gathered: [Origin: (answers: CBORWriter, leaseEnd: Instant)] = [:]
    var order: [Origin] = []
    for completion in completions {
      let target = Origin(loop: completion.origin.loop, connection: completion.origin.connection, number: 0)
      if gathered[target] == nil { order.append(target) }
      var piece = gathered.removeValue(forKey: target) ?? (CBORWriter(), Instant(milliseconds: .max))
      completion.encode(into: &piece.answers)
      piece.leaseEnd = min(piece.leaseEnd, completion.leaseEnd)
      gathered[target] = piece
    }
    for target in order {
      guard let piece = gathered[target] else { continue }
      deliver(
        piece.answers.bytes, to: target.connection, on: target.loop, leaseEnd: piece.leaseEnd)
    }
  }

  // MARK: Writes

  /// How often what waits for the database without anybody waiting for it is sent, in milliseconds.
  static let writeBehind: Int64 = 50

  /// Sends what waits for the shadows, and for the database what somebody waits for.
  func pump() {
    for peer in shadows.keys.sorted() { shadows[peer]?.handle(.pumped) }
    link?.pump()
    pumpLater()
    shareMemory()
  }

  /// What nobody waits for is sent a moment later, with what has come until then. An idle loop has no timer for it.
  func pumpLater() {
    guard core.hasWaiting, !isPumpDue else { return }
    isPumpDue = true
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    eventLoop.scheduleTask(in: .milliseconds(Self.writeBehind)) {
      bound.value.isPumpDue = false
      bound.value.link?.pumpBehind()
      bound.value.pumpLater()
    }
  }

  func shareMemory() {
    let held = core.memory
    core.setMemory(elsewhere: memory.share(held, before: sharedMemory))
    sharedMemory = held
  }

  /// A heartbeat has passed.
  func tick() {
    let now = NodeClock.now()
    watch.ticked(now, timing, "data \(index)", logger)
    if index == 0 { memory.look() }
    journal.tick(now)
    complete(core.tickStreams(now, timing: timing))
    adjustShadows()
    pump()
    report(.replicated(loop: index, core.replication(now)))
    report(.loopTicked(loop: index))
  }

  /// A session for each drone that shadows something of this loop's.
  func adjustShadows() {
    let wanted = core.shadowPeers.filter { members?.contains($0.principal) ?? true }
    for node in wanted where shadows[node.principal] == nil {
      shadows[node.principal] = makeShadow?(node.principal)
    }
    for peer in shadows.keys.sorted() {
      shadows[peer]?.handle(.located(wanted.first { $0.principal == peer }))
    }
  }

  func add(_ owner: ReplicationSession) { owners[ObjectIdentifier(owner)] = owner }
  func remove(_ owner: ReplicationSession) { owners[ObjectIdentifier(owner)] = nil }

  // MARK: What the control side says

  /// Ends the sessions with drones that are on the list no more, on either side.
  func admit(_ list: MembershipList) {
    members = list
    for session in owners.values where !list.contains(session.owner) { session.close() }
    adjustShadows()
  }

  func open(_ answer: GrantAnswer) {
    let partitions = mine(answer.partitions)
    if !partitions.isEmpty { link?.open(answer, partitions: partitions) }
  }

  func forget(_ copies: [Holding]) { core.forget(copies) }

  func close(_ partitions: PartitionSet) {
    complete(core.close(mine(partitions)))
  }

  func serve(_ partitions: PartitionSet, until end: Instant) { core.serve(mine(partitions), until: end) }

  /// Open sessions go by it from their next read cycle on.
  func install(_ list: AccessList) {
    access.install(list)
    core.install(list, edition: access.edition)
  }

  func setDenials(_ mayDeny: Bool) { access.mayDeny = mayDeny }

  func install(_ signed: SignedSlotMap, _ newer: SlotMap) {
    map = signed
    core.install(newer, mine: mine(.all), principal: principal)
    adjustShadows()
    pump()
  }

  /// Serves nobody any more: clients are told of no map, so that they ask other drones.
  func withdraw() {
    map = nil
    link?.stop()
    // Also what was still being opened: nobody asks for it any more, and nobody would take it.
    complete(core.close(mine(.all)))
  }
}

/// Requests on their way from the loop of their connection to the loop of their partitions.
struct ForwardedBatch: Sendable {
  let requests: [UInt8]
  let client: ClientIncarnation?
  /// By which they were let through.
  let access: ClientAccess
  let loop: Int
  let connection: UInt64
}

/// A data loop that may be named from any thread; what it does, it does on its event loop.
struct DataLoopReference: Sendable {
  private let bound: NIOLoopBound<DataLoop>
  let eventLoop: any EventLoop

  /// Must be made on the loop itself.
  init(_ loop: DataLoop) {
    bound = NIOLoopBound(loop, eventLoop: loop.eventLoop)
    eventLoop = loop.eventLoop
  }

  func execute(_ body: @escaping @Sendable (DataLoop) -> Void) {
    eventLoop.execute { [bound] in body(bound.value) }
  }

  /// On the loop already.
  var here: DataLoop { bound.value }
}
