import Cluster
import Drone
import Journal
import Logging
import NIOCore
import Transport
import Wire

/// The shell of one event loop's share of a drone: performs what `DataLoopCore` decides. Everything happens on that loop,
/// but for requests on its partitions, which are executed by the loops of the sessions that they come on.
final class DataLoop {
  let index: Int
  let placement: LoopPlacement
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

  let core: GuardedLoop
  private(set) var others: [DataLoopReference] = []
  /// Of the session of which a record is being handled.
  var batch = RequestBatch()
  private var clients: [UInt64: ClientSession] = [:]
  private var database: DatabaseLink?
  private var shadows: [Principal: ShadowLink] = [:]
  private var makeShadow: ((Principal) -> ShadowLink)?
  /// What operators want of the sessions of all loops.
  private(set) var sessionOrders: SessionOrders?
  /// The sessions in which this drone is the shadow.
  private var owners: [ObjectIdentifier: ReplicationSession] = [:]
  private let timing: Timing
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
    journal: (journal: Journal, file: JournalFile), stands: [JournalStand], losses: [JournalLoss],
    shared: SharedPartitions, pulse: LoopPulse, logger: Logger, audit: AuditLog,
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
    placement = LoopPlacement(count: count)
    core = GuardedLoop(
      DataLoopCore(
        index: index, placement: placement, principal: identity.principal, timing: timing,
        data: DataCore(
          incarnation: identity.incarnation, level: level, bounds: bounds, journal: journal.journal,
          stands: stands, losses: losses, shared: shared)))
    self.journal = JournalSync(journal.journal, in: journal.file, of: core, on: eventLoop, logger: logger)
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
    perform(change { $0.handle(event, now: NodeClock.now()) })
  }

  /// Some requests have been executed.
  func endBatch() {
    perform(change { $0.endBatch(now: NodeClock.now) })
  }

  private func change<Result>(_ body: (inout DataLoopCore) -> Result) -> Result {
    let memory = memory
    return core.change { core in
      defer { core.shareMemory { memory.share($0, before: $1) } }
      return body(&core)
    }
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
      journal.say { [unowned self] in deliver(answers) }
    case .report(.loopTicked(let loop, let now)): pulse.beat(loop: loop, at: now)
    case .report(let event): report(event)
    case .startWriteBehind(let pause):
      let bound = NIOLoopBound(self, eventLoop: eventLoop)
      eventLoop.scheduleTask(in: .milliseconds(pause)) { bound.value.handle(.writeBehindDue) }
    case .endForeignOwners:
      for session in owners.values where !admits(session.owner) { session.close() }
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
    return core.change { $0.data.isRetired }
  }

  func admits(_ drone: Principal) -> Bool { core.change { $0.admits(drone) } }

  // MARK: Clients

  func add(_ client: ClientSession) { clients[client.id] = client }
  func remove(_ client: ClientSession) { clients[client.id] = nil }

  /// Hands answers to clients of any loop: those of each other loop in one piece, since each costs it a wake-up.
  private func deliver(_ answers: [LoopAnswers]) {
    for answer in answers where answer.loop == index {
      clients[answer.connection]?.answer(answer.bytes, leaseEnd: answer.leaseEnd)
    }
    for loop in others.indices where loop != index {
      let theirs = answers.filter { $0.loop == loop }
      if !theirs.isEmpty { others[loop].execute { $0.deliver(theirs) } }
    }
  }

  // MARK: Owners

  func add(_ owner: ReplicationSession) { owners[ObjectIdentifier(owner)] = owner }
  func remove(_ owner: ReplicationSession) { owners[ObjectIdentifier(owner)] = nil }

  func receive(_ portion: OwnerSessionCore.Portion, from owner: Principal) -> [ReplicationAnswer] {
    change { core in portion.messages.compactMap { core.receive($0, of: portion, from: owner) } }
  }
}

/// A data loop that may be named from any thread; what it does, it does on its event loop.
struct DataLoopReference: Sendable {
  private let bound: NIOLoopBound<DataLoop>
  /// From any thread, under its lock.
  let core: GuardedLoop
  let eventLoop: any EventLoop

  /// Must be made on the loop itself.
  init(_ loop: DataLoop) {
    bound = NIOLoopBound(loop, eventLoop: loop.eventLoop)
    core = loop.core
    eventLoop = loop.eventLoop
  }

  func execute(_ body: @escaping @Sendable (DataLoop) -> Void) {
    eventLoop.execute { [bound] in body(bound.value) }
  }

  /// On the loop already.
  var here: DataLoop { bound.value }
}
