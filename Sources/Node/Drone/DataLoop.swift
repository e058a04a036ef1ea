import Cluster
import Drone
import Journal
import Logging
import NIOCore
import Transport
import Wire

/// The shell of one event loop's share of a drone: performs what `DataLoopCore` decides. Everything happens on that loop.
/// A request for a partition of another loop travels there with all others of its read cycle, in one hop each way.
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

  var core: DataLoopCore
  private(set) var others: [DataLoopReference] = []
  private var clients: [UInt64: ClientSession] = [:]
  private var database: DatabaseLink?
  private var shadows: [Principal: ShadowLink] = [:]
  private var makeShadow: ((Principal) -> ShadowLink)?
  /// What operators want of the sessions of all loops.
  private(set) var sessionOrders: SessionOrders?
  /// The sessions in which this drone is the shadow.
  private var owners: [ObjectIdentifier: ReplicationSession] = [:]
  private let timing: Timing
  private var answers = CBORWriter()
  private var watch = TickWatch()
  let budget: SharedBudget
  let journal: JournalSync
  private let memory: DroneMemory
  private let pulse: LoopPulse
  /// What the core has ordered and was not done yet.
  private var ordered: [DataLoopCore.Action] = []
  private var isPerforming = false

  init(
    index: Int, of count: Int, eventLoop: any EventLoop, identity: DroneCore.Identity, timing: Timing,
    level: AcknowledgementLevel, bounds: DataBounds, memory: DroneMemory, budget: SharedBudget,
    journal: JournalSync, stands: [JournalStand], shared: SharedPartitions, pulse: LoopPulse, logger: Logger,
    audit: AuditLog,
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
    self.pulse = pulse
    self.budget = budget
    self.timing = timing
    self.journal = journal
    core = DataLoopCore(
      index: index, placement: LoopPlacement(count: count), principal: identity.principal, timing: timing,
      data: DataCore(
        incarnation: identity.incarnation, level: level, bounds: bounds, journal: journal.journal,
        stands: stands, shared: shared))
  }

  func connect(
    loops: [DataLoopReference], database: DatabaseLink, sessionOrders: SessionOrders,
    makeShadow: @escaping (Principal) -> ShadowLink
  ) {
    self.sessionOrders = sessionOrders
    others = loops
    self.database = database
    self.makeShadow = makeShadow
  }

  // MARK: The core

  func handle(_ event: DataLoopCore.Event) {
    perform(core.handle(event, now: NodeClock.now()))
    shareMemory()
  }

  /// Some requests have been executed.
  func endBatch() {
    perform(core.endBatch(now: NodeClock.now))
    shareMemory()
  }

  private func shareMemory() {
    let memory = memory
    core.shareMemory { memory.share($0, before: $1) }
  }

  /// One after the other, also those that the core orders meanwhile: what is sent stays in its order.
  private func perform(_ actions: [DataLoopCore.Action]) {
    guard !actions.isEmpty else { return }
    ordered += actions
    guard !isPerforming else { return }
    isPerforming = true
    var next = 0
    while next < ordered.count {
      perform(ordered[next])
      next += 1
    }
    ordered.removeAll(keepingCapacity: true)
    isPerforming = false
  }

  private func perform(_ action: DataLoopCore.Action) {
    switch action {
    case .database(let action): database?.perform(action)
    case .shadow(let peer, let action): shadow(peer)?.perform(action)
    case .answer(let answers):
      journal.say { [unowned self] in
        for answer in answers { deliver(answer) }
      }
    case .report(.loopTicked(let loop, let now)): pulse.beat(loop: loop, at: now)
    case .report(let event): report(event)
    case .startWriteBehind(let pause):
      let bound = NIOLoopBound(self, eventLoop: eventLoop)
      eventLoop.scheduleTask(in: .milliseconds(pause)) { bound.value.handle(.writeBehindDue) }
    case .endForeignOwners:
      for session in owners.values where !core.admits(session.owner) { session.close() }
    }
  }

  private func shadow(_ peer: Principal) -> ShadowLink? {
    if let shadow = shadows[peer] { return shadow }
    let shadow = makeShadow?(peer)
    shadows[peer] = shadow
    return shadow
  }

  /// A heartbeat has passed.
  func tick() {
    let now = NodeClock.now()
    watch.ticked(now, timing, "data \(index)", logger)
    if index == 0 { memory.look() }
    journal.tick(now)
    handle(.ticked)
  }

  /// Takes no write any more and hands everything to the database; answers whether it has it.
  func retire() -> Bool {
    handle(.retiring)
    return core.data.isRetired
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
    let room = ForwardedBatch.room(isTight: held.isTight, isFull: held.isFull)
    batch.requests.withUnsafeBytes { bytes in
      var reader = CBORReader(bytes)
      // They were decoded once already on the loop that they came to: an error here is a bug, not a peer's.
      while !reader.isAtEnd, let request = try? DataRequest(from: &reader) {
        let hasRoom = answers.count < room
        core.execute(request, of: batch, hasRoom: hasRoom, now: now, answers: &answers)
      }
    }
    let (bytes, end) = (answers.bytes, core.data.batchLeaseEnd)
    // Also when there is nothing to say yet: the client's loop counts what is under way.
    // Nobody but the session counts these bytes, and it does not have them yet.
    held.moves(bytes.count)
    others[batch.source].execute {
      $0.clients[batch.connection]?.returned(bytes, leaseEnd: end)
      held.moves(-bytes.count)
    }
    endBatch()
  }

  /// Hands answers to a client of any loop.
  private func deliver(_ answers: LoopAnswers) {
    if answers.loop == index {
      clients[answers.connection]?.answer(answers.bytes, leaseEnd: answers.leaseEnd)
    } else if others.indices.contains(answers.loop) {
      others[answers.loop].execute { $0.deliver(answers) }
    }
  }

  // MARK: Owners

  func add(_ owner: ReplicationSession) { owners[ObjectIdentifier(owner)] = owner }
  func remove(_ owner: ReplicationSession) { owners[ObjectIdentifier(owner)] = nil }

  func receive(_ portion: OwnerSessionCore.Portion, from owner: Principal) -> [ReplicationAnswer] {
    defer { shareMemory() }
    return portion.messages.compactMap { core.receive($0, of: portion, from: owner) }
  }
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
