import Cluster
import Drone
import Journal

/// One event loop's share of a drone, as its shell in the product: performs what `DataLoopCore` decides.
final class DataLoop {
  let index: Int
  let executor: Executor
  unowned let drone: DroneMachine
  private var world: World { drone.world }
  let core: GuardedLoop
  private var session: Session?
  /// What its core goes by.
  private var installed: SlotMap?
  private var clients: [UInt64: ClientConnection] = [:]
  private var owners: [UInt64: OwnerConnection] = [:]
  private var shadows: [Principal: ShadowLink] = [:]
  private let disk: JournalDisk
  private var keeper: JournalKeeper?
  /// What is said when the disk knows that the journal is not clean any more.
  private var held: [() -> Void] = []

  init(_ index: Int, of drone: DroneMachine, on executor: Executor, stands: [JournalStand]) {
    self.index = index
    self.executor = executor
    self.drone = drone
    let journal = drone.makeJournal(index, stands)
    keeper = journal.map(JournalKeeper.init)
    disk = drone.journals[index]
    core = GuardedLoop(
      DataLoopCore(
        index: index, placement: drone.placement, principal: drone.principal, timing: drone.world.timing,
        data: DataCore(
          incarnation: drone.incarnation, bounds: drone.world.knobs.data, journal: journal, stands: stands,
          shared: drone.shared)))
  }

  // MARK: What the checks ask

  /// Asked here, since whoever asked a copy of the core would copy all of it.
  func has(_ name: StoreState.WriteName, in partition: Partition) -> Bool {
    core.change { $0.data.has(name.write, of: name.client, in: partition) }
  }

  func leaseEnd(of partition: Partition) -> Instant? { core.change { $0.data.leaseEnd(of: partition) } }

  func copyToken(of partition: Partition) -> FencingToken? {
    core.change { $0.data.copyToken(of: partition) }
  }

  var isRetired: Bool { core.change { $0.data.isRetired } }

  var memory: Int { core.change { $0.data.memory } }

  func shadowStates(of partition: Partition) -> [String] {
    core.change { $0.data.shadowStates(of: partition) }
  }

  /// By the map that its core goes by.
  func isOwned(_ partition: Partition, by drone: Principal) -> Bool {
    installed?.owner(of: partition)?.principal == drone
  }

  func admits(_ drone: Principal) -> Bool { core.change { $0.admits(drone) } }

  // MARK: The core

  func handle(_ event: DataLoopCore.Event) {
    perform(core.change { $0.handle(event, now: drone.now) })
  }

  /// Some requests have been executed.
  func endBatch() {
    perform(core.change { $0.endBatch(now: { drone.now }) })
  }

  private func perform(_ actions: [DataLoopCore.Action]) {
    shareMemory()
    executor.perform(actions.map { action in { [unowned self] in perform(action) } })
  }

  private func shareMemory() {
    let drone = drone
    core.change { $0.shareMemory { drone.share($0, before: $1) } }
  }

  private func perform(_ action: DataLoopCore.Action) {
    switch action {
    case .database(let action): perform(action)
    case .shadow(let peer, let action): shadow(peer).perform(action)
    case .answer(let answers):
      say { [unowned self] in for answer in answers { deliver(answer) } }
    case .report(let event): drone.toControl(event)
    case .startWriteBehind(let pause):
      drone.after(pause, on: executor) { [unowned self] in handle(.writeBehindDue) }
    case .endForeignOwners:
      for id in owners.keys.sorted() {
        if let owner = owners[id], !admits(owner.owner) { owner.close() }
      }
    }
  }

  private func shadow(_ peer: Principal) -> ShadowLink {
    if let shadow = shadows[peer] { return shadow }
    let shadow = ShadowLink(to: peer, of: self)
    shadows[peer] = shadow
    return shadow
  }

  func serve(_ partitions: PartitionSet, until end: Instant) {
    let now = drone.now
    let begun = drone.placement.partitions(of: index, in: partitions).filter { partition in
      leaseEnd(of: partition).map { $0 <= now && end > now } ?? false
    }
    handle(.leased(partitions, until: end))
    world.watch.serves(begun, on: self)
  }

  func install(_ signed: SignedSlotMap, _ newer: SlotMap) {
    installed = newer
    handle(.mapInstalled(signed, newer))
  }

  func tick() {
    begin(keeper?.tick(drone.now))
    world.watch.holds(drone.loops.reduce(0) { $0 + $1.memory }, drone)
    handle(.ticked)
  }

  // MARK: The journal

  func say(_ body: @escaping () -> Void) {
    begin(keeper?.look())
    if keeper?.mustWait == true { held.append(body) } else { body() }
  }

  /// Bytes that are written meanwhile may be on the disk or not.
  private func begin(_ sync: UInt64?) {
    guard let sync else { return }
    let time = drone.random.chance(200_000) ? drone.random.number(100...1_500) : drone.random.number(1...8)
    drone.after(time, on: executor) { [unowned self] in
      disk.sync()
      begin(keeper?.synced(sync, isDone: true))
      guard keeper?.mustWait == false else { return }
      let bodies = held
      held = []
      for body in bodies { body() }
    }
  }

  // MARK: The database

  private func perform(_ action: DatabaseLinkCore.Action) {
    switch action {
    case .dial: dial()
    case .close:
      guard let session else { return }
      session.close(from: session.dialler)
      executor.post { [unowned self] in closed(session) }
    case .send(let request):
      if let session { session.send(request, from: session.dialler) }
    case .redial(let pause):
      drone.after(pause, on: executor) { [unowned self] in handle(.database(.redialDue)) }
    case .retry(let pause):
      drone.after(pause, on: executor) { [unowned self] in handle(.database(.retryDue)) }
    case .note(let note): world.trace("\(drone.name).loop\(index) \(note)")
    // The loop's core has seen to them.
    case .complete, .report: break
    }
  }

  private func closed(_ session: Session) {
    guard self.session === session else { return }
    self.session = nil
    handle(.database(.sessionClosed))
  }

  private func dial() {
    let target = world.database
    let holder = drone.principal
    world.network.dial(
      from: drone, on: executor, to: target, at: target.acceptingExecutor,
      accept: { [unowned target] session in
        target.accept(session, as: holder.text, service: Names.database, indicators: [])
      },
      completion: { [unowned self] session in
        guard let session else { return handle(.database(.dialFailed)) }
        self.session = session
        session.dialler.received = { [unowned self] bytes in received(bytes) }
        session.dialler.closed = { [unowned self] _ in closed(session) }
        handle(.database(.sessionOpened))
      })
  }

  private func received(_ bytes: [UInt8]) {
    let answers = world.decode(StoreAnswer.self, bytes)
    executor.perform(
      answers.map { answer in { [unowned self] in handle(.database(.answered(answer))) } }
        + [{ [unowned self] in handle(.database(.readCompleted)) }])
  }

  // MARK: Clients

  func accept(_ session: Session) -> Bool {
    clients[session.id] = ClientConnection(session, on: self)
    return true
  }

  func client(_ id: UInt64) -> ClientConnection? { clients[id] }
  func remove(_ client: ClientConnection) { clients[client.id] = nil }

  /// Hands answers to a client of any loop.
  private func deliver(_ answers: LoopAnswers) {
    let other = drone.loops[answers.loop]
    if other === self {
      clients[answers.connection]?.answer(answers.bytes, leaseEnd: answers.leaseEnd)
    } else {
      other.executor.post { [unowned other] in
        other.clients[answers.connection]?.answer(answers.bytes, leaseEnd: answers.leaseEnd)
      }
    }
  }

  // MARK: Owners

  /// The owner of partitions that this drone shadows has dialled.
  func accept(_ session: Session, from owner: Principal) -> Bool {
    guard admits(owner) else { return false }
    owners[session.id] = OwnerConnection(session, from: owner, on: self)
    return true
  }

  func owner(_ id: UInt64) -> OwnerConnection? { owners[id] }
  func remove(_ owner: OwnerConnection) { owners[owner.id] = nil }

  func receive(
    _ message: ReplicationMessage, of portion: OwnerSessionCore.Portion, from owner: Principal
  ) -> ReplicationAnswer? {
    defer { shareMemory() }
    return core.change { $0.receive(message, of: portion, from: owner) }
  }
}
