import Cluster
import Commander
import Cryptography
import Drone
import Journal
import Office

/// A drone's process: its control side with the drone's core and, in office, the commander's; its data loops; its disk.
final class DroneMachine: Machine {
  let number: Int
  let principal: Principal
  /// Of this life.
  private(set) var placement = LoopPlacement(count: 1)
  private(set) var shared = SharedPartitions()
  private(set) var loops: [DataLoop] = []
  /// As their sessions see them.
  private(set) var cores = DroneLoops([])
  /// While a thief has its key.
  var liar: Liar?
  /// While one aims at what others have.
  var thief: Thief?
  /// Of each loop, the (term, version) of the access list that is installed.
  private(set) var access: [(term: Term, version: UInt64)] = []
  /// Of all loops.
  private(set) var budget = DroneBudget()
  /// Bytes that all loops hold.
  private var memory = 0
  private(set) var incarnation = Incarnation(0)
  /// On its disk.
  private(set) var promise = VotePromise.none
  private var members: MembershipList?
  /// The administrator has taken it from the cluster.
  var isRemoved = false
  private(set) var core: DroneCore?
  var slotMap: SlotMap? { core?.slotMap }
  /// Of this life.
  var seat: OfficeSeat?
  var office: CommanderOffice? { seat?.office }
  /// What its thief has of the last office that it held, whatever has become of the process.
  var formerOffice: FormerOffice?
  var command: Session?
  var isDialling = false
  /// The last map that was installed in this life.
  private var installed: SlotMap?
  var random: SeededRandom
  private var loopExecutors: [Executor] = []
  /// Of each loop; they outlive its processes.
  let journals = (0..<Knobs.mostLoops).map { _ in JournalDisk() }
  /// How often its machine has started, and how often it had when the journals were written.
  private(set) var boots: UInt64 = 1
  private(set) var bootOfJournals: UInt64 = 1
  /// Those whose journals died with the machine.
  private(set) var lostLives: Set<Incarnation> = []
  private(set) var lives: [Incarnation] = []

  init(_ world: World, number: Int) {
    self.number = number
    principal = Names.drone(number)
    random = SeededRandom(seed: world.random.next())
    super.init(world, name: principal.shortName)
    loopExecutors = (0..<Knobs.mostLoops).map { makeExecutor("loop\($0)") }
  }

  // MARK: Life

  override func began() {
    incarnation = Incarnation(random.next())
    placement = world.knobs.placement(of: number, after: lives.count)
    core = DroneCore(
      identity: DroneCore.Identity(
        principal: principal, incarnation: incarnation, endpoint: Names.endpoint(principal),
        cluster: Names.cluster, authority: Names.authority),
      timing: world.timing, verifier: Names.verifier, membershipVerifier: Names.membershipVerifier,
      promise: promise, members: members, loops: placement.count, seed: random.next(), now: now)
    seat = OfficeSeat(
      OfficeSeat.Terms(
        principal: principal, cluster: Names.cluster, authority: Names.node(Names.authority),
        timing: world.timing, verifier: Names.verifier, shadows: world.shadows,
        maximumMoves: world.knobs.moves))
    let stands = readStands()
    bootOfJournals = boots
    lives.append(incarnation)
    shared = SharedPartitions()
    loops = loopExecutors.prefix(placement.count).enumerated().map { index, executor in
      DataLoop(
        index, of: self, on: executor, stands: stands.filter { placement.loop(of: $0.partition) == index })
    }
    cores = DroneLoops(loops.map(\.core))
    for disk in journals[placement.count...] { disk.remove() }
    access = loops.map { _ in (.none, 0) }
    if let members { onEachLoop { $0.handle(.admitted(members)) } }
    tick()
    for loop in loops { tick(loop) }
  }

  override func ended() {
    world.custody.lookAtAll()
    core = nil
    installed = nil
    seat = nil
    loops = []
    access = []
    budget = DroneBudget()
    memory = 0
    command = nil
    isDialling = false
    for authority in world.authorities { authority.disconnected(principal) }
  }

  override func stepped(_ executor: Executor) {
    if let index = loopExecutors.firstIndex(where: { $0 === executor }) {
      world.custody.look(loop: index, of: placement)
    }
  }

  /// Its machine dies, with it the process and all that was in memory.
  func lose(_ random: inout SeededRandom) {
    crash()
    boots += 1
    let isGone = random.chance(300_000)
    for journal in journals { journal.lose(isGone: isGone, &random) }
    // What was clean has everything of that life, and of those before it.
    let complete = lastCompleteLife.flatMap { lives.firstIndex(of: $0) }.map { $0 + 1 } ?? 0
    if complete > 0 { world.trace("\(name)'s journals are complete") }
    lostLives.formUnion(lives[complete...])
    lives = Array(lives[..<complete])
  }

  override func endInOrder() {
    control.post { [unowned self] in
      handle(.ending)
      store(HandoverCore())
    }
  }

  /// Looks whether the database has everything, on each loop.
  private func store(_ handover: HandoverCore) {
    var (rest, isStored, handover) = (loops.count, true, handover)
    onEachLoop { [unowned self] loop in
      loop.handle(.retiring)
      if !loop.isRetired { isStored = false }
      rest -= 1
      guard rest == 0 else { return }
      control.post { [unowned self] in
        let step = handover.looked(isStored: isStored, orphans: core?.orphanCount, isHurried: false, now: now)
        switch step {
        case .retire:
          handle(.retired)
          give(handover)
        case .lookAgain:
          after(HandoverCore.look, on: control) { [unowned self, handover] in store(handover) }
        case .end, .cutShort: crash()
        }
      }
    }
  }

  private func give(_ handover: HandoverCore) {
    var handover = handover
    let hasGivenAll = core?.hasGivenAll(isAllServed: seat?.office?.core.isAllServed(now)) ?? true
    guard handover.looked(hasGivenAll: hasGivenAll, isHurried: false, now: now) == .lookAgain else {
      return crash()
    }
    after(HandoverCore.look, on: control) { [unowned self, handover] in give(handover) }
  }

  private func tick() {
    control.post { [unowned self] in
      // As in a process, where nothing wakes it before.
      let next = [core?.nextTick, office?.core.nextTick].compactMap { $0 }.min()
      if let next, now >= next {
        handle(.ticked)
        command(.ticked(wall: wall))
      }
      after(world.timing.heartbeat / 5, on: control) { [unowned self] in tick() }
    }
  }

  private func tick(_ loop: DataLoop) {
    loop.executor.post { [unowned self] in
      loop.tick()
      after(world.timing.heartbeat, on: loop.executor) { [unowned self] in tick(loop) }
    }
  }

  func loop(of partition: Partition) -> DataLoop { loops[placement.loop(of: partition)] }

  /// A loop holds more or less than it did.
  /// - Returns: what the others hold.
  func share(_ held: Int, before: Int) -> Int {
    memory += held - before
    return memory - held
  }

  func toControl(_ event: DroneEvent) {
    control.post { [unowned self] in handle(event) }
  }

  // MARK: The drone's core

  func receive(_ message: ControlMessage, from peer: Principal) {
    if message.isForOffice {
      answerFromFormerOffice(message, from: peer)
      return command(.received(message, from: peer))
    }
    if case .grantAnswer(let answer) = message { thief?.keep(answer) }
    // Once all has been done that the drone wants done.
    control.perform([
      { [unowned self] in
        let event = CommanderEvent(
          of: message, from: peer, authority: Names.authority, accessList: core?.accessList)
        if let event { command(event) }
      }
    ])
    handle(.received(message, from: peer, wall: wall))
  }

  func handle(_ event: DroneEvent) {
    let followed = core?.commanderTerm ?? .none
    guard let actions = core?.handle(event, now: now) else { return }
    if let term = core?.commanderTerm, term < followed {
      world.violated(
        "\(name) follows the commander of term \(term), having followed that of term \(followed)")
    }
    control.perform(actions.map { action in { [unowned self] in perform(action) } })
  }

  private func perform(_ action: DroneAction) {
    switch action {
    case .send(let message, let peer): send(message, to: peer)
    case .learn(let nodes):
      for node in nodes where node.principal.role == .database { onEachLoop { $0.handle(.located(node)) } }
    case .store(let promise):
      world.watch.promised(promise, after: self.promise, by: self)
      self.promise = promise
    case .admit(_, let list):
      members = list
      onEachLoop { $0.handle(.admitted(list)) }
    case .withdraw: onEachLoop { $0.handle(.withdrawn) }
    case .makeElectionKey(let term): makeElectionKey(term)
    case .dropElectionKey(let term): seat?.withdraw(from: term)
    case .assumeOffice(let term, let certificate, let membership, let drones, let databases, let previous):
      assumeOffice(
        OfficeSeat.Appointment(
          term: term, certificate: certificate, membership: membership, drones: drones,
          databases: databases, previous: previous))
    case .renewOffice(let term, let certificate): renewOffice(term, certificate)
    case .leaveOffice(let term): leaveOffice(term, reason: "a higher term has been certified")
    case .open(let answer): onEachLoop { $0.handle(.granted(answer)) }
    case .close(let partitions): close(partitions)
    case .forget(let copies): onEachLoop { $0.handle(.forgotten(copies)) }
    case .serve(let partitions, let end): onEachLoop { $0.serve(partitions, until: end) }
    case .install(let signed, let map):
      if let old = installed, !map.isNewer(than: old) {
        world.violated(
          "\(name) goes back from map \(old.version) of term \(old.term) to \(map.version) of \(map.term)")
      }
      installed = map
      onEachLoop { $0.install(signed, map) }
    case .installAccessList(let list, let term, let version):
      world.trace("\(name) installs access list \(version) of term \(term)")
      onEachLoop { [unowned self] loop in
        loop.handle(.accessListInstalled(list))
        access[loop.index].term = term
        access[loop.index].version = version
      }
    case .setDenials(let mayDeny): onEachLoop { $0.handle(.denialsSet(mayDeny)) }
    case .note(let note): world.trace("\(name) \(note)")
    }
  }

  func send(_ message: ControlMessage, to peer: Principal) {
    guard liar != nil else {
      for message in thief?.says(insteadOf: message) ?? [message] { deliver(message, to: peer) }
      return
    }
    let others = world.drones.map(\.principal).filter { $0 != principal }
    for message in liar?.says(insteadOf: message, of: others) ?? [] { deliver(message, to: peer) }
  }

  func deliver(_ message: ControlMessage, to peer: Principal) {
    if peer == principal { return control.post { [unowned self] in receive(message, from: peer) } }
    world.send(message, from: self, as: principal, to: peer)
  }

  private func onEachLoop(_ body: @escaping (DataLoop) -> Void) {
    for loop in loops { loop.executor.post { [unowned loop] in body(loop) } }
  }

  /// `closed` is reported once every loop has stopped serving.
  private func close(_ partitions: PartitionSet) {
    var rest = loops.count
    onEachLoop { [unowned self] loop in
      loop.handle(.released(partitions))
      rest -= 1
      if rest == 0 { toControl(.closed(partitions)) }
    }
  }

  private func makeElectionKey(_ term: Term) {
    guard let key = try? P256PrivateKey.generate(), let request = try? seat?.stand(for: term, key: key)
    else { return }
    handle(.electionKeyMade(term, certificateRequest: request))
  }
}

/// The requests a second of all principals at one drone.
final class DroneBudget: RequestLimiter {
  private var budget = RequestBudget()

  func consume(_ limit: RequestLimit, of principal: String, _ now: Instant) -> Int64? {
    budget.consume(limit, of: principal, now)
  }
}
