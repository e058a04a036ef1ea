import Audit
import Cluster
import Database
import Logging
import NIOCore
import Sessions
import Storage
import Transport
import Wire

/// A database's control loop: feeds the core with what happens, and performs what it says, in order.
final class DatabaseControl {
  private var core: DatabaseCore
  private let threads: StoreThreads
  private let memberships: MembershipStore
  private let logger: Logger
  private let audit: AuditLog
  private let stop: @Sendable (NodeError) -> Void
  let eventLoop: any EventLoop
  private var mesh: PeerMesh?
  private var timer: DeadlineTimer?
  private var unreached = UnreachedPeers()
  private var drones: [UInt64: StoreSession.Link] = [:]
  /// Whose the other sessions are.
  private var callers: [UInt64: Caller] = [:]
  /// What happens while the core's last actions are being performed waits until they are.
  private var pending: [DatabaseEvent] = []
  private var isPerforming = false
  /// Once the core has said that the process may end: the drones that had not said that nothing is owed.
  private(set) var endsWithout: [Principal]?
  /// The last trouble of the store, for the end of the process.
  private var trouble: StoreError?
  private var isScrubbing = false
  /// Since the scrub began anew.
  private var scrubbedRows = 0
  /// Milliseconds after which a transaction of the store is told of.
  private static let slowTransaction: Int64 = 200

  init(
    core: DatabaseCore, threads: StoreThreads, memberships: MembershipStore, loop: any EventLoop,
    logger: Logger, audit: AuditLog, stop: @escaping @Sendable (NodeError) -> Void
  ) {
    self.core = core
    self.threads = threads
    self.memberships = memberships
    self.logger = logger
    self.audit = audit
    self.stop = stop
    eventLoop = loop
  }

  func connect(_ mesh: PeerMesh) { self.mesh = mesh }

  /// The mesh holds this object, and is let go of again.
  func disconnect() {
    mesh = nil
    timer?.cancel()
    timer = nil
  }

  func handle(_ event: DatabaseEvent) {
    eventLoop.assertInEventLoop()
    pending.append(event)
    guard !isPerforming else { return }
    isPerforming = true
    let wall = NodeClock.wallSeconds()
    while !pending.isEmpty {
      for action in core.handle(pending.removeFirst(), now: NodeClock.now(), wall: wall) { perform(action) }
    }
    isPerforming = false
    timer?.wait(until: core.nextTick, now: NodeClock.now())
  }

  /// From now on time has its share.
  func startTicking() {
    timer = DeadlineTimer(on: eventLoop) { [unowned self] _ in handle(.ticked) }
    handle(.ticked)
  }

  /// Whom a database that is to end still waits for.
  var awaitedDrones: [Principal] { core.awaitedDrones }

  // MARK: Sessions

  func receive(_ event: PeerMeshEvent) {
    switch event {
    case .opened(let session):
      callers[session.id] = Caller(session)
      unreached.reached(session.peer, now: NodeClock.now(), logger)
      do throws(DatabaseAccessError) {
        let peer = try DatabasePeer.admitted(
          peer: session.peer, service: session.service, indicators: session.authenticationIndicators,
          at: core.identity)
        logger.info(
          "peer reached",
          metadata: [NodeLogging.Key.principal: "\(session.peer)", "service": "\(session.service)"])
        handle(.opened(session: session.id, peer))
      } catch {
        close(session.id, error)
      }
    case .received(let session, let bytes): receive(bytes, session)
    case .closed(let session, let error):
      log(session, error)
      callers[session.id] = nil
      handle(.closed(session: session.id))
    case .unreachable(let principal, let error):
      unreached.failed(principal, "\(error)", now: NodeClock.now(), logger)
    }
  }

  private func receive(_ bytes: [UInt8], _ session: PeerSession) {
    do throws(CBORError) {
      for message in try ControlMessage.sequence(bytes) {
        handle(.received(message, session: session.id))
      }
    } catch {
      logger.warning(
        "peer's session closed: what came is no control message",
        metadata: [NodeLogging.Key.principal: "\(session.peer)", NodeLogging.Key.reason: "\(error)"])
      mesh?.close(session: session.id, SessionCloseReason(after: error))
    }
  }

  private func log(_ session: PeerSession, _ error: SessionError?) {
    guard let error else { return }
    logger.debug(
      "peer's session ended",
      metadata: [NodeLogging.Key.principal: "\(session.peer)", NodeLogging.Key.reason: "\(error)"])
  }

  func opened(_ link: StoreSession.Link) {
    drones[link.session.id] = link
    handle(.opened(session: link.session.id, .drone(link.holder)))
  }

  func closed(_ session: UInt64) {
    drones[session] = nil
    handle(.closed(session: session))
  }

  private func close(_ session: UInt64, _ error: DatabaseAccessError) {
    let caller = callers[session]
    let principal = caller?.principal ?? drones[session]?.holder.text
    logger.warning(
      "session closed",
      metadata: [
        NodeLogging.Key.principal: "\(principal ?? "?")", NodeLogging.Key.reason: "\(error)",
      ])
    audit.record(
      AuditEvent(
        .denial, "session", outcome: "closed", principal: principal, address: caller?.address,
        encryptionType: caller?.encryptionType, reason: error.description))
    if let drone = drones[session] {
      drone.session.close(.notAuthorized)
    } else {
      mesh?.close(session: session, .notAuthorized)
    }
  }

  // MARK: Actions

  private func perform(_ action: DatabaseAction) {
    switch action {
    case .send(let message, let session): mesh?.send(message.encoded(), toSession: session)
    case .register(let register):
      let message = ControlMessage.register(register).encoded()
      mesh?.send(message, to: core.identity.authority.text)
    case .report(let report):
      mesh?.send(ControlMessage.storeReport(report).encoded(), to: core.identity.authority.text)
    case .answer(let answer, let session): drones[session]?.send(answer.encoded())
    case .close(let session, let error): close(session, error)
    case .admit(let signed, _): store(signed)
    case .perform(let job): perform(job)
    case .stream(let stream): start(stream)
    case .end(let drones): endsWithout = drones
    case .giveUp: if let trouble { stop(NodeError(trouble)) }
    case .note(let note): log(note)
    }
  }

  /// A list that cannot be stored is gone by all the same; but a database that may forget it goes no further.
  private func store(_ list: SignedMembership) {
    do throws(NodeError) {
      try memberships.store(list)
    } catch {
      logger.critical(
        "the membership list could not be stored", metadata: [NodeLogging.Key.reason: "\(error)"])
      stop(error)
    }
  }

  private func perform(_ job: StoreJob) {
    let reference = DatabaseControlReference(self)
    let asked = NodeClock.now()
    threads.perform(job) { result, backlog, mark in
      let milliseconds = NodeClock.now() - asked
      reference.execute { control in
        control.logIfSlow(job, milliseconds, backlog)
        switch result {
        case .success(let result): control.handle(.finished(result, backlog: backlog, mark: mark))
        case .failure(let error): control.failed(error, backlog)
        }
      }
    }
  }

  /// Everything that a drone waits for goes through this one writer: what holds it up is worth a line.
  private func logIfSlow(_ job: StoreJob, _ milliseconds: Int64, _ backlog: StoreBacklog) {
    guard milliseconds >= Self.slowTransaction else { return }
    logger.notice(
      "slow transaction",
      metadata: [
        "kind": "\(job.kind)", "bytes": "\(job.approximateLength)", "milliseconds": "\(milliseconds)",
        "unfolded": "\(backlog.bytes)",
      ])
  }

  private func failed(_ error: StoreError, _ backlog: StoreBacklog) {
    if let event = AuditEvent(error, foundBy: "transaction") { audit.record(event) }
    logger.error(
      "the store failed",
      metadata: [NodeLogging.Key.reason: "\(error)", "next": "\(error.trouble.outlook)"])
    trouble = error
    handle(.failed(error.failure, backlog: backlog))
  }

  private func start(_ stream: ContentsStream) {
    let reference = DatabaseControlReference(self)
    let delivery = ContentsDelivery(stream)
    guard let link = drones[stream.session] else { return handle(delivery.abandoned) }
    let (logger, audit) = (logger, audit)
    threads.read { store in
      var sender = ContentsSender(delivery, link: link, logger: logger, audit: audit)
      let (event, error) = sender.run(store)
      reference.execute { control in
        if let error { control.trouble = error }
        control.handle(event)
      }
    }
  }

  // MARK: Scrubbing

  /// One step; the next begins a while after this one has ended.
  func scrub() {
    guard !isScrubbing else { return }
    isScrubbing = true
    let reference = DatabaseControlReference(self)
    threads.read { store in
      let result = Result { () throws(StoreError) in try store.scrub() }
      reference.execute { $0.scrubbed(result) }
    }
  }

  private func scrubbed(_ result: Result<ScrubStep, StoreError>) {
    isScrubbing = false
    switch result {
    case .success(let step):
      scrubbedRows += step.rows
      for damage in step.damages {
        if let event = AuditEvent(damage, foundBy: "scrub") { audit.record(event) }
        logger.error("damaged data found", metadata: [NodeLogging.Key.reason: "\(damage)"])
      }
      guard step.isLast else { return }
      logger.info("store verified", metadata: ["rows": "\(scrubbedRows)"])
      scrubbedRows = 0
    case .failure(let error):
      if let event = AuditEvent(error, foundBy: "scrub") { audit.record(event) }
      logger.warning("store not verified", metadata: [NodeLogging.Key.reason: "\(error)"])
      trouble = error
      handle(.scrubFailed(error.failure))
    }
  }

  private func log(_ note: DatabaseNote) {
    if let event = AuditEvent(note) { audit.record(event) }
    switch note {
    case .termRaised(let term):
      logger.notice("term raised", metadata: [NodeLogging.Key.term: "\(term)"])
    case .keyStored(let term):
      logger.info("sealing key stored", metadata: [NodeLogging.Key.term: "\(term)"])
    case .opened(let holder, let partitions, let token):
      logger.info(
        "partitions opened",
        metadata: [
          NodeLogging.Key.principal: "\(holder)", NodeLogging.Key.partition: "\(partitions)",
          NodeLogging.Key.term: "\(token.term)", "token": "\(token)",
        ])
    case .refused(let holder, let partitions, let reason):
      logger.warning(
        "partitions not opened",
        metadata: [
          NodeLogging.Key.principal: "\(holder)", NodeLogging.Key.partition: "\(partitions)",
          NodeLogging.Key.reason: "\(reason)",
        ])
    case .fencedOff(let holder, let partitions):
      logger.warning(
        "records of fenced partitions refused",
        metadata: [
          NodeLogging.Key.principal: "\(holder)", NodeLogging.Key.partition: "\(partitions)",
        ])
    case .membershipChanged(let version, let members):
      logger.notice("membership changed", metadata: ["version": "\(version)", "members": "\(members)"])
    case .membershipRefused(let reason):
      logger.warning("membership list not believed", metadata: [NodeLogging.Key.reason: "\(reason)"])
    case .storeAccepted(let mark): logger.notice("store accepted", metadata: ["store": "\(mark)"])
    case .storeHeld(let mark, let known):
      logger.error(
        "the store is not the one that the cluster knows, or is behind it: nobody is served (keyval database list)",
        metadata: ["store": "\(mark)", "known": "\(known.mark)"])
    case .receiptRefused(let drone, let mark):
      logger.warning(
        "a drone shows a receipt that this store has not given",
        metadata: [NodeLogging.Key.principal: "\(drone)", "store": "\(mark)"])
    // The shell has said why in more words.
    case .storeFailed(let reason):
      logger.debug("a transaction failed", metadata: [NodeLogging.Key.reason: "\(reason)"])
    case .storeRecovered: logger.notice("the store stores again")
    case .damaged(let row):
      logger.error("damaged data found", metadata: [NodeLogging.Key.reason: "\(row)"])
    }
  }
}

extension StoreTrouble {
  /// What comes of it, for the log.
  fileprivate var outlook: String {
    switch self {
    case .passing: "it is tried again"
    case .waiting: "drones keep what they have; it is tried until it works"
    case .partial: "all else goes on"
    case .final: "this process ends"
    }
  }
}

/// The control loop, named from any thread.
struct DatabaseControlReference: Sendable {
  private let bound: NIOLoopBound<DatabaseControl>
  let eventLoop: any EventLoop

  /// Must be made on the loop itself.
  init(_ control: DatabaseControl) {
    bound = NIOLoopBound(control, eventLoop: control.eventLoop)
    eventLoop = control.eventLoop
  }

  /// On the loop already.
  var here: DatabaseControl { bound.value }

  func execute(_ body: @escaping @Sendable (DatabaseControl) -> Void) {
    eventLoop.execute { [bound] in body(bound.value) }
  }

  /// Whom a new session belongs to; nil when nobody here talks with this peer. May be asked on any thread.
  func admit(_ session: SessionIdentity, at identity: DatabaseIdentity, _ logger: Logger) -> DatabasePeer? {
    do throws(DatabaseAccessError) {
      return try DatabasePeer.admitted(
        peer: session.peer, service: session.service, indicators: session.authenticationIndicators,
        at: identity)
    } catch {
      logger.warning(
        "session refused",
        metadata: [NodeLogging.Key.principal: "\(session.peer)", NodeLogging.Key.reason: "\(error)"])
      return nil
    }
  }
}
