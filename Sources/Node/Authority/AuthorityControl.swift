import Audit
import Authority
import Cluster
import Cryptography
import Logging
import NIOCore
import Sessions
import Transport
import Wire

/// Feeds the authority's core on its event loop and performs what it says, in order.
final class AuthorityControl {
  private var core: AuthorityCore?
  private let office: AuthorityOffice
  private let membership: MembershipSigner
  private let hello: HelloDescription
  private let logger: Logger
  private let audit: AuditLog
  private let accessPath: String
  private let stop: @Sendable (NodeError) -> Void
  private var mesh: PeerMesh?
  private var timer: DeadlineTimer?
  private var unreached = UnreachedPeers()
  /// Whose sessions those are, or were, since what somebody asked for may be done when he is gone; the newest of each.
  /// Few: they are members and administrators.
  private var callers: [Principal: Caller] = [:]

  init(
    office: AuthorityOffice, membership: MembershipSigner, hello: HelloDescription, accessPath: String,
    logger: Logger, audit: AuditLog, stop: @escaping @Sendable (NodeError) -> Void
  ) {
    self.office = office
    self.membership = membership
    self.hello = hello
    self.accessPath = accessPath
    self.logger = logger
    self.audit = audit
    self.stop = stop
  }

  func begin(_ core: AuthorityCore) { self.core = core }
  func connect(mesh: PeerMesh) { self.mesh = mesh }

  /// From now on time has its share.
  func startTicking(on loop: any EventLoop) {
    timer = DeadlineTimer(on: loop) { [unowned self] _ in handle(.ticked) }
    waitForTick()
  }

  func stopTicking() {
    timer?.cancel()
    timer = nil
  }

  private func waitForTick() { timer?.wait(until: core?.nextTick, now: NodeClock.now()) }

  func handle(_ event: AuthorityEvent) {
    defer { waitForTick() }
    guard let actions = core?.handle(event, now: NodeClock.now(), wall: NodeClock.wallSeconds()),
      !actions.isEmpty
    else { return }
    hello.setCommander(core?.commander)
    for action in actions { perform(action) }
  }

  /// Has the files looked at that an operator changes while the authority runs.
  func lookAtFiles() {
    guard let mesh else { return }
    office.lookAtAccessList(on: mesh.eventLoop).assumeIsolated().whenSuccess { self.receive($0) }
    office.lookAtAdministrators(on: mesh.eventLoop).assumeIsolated().whenSuccess { self.receive($0) }
  }

  private func receive(_ finding: AdministratorsWatch.Finding) {
    switch finding {
    case .unchanged: break
    case .changed(let administrators): handle(.administratorsRead(administrators))
    case .useless(let reason):
      AdministratorsWatch.warn(reason, logger)
      audit.record(AuditEvent(.rights, "administrators", outcome: "not taken", reason: reason))
    }
  }

  func receive(_ finding: AccessListWatch.Finding) {
    switch finding {
    case .unchanged: break
    case .changed(let list):
      // Who has changed the file only the file system could tell.
      audit.record(
        AuditEvent(
          .rights, "access list's file", outcome: "read", subject: accessPath, version: list.version,
          digest: SHA256.hash(list.text)))
      handle(.accessListRead(list))
    case .useless(let reason):
      audit.record(
        AuditEvent(
          .rights, "access list's file", outcome: "not taken", subject: accessPath, reason: reason))
      logger.error(
        "access list not taken; the last good one stays in force",
        metadata: [NodeLogging.Key.reason: "\(reason)"])
    }
  }

  // MARK: Peers

  func receive(_ event: PeerMeshEvent) {
    switch event {
    case .opened(let session):
      unreached.reached(session.peer, now: NodeClock.now(), logger)
      guard let peer = try? Principal(session.peer) else { return }
      callers[peer] = Caller(session)
      logger.debug("session opened", metadata: [NodeLogging.Key.principal: "\(peer)"])
      handle(.connected(peer))
    case .closed(let session, let error):
      guard let peer = try? Principal(session.peer) else { return }
      let reason = error.map { "\($0)" } ?? "closed in order"
      logger.debug(
        "session closed",
        metadata: [NodeLogging.Key.principal: "\(peer)", NodeLogging.Key.reason: "\(reason)"])
      handle(.disconnected(peer))
    case .received(let session, let bytes): receive(bytes, on: session)
    case .unreachable(let principal, let error):
      unreached.failed(principal, "\(error)", now: NodeClock.now(), logger)
    }
  }

  private func receive(_ bytes: [UInt8], on session: PeerSession) {
    guard let peer = try? Principal(session.peer) else { return }
    callers[peer] = Caller(session)
    do throws(CBORError) {
      for message in try ControlMessage.sequence(bytes) { handle(.received(message, from: peer)) }
    } catch {
      logger.warning(
        "peer's session closed: what came is no control message",
        metadata: [NodeLogging.Key.principal: "\(peer)", NodeLogging.Key.reason: "\(error)"])
      mesh?.close(session: session.id, SessionCloseReason(after: error))
    }
  }

  // MARK: Actions

  private func perform(_ action: AuthorityAction) {
    guard let mesh else { preconditionFailure("the control side was used before it was connected") }
    let loop = mesh.eventLoop
    switch action {
    case .send(let message, let peer): mesh.send(message.encoded(), to: peer.text)
    case .learn(let nodes):
      for node in nodes {
        mesh.setAddress(
          NodeAddress(host: node.endpoint.host, port: Int(node.endpoint.port)), of: node.principal.text)
      }
    case .readRegister(let operation): report(office.read(operation, on: loop))
    case .replaceOffice(let operation, let record, let version):
      report(office.replace(operation, record, membership: version, on: loop))
    case .storeNode(let node): report(office.store(node, on: loop))
    case .removeNode(let operation, let node, let isDead, let version):
      report(office.remove(operation, node, isDead: isDead, membership: version, on: loop))
    case .readmit(let node): readmit(node, on: loop)
    case .judgeStore(let database, let shown, let now):
      report(office.judge(database, shown, now: now, on: loop))
    case .acceptStore(let operation, let database, let known):
      report(office.accept(operation, database, known, on: loop))
    case .storeCounted(let version): store(counted: version, on: loop)
    case .signMembership(let list): sign(list)
    case .close(let peer):
      mesh.close(peer: peer.text, .notAuthorized)
      mesh.setAddress(nil, of: peer.text)
    case .createOffice(let operation, let term, let fingerprint):
      report(office.createOffice(operation, term, fingerprint, on: loop))
    case .deleteOffices(let operation, let term):
      report(office.deleteOffices(operation, below: term, on: loop))
    case .issueCertificate(let operation, let order): report(office.issue(operation, order, on: loop))
    case .clearExpiry(let node): report(office.clearExpiry(node, on: loop))
    case .issueTicketCertificate(let order): report(office.issue(order, on: loop))
    case .enroll(let node, let number, let administrator):
      report(office.enroll(node, number: number, for: administrator, on: loop))
    case .note(let note): log(note)
    }
  }

  /// Hands the core what a thread answers. Once the threads are closed nothing is answered any more.
  private func report(_ answer: EventLoopFuture<AuthorityEvent>) {
    answer.assumeIsolated().whenSuccess { self.handle($0) }
  }

  private func sign(_ list: MembershipList) {
    do {
      handle(.membershipSigned(try membership.sign(list), version: list.version))
    } catch {
      logger.critical(
        "the membership list could not be signed: nobody is told who was removed",
        metadata: ["version": "\(list.version)", NodeLogging.Key.reason: "\(error)"])
    }
  }

  /// What is not stored is not lost: the next version that is counted is stored with it, and until then another
  /// process, or this one after a restart, asks for the majorities of more lists than it has to.
  private func store(counted version: UInt64, on loop: any EventLoop) {
    office.count(version, on: loop).assumeIsolated().whenFailure { error in
      self.logger.warning(
        "the register was not told by which membership the commander counts",
        metadata: ["version": "\(version)", NodeLogging.Key.reason: "\(error)"])
    }
  }

  private func readmit(_ node: Principal, on loop: any EventLoop) {
    office.readmit(node, on: loop).assumeIsolated().whenComplete { result in
      switch result {
      case .success(let event): self.handle(event)
      case .failure(let error):
        self.logger.error(
          "an enrolled node is still refused: enroll it once more",
          metadata: [NodeLogging.Key.principal: "\(node)", NodeLogging.Key.reason: "\(error)"])
      }
    }
  }

  private func log(_ note: AuthorityNote) {
    audit.record(AuditEvent(note, callers: callers))
    let line = AuthorityLogLine(note)
    logger.log(level: line.level, "\(line.event)", metadata: line.metadata)
  }
}
