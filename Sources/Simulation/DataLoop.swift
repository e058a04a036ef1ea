import Cluster
import Drone
import Journal
import Wire

/// One event loop's share of a drone: its partitions, its clients, and its session with the database.
final class DataLoop {
  let index: Int
  let executor: Executor
  unowned let drone: DroneMachine
  private var world: World { drone.world }
  var core: DataCore
  private var link: DatabaseLinkCore
  private var session: Session?
  private(set) var map: SignedSlotMap?
  /// What its core goes by.
  private var installed: SlotMap?
  private var clients: [UInt64: ClientConnection] = [:]
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
    core = DataCore(
      incarnation: drone.incarnation, bounds: drone.world.knobs.data, journal: journal, stands: stands)
    link = DatabaseLinkCore(timing: drone.world.timing)
    #if KEYVAL_MUTATIONS
      core.mutations = drone.world.mutations
    #endif
  }

  static func loop(of partition: Partition) -> Int { partition.index % DroneMachine.loopCount }

  private func mine(_ partitions: PartitionSet) -> PartitionSet {
    PartitionSet(partitions.filter { Self.loop(of: $0) == index })
  }

  // MARK: What the control side says

  func use(_ node: RegisteredNode) { handle(.located(node)) }

  func open(_ answer: GrantAnswer) {
    let partitions = mine(answer.partitions)
    if !partitions.isEmpty { handle(.granted(answer, partitions)) }
  }

  func forget(_ copies: [Holding]) { core.forget(copies) }

  /// Asked here, since whoever asked a copy of the core would copy all of it.
  func has(_ name: StoreState.WriteName, in partition: Partition) -> Bool {
    core.has(name.write, of: name.client, in: partition)
  }

  func leaseEnd(of partition: Partition) -> Instant? { core.leaseEnd(of: partition) }

  func retire() { handle(.retiring) }

  func close(_ partitions: PartitionSet) { complete(core.close(mine(partitions))) }

  func serve(_ partitions: PartitionSet, until end: Instant) {
    let now = drone.now
    let begun = mine(partitions).filter { partition in
      leaseEnd(of: partition).map { $0 <= now && end > now } ?? false
    }
    core.serve(mine(partitions), until: end)
    world.watch.serves(begun, on: self)
  }

  func install(_ signed: SignedSlotMap, _ newer: SlotMap) {
    map = signed
    installed = newer
    core.install(newer, mine: mine(.all), principal: drone.principal)
    adjustShadows()
    pump()
  }

  /// By the map that its core goes by.
  func isOwned(_ partition: Partition, by drone: Principal) -> Bool {
    installed?.owner(of: partition)?.principal == drone
  }

  // MARK: Shadows

  /// A session for each drone that shadows something of this loop's.
  private func adjustShadows() {
    let wanted = core.shadowPeers
    for node in wanted where shadows[node.principal] == nil {
      shadows[node.principal] = ShadowLink(to: node.principal, of: self)
    }
    for peer in shadows.keys.sorted() {
      shadows[peer]?.handle(.located(wanted.first { $0.principal == peer }))
    }
  }

  private func pumpShadows() {
    for peer in shadows.keys.sorted() { shadows[peer]?.handle(.pumped) }
  }

  /// The owner of partitions that this drone shadows has dialled.
  func accept(_ session: Session, from owner: Principal) -> Bool {
    var number: UInt64 = 0
    session.acceptor.received = { [unowned self] payload in
      guard let messages = payload as? [ReplicationMessage] else { return }
      if case .greet(let session)? = messages.first { number = session }
      var answers: [ReplicationAnswer] = []
      executor.perform(
        messages.map { message in
          { [unowned self] in
            if let answer = core.take(message, from: owner, session: number) { answers.append(answer) }
          }
        } + [
          { [unowned self] in
            shareMemory()
            guard !answers.isEmpty else { return }
            let own = answers
            say { session.send(own, from: session.acceptor) }
          }
        ])
    }
    return true
  }

  func withdraw() {
    map = nil
    handle(.stopped)
  }

  // MARK: The database

  /// Tells the database what is urgent, and the shadows everything.
  func pump() {
    pumpShadows()
    handle(.pumped)
    shareMemory()
  }

  private func shareMemory() {
    core.setMemory(elsewhere: drone.loops.reduce(0) { $1 === self ? $0 : $0 + $1.core.memory })
  }

  func tick() {
    begin(keeper?.tick(drone.now))
    world.watch.holds(drone.loops.reduce(0) { $0 + $1.core.memory }, drone)
    complete(core.tickStreams(drone.now, timing: world.timing))
    adjustShadows()
    pump()
    drone.toControl(.replicated(loop: index, core.replication(drone.now)))
    handle(.ticked)
  }

  // MARK: The journal

  private func say(_ body: @escaping () -> Void) {
    begin(keeper?.look())
    #if KEYVAL_MUTATIONS
      if world.mutations.contains(.answerBeforeDirty) { return body() }
    #endif
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

  func writeBehind() { handle(.writeBehindDue) }

  private func handle(_ event: DatabaseLinkCore.Event) {
    let actions = link.handle(
      event, &core, canSend: session?.dialler.isOpen == true, now: drone.now)
    executor.perform(actions.map { action in { [unowned self] in perform(action) } })
  }

  private func perform(_ action: DatabaseLinkCore.Action) {
    switch action {
    case .dial: dial()
    case .close:
      guard let session else { return }
      session.close(from: session.dialler)
      closed()
    case .send(let request):
      if let session { session.send(request, from: session.dialler) }
    case .complete(let completions): complete(completions)
    case .report(let event): drone.toControl(event)
    case .redial(let pause):
      drone.after(pause, on: executor) { [unowned self] in handle(.redialDue) }
    case .retry(let pause):
      drone.after(pause, on: executor) { [unowned self] in handle(.retryDue) }
    case .note(let note): world.trace("\(drone.name).loop\(index) \(note)")
    }
  }

  private func closed() {
    session = nil
    handle(.sessionClosed)
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
        guard let session else { return handle(.dialFailed) }
        self.session = session
        session.dialler.received = { [unowned self] payload in received(payload) }
        session.dialler.closed = { [unowned self] _ in if self.session === session { closed() } }
        handle(.sessionOpened)
      })
  }

  private func received(_ payload: Any) {
    guard let answers = payload as? [StoreAnswer] else { return }
    executor.perform(
      answers.map { answer in { [unowned self] in handle(.answered(answer)) } }
        + [{ [unowned self] in handle(.readCompleted) }, { [unowned self] in adjustShadows() }])
  }

  // MARK: Clients

  func accept(_ session: Session) -> Bool {
    clients[session.id] = ClientConnection(session, on: self)
    return true
  }

  func remove(_ client: ClientConnection) { clients[client.id] = nil }

  /// Hands answers to a client of any loop.
  func deliver(_ answers: GatheredAnswers, to connection: UInt64, on loop: Int) {
    guard !answers.bytes.isEmpty else { return }
    if loop == index {
      clients[connection]?.answer(answers)
    } else {
      let other = drone.loops[loop]
      other.executor.post { [unowned other] in other.clients[connection]?.answer(answers) }
    }
  }

  /// Answers writes that the database has, and requests whose partition went away.
  func complete(_ completions: [DataCore.Completion]) {
    if !completions.isEmpty { say { [unowned self] in answer(completions) } }
  }

  private func answer(_ completions: [DataCore.Completion]) {
    var gathered: [Origin: GatheredAnswers] = [:]
    var order: [Origin] = []
    for completion in completions {
      let origin = completion.origin
      let target = Origin(loop: origin.loop, connection: origin.connection, number: 0)
      if gathered[target] == nil { order.append(target) }
      gathered[target, default: GatheredAnswers()].append(completion)
    }
    for target in order {
      if let answers = gathered[target] { deliver(answers, to: target.connection, on: target.loop) }
    }
  }
}
