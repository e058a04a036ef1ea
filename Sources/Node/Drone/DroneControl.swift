import Audit
import Cluster
import Commander
import Cryptography
import Drone
import Logging
import NIOCore
import Office
import Sessions
import Transport
import Wire

/// A drone's control side on its own event loop: feeds the drone's core, and the commander's while this drone
/// holds the office, and performs what they say, in order.
final class DroneControl {
  let identity: DroneCore.Identity
  let timing: Timing
  let officeCredential: OfficeCredential
  let logger: Logger
  let authority: RegisteredNode
  private let authorityAddresses: [NodeAddress]
  private let votes: VoteStore
  private let pulse: LoopPulse
  private let memberships: MembershipStore
  private let gate: MemberGate
  private let stop: @Sendable (NodeError) -> Void
  private var core: DroneCore
  var seat: OfficeSeat
  private var mesh: PeerMesh?
  private var unreached = UnreachedPeers()
  private var loops: [DataLoopReference] = []
  private var timer: DeadlineTimer?
  /// How many events are being handled, one within the other.
  private var depth = 0
  let audit: AuditLog
  let hello: HelloDescription

  init(
    identity: DroneCore.Identity, timing: Timing, verifier: ElectionVerifier,
    membershipVerifier: MembershipVerifier, authority: RegisteredNode, authorityAddresses: [NodeAddress],
    promise: VotePromise, votes: VoteStore, members: MembershipList?, memberships: MembershipStore,
    gate: MemberGate, pulse: LoopPulse, shadows: Int, officeCredential: OfficeCredential,
    hello: HelloDescription,
    logger: Logger, audit: AuditLog, stop: @escaping @Sendable (NodeError) -> Void
  ) {
    self.identity = identity
    self.timing = timing
    self.authority = authority
    self.authorityAddresses = authorityAddresses
    self.votes = votes
    self.pulse = pulse
    self.memberships = memberships
    self.gate = gate
    self.officeCredential = officeCredential
    self.hello = hello
    self.logger = logger
    self.audit = audit
    self.stop = stop
    seat = OfficeSeat(
      OfficeSeat.Terms(
        principal: identity.principal, cluster: identity.cluster, authority: authority, timing: timing,
        verifier: verifier, shadows: shadows))
    core = DroneCore(
      identity: identity, timing: timing, verifier: verifier, membershipVerifier: membershipVerifier,
      promise: promise, members: members, loops: pulse.loops.count, seed: SecureRandom.integer(),
      now: NodeClock.now())
  }

  func connect(mesh: PeerMesh, loops: [DataLoopReference]) {
    self.mesh = mesh
    self.loops = loops
    mesh.setAddresses(authorityAddresses, of: authority.principal.text)
  }

  // MARK: Events

  /// From now on time has its share.
  func startTicking() {
    timer = DeadlineTimer(on: loop) { [unowned self] in tick(late: $0) }
    tick(late: 0)
  }

  func stopTicking() {
    timer?.cancel()
    timer = nil
  }

  private func tick(late: Int64) {
    if late > timing.suspicion { TickWatch.warn(late, "control", logger) }
    inTurn {
      handle(.ticked)
      command(.ticked(wall: NodeClock.wallSeconds()))
      askForTickets()
    }
  }

  /// Looks once all that comes of an event is done when the next tick is due.
  private func inTurn(_ body: () -> Void) {
    depth += 1
    body()
    depth -= 1
    guard depth == 0, let timer else { return }
    let next = [core.nextTick, seat.office?.core.nextTick].compactMap { $0 }.min()
    timer.wait(until: next, now: NodeClock.now())
  }

  func handle(_ event: DroneEvent) {
    inTurn {
      noteLoops()
      for action in core.handle(event, now: NodeClock.now()) { perform(action) }
    }
  }

  private func noteLoops() {
    for loop in pulse.loops {
      guard let beat = pulse.last(of: loop) else { continue }
      for action in core.handle(.loopTicked(loop: loop, at: beat), now: NodeClock.now()) { perform(action) }
    }
  }

  func command(_ event: CommanderEvent) {
    inTurn {
      perform(seat.office?.handle(event, now: NodeClock.now(), randomness: SecureRandom.bytes) ?? [])
    }
  }

  func receive(_ event: PeerMeshEvent) { inTurn { react(to: event) } }

  private func react(to event: PeerMeshEvent) {
    switch event {
    case .received(let session, let bytes):
      guard let peer = try? Principal(session.peer) else { return }
      do throws(CBORError) {
        for message in try ControlMessage.sequence(bytes) { receive(message, from: peer) }
      } catch {
        logger.warning(
          "peer's session closed: what came is no control message",
          metadata: [NodeLogging.Key.principal: "\(peer)", NodeLogging.Key.reason: "\(error)"])
        mesh?.close(session: session.id, SessionCloseReason(after: error))
      }
    case .unreachable(let principal, let error):
      unreached.failed(principal, "\(error)", now: NodeClock.now(), logger)
    case .opened(let session): unreached.reached(session.peer, now: NodeClock.now(), logger)
    case .closed: break
    }
  }

  private func receive(_ message: ControlMessage, from peer: Principal) {
    if message.isForOffice { return command(.received(message, from: peer)) }
    if case .ticketCertificate(let issued) = message {
      return receive(issued, from: peer)
    }
    handle(.received(message, from: peer, wall: NodeClock.wallSeconds()))
    let event = CommanderEvent(
      of: message, from: peer, authority: authority.principal, accessList: core.accessList)
    if let event { command(event) }
  }

  /// Of how many partitions this drone, which is about to end, has what nobody serves; nil while that is not known.
  var orphanCount: Int? { core.orphanCount }

  /// The process is asked to end: nothing more is opened here but what only this drone may have.
  func end() { handle(.ending) }

  /// Gives back what this drone serves.
  func retire() { handle(.retired) }

  var hasGivenAll: Bool {
    core.hasGivenAll(isAllServed: seat.office?.core.isAllServed(NodeClock.now()))
  }

  func status() -> ClusterStatus? { seat.office?.core.status(now: NodeClock.now()) }

  /// An operator's order to the commander; nil when this drone is not it.
  func administer(_ order: AdministratorOrder, _ name: String, by caller: Caller) -> AdministratorReply? {
    var reply: AdministratorReply?
    inTurn { reply = seat.office?.core.administer(order, name, now: NodeClock.now()) }
    log(order, name, by: caller, reply)
    return reply
  }

  // MARK: Actions of the drone

  private func perform(_ action: DroneAction) {
    switch action {
    case .send(let message, let peer): send(message, to: peer)
    case .learn(let nodes): learn(nodes)
    case .store(let promise): store(promise)
    case .admit(let signed, let list): admit(signed, list)
    case .withdraw: onEachLoop { $0.handle(.withdrawn) }
    case .makeElectionKey(let term): makeElectionKey(term)
    case .dropElectionKey(let term): seat.withdraw(from: term)
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
    case .serve(let partitions, let end): onEachLoop { $0.handle(.leased(partitions, until: end)) }
    case .install(let signed, let map): onEachLoop { $0.handle(.mapInstalled(signed, map)) }
    case .installAccessList(let list, let term, let version):
      onEachLoop { $0.handle(.accessListInstalled(list)) }
      logger.notice(
        "access list installed", metadata: [NodeLogging.Key.term: "\(term)", "version": "\(version)"])
      audit.record(
        AuditEvent(.rights, "access list", outcome: "in force", term: term.number, version: version))
    case .setDenials(let mayDeny): onEachLoop { $0.handle(.denialsSet(mayDeny)) }
    case .note(let note): log(note)
    }
  }

  func send(_ message: ControlMessage, to peer: Principal) {
    guard peer == identity.principal else {
      mesh?.send(message.encoded(), to: peer.text)
      return
    }
    // The commander and the drone of one process talk without a network, but not within each other's calls.
    let bound = NIOLoopBound(self, eventLoop: loop)
    loop.execute { bound.value.receive(message, from: peer) }
  }

  private var loop: any EventLoop {
    guard let mesh else { preconditionFailure("the control side was used before it was connected") }
    return mesh.eventLoop
  }

  private func learn(_ nodes: [RegisteredNode]) {
    for node in nodes {
      let address = NodeAddress(host: node.endpoint.host, port: Int(node.endpoint.port))
      mesh?.setAddress(address, of: node.principal.text)
      guard node.principal.role == .database else { continue }
      if let command = node.principal.commandService {
        mesh?.setAddress(address, of: command.text)
      }
      onEachLoop { $0.handle(.located(node)) }
    }
  }

  private func store(_ promise: VotePromise) {
    do {
      try votes.store(promise)
    } catch {
      // A vote that is not stored must not be told: nothing behind this action may happen.
      logger.critical("the vote could not be stored", metadata: [NodeLogging.Key.reason: "\(error)"])
      mesh?.shutDown()
      stop(error)
    }
  }

  /// A list that cannot be stored is gone by all the same: what counts is that nobody who was removed is let in now.
  private func admit(_ signed: SignedMembership, _ list: MembershipList) {
    do throws(NodeError) {
      try memberships.store(signed)
    } catch {
      logger.critical(
        "the membership list could not be stored", metadata: [NodeLogging.Key.reason: "\(error)"])
      stop(error)
    }
    gate.admit(list)
    mesh?.close(reason: .notAuthorized) { DronePeer.isExpelled($0, by: list) }
    onEachLoop { $0.handle(.admitted(list)) }
  }

  private func onEachLoop(_ body: @escaping @Sendable (DataLoop) -> Void) {
    for loop in loops { loop.execute(body) }
  }

  /// `closed` is reported once every loop has stopped serving.
  private func close(_ partitions: PartitionSet) {
    let bound = NIOLoopBound(self, eventLoop: loop)
    let control = loop
    let stopped = loops.map { reference in
      reference.eventLoop.submit { reference.here.handle(.released(partitions)) }
    }
    EventLoopFuture.andAllComplete(stopped, on: control).whenComplete { _ in
      bound.value.handle(.closed(partitions))
    }
  }

  // MARK: The office

  private func makeElectionKey(_ term: Term) {
    do {
      let request = try seat.stand(for: term, key: P256PrivateKey.generate())
      handle(.electionKeyMade(term, certificateRequest: request))
    } catch {
      logger.error("no election key could be made", metadata: [NodeLogging.Key.reason: "\(error)"])
    }
  }

  private func assumeOffice(_ appointment: OfficeSeat.Appointment) {
    let term = appointment.term
    do {
      let name = try Principal.office(term: term, realm: identity.principal.realm)
      let events = try seat.assume(
        appointment, accessList: core.accessList, now: NodeClock.now(), wall: NodeClock.wallSeconds())
      if let key = seat.office?.key { officeCredential.begin(office: name, key: key) }
      logger.notice("office taken", metadata: [NodeLogging.Key.term: "\(term)"])
      askForTickets()
      audit.record(
        AuditEvent(
          .election, "office", outcome: "taken", principal: identity.principal.text, term: term.number))
      for event in events { command(event) }
    } catch {
      logger.error(
        "the office cannot be taken",
        metadata: [NodeLogging.Key.term: "\(term)", NodeLogging.Key.reason: "\(error)"])
      handle(.resigned(term))
    }
  }

  private func renewOffice(_ term: Term, _ certificate: [UInt8]) {
    do {
      let event = try seat.renew(term, certificate: certificate, wall: NodeClock.wallSeconds())
      guard let event else { return }
      command(event)
      logger.info("certificate renewed", metadata: [NodeLogging.Key.term: "\(term)"])
    } catch {
      logger.error("the renewed certificate is of no use", metadata: [NodeLogging.Key.reason: "\(error)"])
    }
  }

  private func leaveOffice(_ term: Term, reason: String) {
    guard let office = seat.leave(term) else { return }
    officeCredential.clear()
    for database in office.core.databaseNodes {
      if let command = database.principal.commandService { mesh?.close(peer: command.text) }
    }
    logger.notice(
      "office left", metadata: [NodeLogging.Key.term: "\(term)", NodeLogging.Key.reason: "\(reason)"])
    audit.record(
      AuditEvent(
        .election, "office", outcome: "left", principal: identity.principal.text, term: term.number,
        reason: reason))
  }

  // MARK: Actions of the commander

  /// What an office wants.
  func perform(_ actions: [CommanderOffice.Action]) {
    guard let term = seat.office?.term else { return }
    for action in actions {
      // An action may have ended the office; what it wanted after that is void.
      guard seat.office?.term == term else { return }
      perform(action, of: term)
    }
  }

  private func perform(_ action: CommanderOffice.Action, of term: Term) {
    switch action {
    case .send(let message, let peer): send(message, to: peer)
    case .command(let message, let service): command(service, message)
    case .resign(let term, let reason):
      leaveOffice(term, reason: reason)
      handle(.resigned(term))
    case .failed(let error):
      logger.error(
        "an act of the commander failed",
        metadata: [NodeLogging.Key.term: "\(term)", NodeLogging.Key.reason: "\(error)"])
    case .note(let note): log(note, term)
    case .signed, .signedAccessList: break
    }
  }

  func command(_ service: Principal, _ message: ControlMessage) {
    guard officeCredential.isReady else {
      seat.office?.hold(message, for: service)
      return
    }
    guard let office = seat.office else { return }
    mesh?.send(office.shown(message).flatMap { $0.encoded() }, to: service.text)
  }
}
