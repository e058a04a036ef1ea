import Cluster
import Commander
import Cryptography
import Drone

/// A drone's process: its control side with the drone's core and, in office, the commander's; two data loops; its disk.
final class DroneMachine: Machine {
  static let loopCount = 2

  private struct Office {
    let term: Term
    let key: P256PrivateKey
    var certificate: [UInt8]
    let sealingKey: SealingKey
    var core: CommanderCore
  }

  let number: Int
  let principal: Principal
  private(set) var loops: [DataLoop] = []
  /// While a thief has its key.
  var liar: Liar?
  /// Of each loop, with the (term, version) of what is installed.
  private(set) var access: [(installed: InstalledAccessList, term: Term, version: UInt64)] = []
  private(set) var incarnation = Incarnation(0)
  /// On its disk.
  private(set) var promise = VotePromise.none
  private var members: MembershipList?
  /// The administrator has taken it from the cluster.
  var isRemoved = false
  private var core: DroneCore?
  var slotMap: SlotMap? { core?.slotMap }
  private var office: Office?
  private var electionKeys: [Term: P256PrivateKey] = [:]
  private var command: Session?
  private var isDialling = false
  private var queued: [ControlMessage] = []
  private var random: SeededRandom
  private var loopExecutors: [Executor] = []

  init(_ world: World, number: Int) {
    self.number = number
    principal = Names.drone(number)
    random = SeededRandom(seed: world.random.next())
    super.init(world, name: principal.shortName)
    loopExecutors = (0..<Self.loopCount).map { makeExecutor("loop\($0)") }
  }

  // MARK: Life

  override func began() {
    incarnation = Incarnation(random.next())
    core = DroneCore(
      identity: DroneCore.Identity(
        principal: principal, incarnation: incarnation, endpoint: Names.endpoint(principal),
        cluster: Names.cluster, authority: Names.authority),
      timing: world.timing, verifier: Names.verifier, membershipVerifier: Names.membershipVerifier,
      promise: promise, members: members, loops: Self.loopCount, seed: random.next(), now: now)
    #if KEYVAL_MUTATIONS
      core?.mutations = world.mutations
    #endif
    loops = loopExecutors.enumerated().map { DataLoop($0, of: self, on: $1) }
    access = loops.map { _ in (InstalledAccessList(), .none, 0) }
    tick()
    for loop in loops {
      tick(loop)
      writeBehind(loop)
    }
  }

  override func ended() {
    world.custody.lookAtAll()
    core = nil
    office = nil
    electionKeys = [:]
    loops = []
    access = []
    command = nil
    isDialling = false
    queued = []
    for authority in world.authorities { authority.disconnected(principal) }
  }

  override func stepped(_ executor: Executor) {
    if let index = loopExecutors.firstIndex(where: { $0 === executor }) { world.custody.look(loop: index) }
  }

  /// As the shell does it: first everything goes to the database, then the partitions to others.
  override func endInOrder() {
    control.post { [unowned self] in
      handle(.ending)
      store(orDoneBy: now + 30_000)
    }
  }

  /// - Parameter end: when it waits no more for the commander, should it have nothing of its own left.
  private func store(orDoneBy end: Instant) {
    var rest = loops.count
    var isStored = true
    onEachLoop { [unowned self] loop in
      loop.retire()
      if !loop.core.isRetired { isStored = false }
      rest -= 1
      guard rest == 0 else { return }
      control.post { [unowned self] in
        if isStored, core?.orphanCount == 0 || now >= end {
          handle(.retired)
          give(until: now + 5_000)
        } else {
          after(10, on: control) { [unowned self] in store(orDoneBy: isStored ? end : now + 30_000) }
        }
      }
    }
  }

  private func give(until end: Instant) {
    guard let core, !hasGivenAll(core), now < end else { return crash() }
    after(10, on: control) { [unowned self] in give(until: end) }
  }

  private func hasGivenAll(_ core: DroneCore) -> Bool {
    guard core.hearsCommander else { return true }
    return core.owned.isEmpty && office?.core.isAllServed(now) ?? true
  }

  private func tick() {
    control.post { [unowned self] in
      handle(.ticked)
      command(.ticked(wall: wall))
      after(world.timing.heartbeat / 5, on: control) { [unowned self] in tick() }
    }
  }

  private func tick(_ loop: DataLoop) {
    loop.executor.post { [unowned self] in
      toControl(.loopTicked(loop: loop.index))
      loop.tick()
      after(world.timing.heartbeat, on: loop.executor) { [unowned self] in tick(loop) }
    }
  }

  private func writeBehind(_ loop: DataLoop) {
    after(50, on: loop.executor) { [unowned self] in
      loop.writeBehind()
      writeBehind(loop)
    }
  }

  func toControl(_ event: DroneEvent) {
    control.post { [unowned self] in handle(event) }
  }

  // MARK: The drone's core

  func receive(_ message: ControlMessage, from peer: Principal) {
    switch message {
    case .report, .grantRequest, .heartbeatHeard, .keyStored, .fences, .openFailed, .unreachable:
      command(.received(message, from: peer))
    default:
      handle(.received(message, from: peer, wall: wall))
      if case .registered(let list) = message, peer == Names.authority {
        control.perform([
          { [unowned self] in
            command(
              .registerChanged(
                membership: list.membership, drones: list.drones, databases: list.databases))
          }
        ])
      }
      if case .refused = message { command(.received(message, from: peer)) }
      if case .accessList = message, let list = core?.accessList { command(.accessListChanged(list)) }
    }
  }

  func handle(_ event: DroneEvent) {
    guard let actions = core?.handle(event, now: now) else { return }
    control.perform(actions.map { action in { [unowned self] in perform(action) } })
  }

  private func perform(_ action: DroneAction) {
    switch action {
    case .send(let message, let peer): send(message, to: peer)
    case .learn(let nodes):
      for node in nodes where node.principal.role == .database { onEachLoop { $0.use(node) } }
    case .store(let promise):
      world.watch.promised(promise, after: self.promise, by: self)
      self.promise = promise
    case .admit(_, let list): members = list
    case .withdraw: onEachLoop { $0.withdraw() }
    case .makeElectionKey(let term): makeElectionKey(term)
    case .dropElectionKey(let term): electionKeys[term] = nil
    case .takeOffice(let term, let certificate, let membership, let drones, let databases, let previous):
      takeOffice(term, certificate, membership, drones, databases, previous)
    case .renewOffice(let term, let certificate): renewOffice(term, certificate)
    case .leaveOffice(let term): leaveOffice(term, reason: "a higher term has been certified")
    case .open(let answer): onEachLoop { $0.open(answer) }
    case .close(let partitions): close(partitions)
    case .forget(let copies): onEachLoop { $0.forget(copies) }
    case .serve(let partitions, let end): onEachLoop { $0.serve(partitions, until: end) }
    case .install(let signed, let map): onEachLoop { $0.install(signed, map) }
    case .installAccessList(let list, let term, let version):
      world.trace("\(name) installs access list \(version) of term \(term)")
      onEachLoop { [unowned self] loop in
        access[loop.index].installed.install(list)
        access[loop.index].term = term
        access[loop.index].version = version
      }
    case .setDenials(let mayDeny):
      onEachLoop { [unowned self] loop in access[loop.index].installed.mayDeny = mayDeny }
    case .note(let note): world.trace("\(name) \(note)")
    }
  }

  private func send(_ message: ControlMessage, to peer: Principal) {
    guard liar != nil else { return deliver(message, to: peer) }
    let others = world.drones.map(\.principal).filter { $0 != principal }
    for message in liar?.says(insteadOf: message, of: others) ?? [] { deliver(message, to: peer) }
  }

  private func deliver(_ message: ControlMessage, to peer: Principal) {
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
      loop.close(partitions)
      rest -= 1
      if rest == 0 { toControl(.closed(partitions)) }
    }
  }

  private func makeElectionKey(_ term: Term) {
    guard let key = try? P256PrivateKey.generate(),
      let request = try? key.certificateRequest(subject: principal.text)
    else { return }
    electionKeys = [term: key]
    handle(.electionKeyMade(term, certificateRequest: request))
  }

  // MARK: The office

  var officeTerm: Term? { office?.term }
  var countedVersion: UInt64? { office?.core.membership }
  var isCommanding: Bool { isUp && (office?.core.hasMajority(now) ?? false) }

  /// As the commander: an operator accepts that what only these partitions' lost copies held is lost.
  func acceptLoss(of partitions: PartitionSet) -> PartitionSet {
    office?.core.acceptLoss(of: partitions) ?? []
  }

  /// As the commander: carries out an administrator's order, and answers.
  func administer(_ order: AdministratorOrder, _ name: String) -> String? {
    office?.core.administer(order, name, now: now).sentence
  }

  private func takeOffice(
    _ term: Term, _ certificate: [UInt8], _ membership: UInt64, _ drones: [RegisteredNode],
    _ databases: [RegisteredNode], _ previous: SlotMap?
  ) {
    guard let key = electionKeys.removeValue(forKey: term),
      let proved = try? Names.verifier.verify(
        certificate: certificate, peer: principal, minimumTerm: term, now: wall),
      proved.publicKey.der == key.publicKey.der,
      let sealingKey = SealingKey(identifier: random.next(), key: random.bytes(SealingKey.length))
    else { return handle(.resigned(term)) }
    var core = CommanderCore(
      identity: CommanderCore.Identity(
        principal: principal, term: term, cluster: Names.cluster, authority: Names.node(Names.authority)),
      timing: world.timing, shadows: world.shadows, certificate: certificate, notBefore: proved.notBefore,
      notAfter: proved.notAfter, membership: membership, drones: drones, databases: databases,
      previous: previous, maximumMoves: world.knobs.moves, now: now)
    #if KEYVAL_MUTATIONS
      core.mutations = world.mutations
    #endif
    office = Office(term: term, key: key, certificate: certificate, sealingKey: sealingKey, core: core)
    world.trace("\(name) takes office \(term)")
    world.watch.counts(membership, in: term)
    if let list = self.core?.accessList { command(.accessListChanged(list)) }
    command(.ticked(wall: wall))
  }

  private func renewOffice(_ term: Term, _ certificate: [UInt8]) {
    guard office?.term == term,
      let proved = try? Names.verifier.verify(
        certificate: certificate, peer: principal, minimumTerm: term, now: wall)
    else { return }
    office?.certificate = certificate
    command(.certified(certificate: certificate, notAfter: proved.notAfter))
  }

  private func leaveOffice(_ term: Term, reason: String) {
    guard office?.term == term else { return }
    world.trace("\(name) leaves office \(term): \(reason)")
    office = nil
    if let command { command.close(from: command.dialler) }
    command = nil
    queued = []
  }

  private func command(_ event: CommanderEvent) {
    guard let term = office?.term, let actions = office?.core.handle(event, now: now) else { return }
    if let version = countedVersion { world.watch.counts(version, in: term) }
    control.perform(
      actions.map { action in
        { [unowned self] in
          // An action may have ended the office; what the core wanted after that is void.
          if let office, office.term == term { perform(action, of: office) }
        }
      })
  }

  private func perform(_ action: CommanderAction, of office: Office) {
    switch action {
    case .send(let message, let peer): send(message, to: peer)
    case .sign(let map):
      guard let signed = try? SignedSlotMap(map, key: office.key, certificate: office.certificate) else {
        return
      }
      command(.signed(signed, version: map.version))
    case .signAccessList(let list):
      guard let signed = try? SignedAccessList(list, key: office.key, certificate: office.certificate) else {
        return
      }
      world.watch.publishes(list, by: self)
      command(.accessListSigned(signed, version: list.version))
    case .mint(let grant, let drone, let database): mint(grant, drone, database, office)
    case .deliverKey:
      sendCommand(
        .deliverKey(
          DeliverKey(
            term: office.term, identifier: office.sealingKey.identifier, key: office.sealingKey.key)))
    case .pingDatabase:
      sendCommand(.keyStored(KeyStored(term: office.term, identifier: office.sealingKey.identifier)))
    case .askFences: sendCommand(.fenceQuestion(FenceQuestion(term: office.term)))
    case .requestCertificate(let term):
      guard let request = try? office.key.certificateRequest(subject: principal.text) else { return }
      send(.ballotRequest(BallotRequest(term: term, certificateRequest: request)), to: Names.authority)
    case .resign(let term, let reason):
      leaveOffice(term, reason: reason)
      handle(.resigned(term))
    case .note(let note): world.trace("\(name) \(note)")
    }
  }

  private func mint(_ grant: Grant, _ drone: Principal, _ database: RegisteredNode, _ office: Office) {
    world.watch.minted(grant.token, by: self)
    guard
      let sealed = try? SealedGrant(
        grant, cluster: Names.cluster, database: database.principal, drone: drone, key: office.sealingKey,
        salt: random.bytes(SealedGrant.saltLength))
    else { return world.trace("\(name) cannot seal a grant") }
    let answer = GrantAnswer(
      term: office.term, incarnation: grant.incarnation, partitions: grant.partitions, token: grant.token,
      mode: grant.mode, database: database, grant: sealed)
    send(.grantAnswer(answer), to: drone)
  }

  /// On the session with the database's command service, opened with a fresh ticket of the office.
  private func sendCommand(_ message: ControlMessage) {
    guard let office else { return }
    // The certificate goes before everything that is said there.
    let messages = [.showCertificate(ShowCertificate(certificate: office.certificate)), message]
    if let command, command.dialler.isOpen {
      for message in messages { command.send(message, from: command.dialler) }
      return
    }
    if queued.count < 16 { queued += messages }
    guard !isDialling, world.authoritySite.givesTicket(for: office.term, key: office.key.publicKey),
      let peer = try? Principal.office(term: office.term, realm: Names.realm)
    else { return }
    isDialling = true
    let target = world.database
    world.network.dial(
      from: self, on: control, to: target, at: target.acceptingExecutor,
      accept: { [unowned target] session in
        target.accept(session, as: peer.text, service: Names.command, indicators: ["commander"])
      },
      completion: { [unowned self] session in commandOpened(session, office.term) })
  }

  private func commandOpened(_ session: Session?, _ term: Term) {
    isDialling = false
    guard let session else { return }
    guard office?.term == term else { return session.close(from: session.dialler) }
    command = session
    session.dialler.received = { [unowned self] payload in
      if let message = payload as? ControlMessage { receive(message, from: Names.command) }
    }
    session.dialler.closed = { [unowned self] _ in if command === session { command = nil } }
    for message in queued { session.send(message, from: session.dialler) }
    queued = []
  }
}
