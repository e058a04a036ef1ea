import Authority
import Cluster
import Cryptography

/// The authority's process, with the thread of its register and the one that talks to the KDC. Both outlive it.
final class AuthorityMachine: Machine {
  private var registerThread: Executor!
  private var kadminThread: Executor!
  private var core: AuthorityCore?
  private var connected: Set<Principal> = []
  private var random: SeededRandom
  private var database: Session?
  private var isDialling = false
  private var queued: [ControlMessage] = []
  // The register
  private(set) var register = RegisterContents.empty
  // The KDC
  private(set) var offices: [Term: [UInt8]] = [:]
  var isKDCAway = false
  /// Steps of certification until the process ends in the middle of one; nil: it does not.
  var stepsToLive: Int?

  init(_ world: World) {
    random = SeededRandom(seed: world.random.next())
    super.init(world, name: "a1")
    registerThread = makeExecutor("register")
    kadminThread = makeExecutor("kadmin")
  }

  var term: Term { register.office.term }

  override func began() {
    core = AuthorityCore(
      identity: AuthorityCore.Identity(
        principal: Names.authority, cluster: Names.cluster, administrators: [Names.administrator]),
      timing: world.timing, verifier: Names.verifier, register: register, seed: random.next())
    #if KEYVAL_MUTATIONS
      core?.mutations = world.mutations
    #endif
    control.post { [unowned self] in handle(.started) }
    tick()
  }

  override func ended() {
    core = nil
    connected = []
    database = nil
    isDialling = false
    queued = []
  }

  private func tick() {
    control.post { [unowned self] in
      handle(.ticked)
      after(world.timing.heartbeat / 5, on: control) { [unowned self] in tick() }
    }
  }

  func receive(_ message: ControlMessage, from peer: Principal) {
    if connected.insert(peer).inserted { handle(.connected(peer)) }
    handle(.received(message, from: peer))
  }

  func disconnected(_ peer: Principal) {
    if connected.remove(peer) != nil { handle(.disconnected(peer)) }
  }

  private func handle(_ event: AuthorityEvent) {
    guard let actions = core?.handle(event, now: now, wall: wall) else { return }
    control.perform(actions.map { action in { [unowned self] in perform(action) } })
  }

  private func perform(_ action: AuthorityAction) {
    switch action {
    case .send(let message, let peer):
      if peer == Names.database { return sendToDatabase(message) }
      world.send(message, from: self, as: Names.authority, to: peer)
    case .readRegister(let operation):
      work(registerThread) { [unowned self] in .registerRead(operation: operation, register) }
    case .replaceOffice(let operation, let record, let version):
      work(registerThread) { [unowned self] in
        .officeReplaced(operation: operation, replace(record, membership: version))
      }
    case .storeNode(let node):
      work(registerThread) { [unowned self] in
        register = register.storing(node)
        return .nodeStored(node, register)
      }
    case .removeNode(let operation, let node, let isDead, let version):
      work(registerThread) { [unowned self] in
        register = register.removing(node, isDead: isDead, membership: version)
        return .nodeRemoved(operation: operation, register)
      }
    case .readmit(let node):
      work(registerThread) { [unowned self] in
        register = register.readmitting(node)
        return .readmitted(register)
      }
    case .storeCounted(let version):
      work(registerThread) { [unowned self] in
        register = register.counting(version)
        return nil
      }
    case .signMembership(let list):
      guard let signed = try? SignedMembership(list, key: Names.membershipKey) else { return }
      handle(.membershipSigned(signed, version: list.version))
    case .close(let peer): disconnected(peer)
    case .issueCertificate(let operation, let order):
      work(registerThread) { [unowned self] in issue(operation, order) }
    case .createOffice(let operation, let term, let fingerprint):
      work(kadminThread) { [unowned self] in createOffice(operation, term, fingerprint) }
    case .deleteOffices(let operation, let term):
      work(kadminThread) { [unowned self] in
        if isKDCAway { return .failed(operation: operation, reason: "the KDC does not answer") }
        for lower in offices.keys.filter({ $0 < term }).sorted() { offices[lower] = nil }
        return .lowerOfficesDeleted(operation: operation)
      }
    case .clearExpiry(let node):
      work(kadminThread) { .expiryCleared(node) }
    case .learn, .enroll: break
    case .note(let note): world.trace("a1 \(note)")
    }
  }

  /// Does something on a thread that blocks, and tells the core. The process may end before and after.
  private func work(_ thread: Executor, _ body: @escaping () -> AuthorityEvent?) {
    let life = life
    thread.post { [unowned self] in
      world.after(random.number(200...4_000)) { [unowned self] in
        guard self.life == life else { return }
        thread.post { [unowned self] in
          if endsNow() { return crashAndReturn() }
          let event = body()
          if endsNow() { return crashAndReturn() }
          if let event { control.post { [unowned self] in handle(event) } }
        }
      }
    }
  }

  private func endsNow() -> Bool {
    guard let steps = stepsToLive else { return false }
    stepsToLive = steps > 0 ? steps - 1 : nil
    return steps == 0
  }

  private func crashAndReturn() {
    crash()
    world.after(random.number(10_000...3_000_000)) { [unowned self] in start() }
  }

  // MARK: The register

  private func replace(
    _ record: OfficeRecord, membership version: UInt64?
  ) -> AuthorityEvent.Replacement {
    let stored = register.office
    if stored == record { return .stored }
    guard let changed = register.replacing(record, membership: version) else { return .stale(stored) }
    register = changed
    world.watch.claimed(record)
    return .stored
  }

  private func issue(_ operation: UInt64, _ order: CertificateOrder) -> AuthorityEvent {
    guard order.term == register.office.term, order.winner == register.office.winner,
      let key = try? P256PublicKey(der: order.winner.key.der),
      let certificate = try? Names.certificates.issueElectionCertificate(
        publicKey: key, term: order.term.number, winner: order.winner.principal.text, realm: Names.realm,
        notBefore: order.notBefore, notAfter: order.notAfter)
    else { return .failed(operation: operation, reason: "the register has another term") }
    world.watch.certified(order)
    return .certificateIssued(operation: operation, certificate: certificate)
  }

  private func createOffice(_ operation: UInt64, _ term: Term, _ fingerprint: [UInt8]) -> AuthorityEvent {
    if isKDCAway { return .failed(operation: operation, reason: "the KDC does not answer") }
    if let known = offices[term], known != fingerprint {
      return .officeCreated(operation: operation, .burnt)
    }
    offices[term] = fingerprint
    return .officeCreated(operation: operation, .bearsTheKey)
  }

  // MARK: The database

  private func sendToDatabase(_ message: ControlMessage) {
    if let database, database.dialler.isOpen { return database.send(message, from: database.dialler) }
    if queued.count < 16 { queued.append(message) }
    guard !isDialling else { return }
    isDialling = true
    let target = world.database
    world.network.dial(
      from: self, on: control, to: target, at: target.acceptingExecutor,
      accept: { [unowned target] session in
        target.accept(session, as: Names.authority.text, service: Names.database, indicators: [])
      },
      completion: { [unowned self] session in
        isDialling = false
        database = session
        let messages = queued
        queued = []
        guard let session else { return }
        session.dialler.received = { [unowned self] payload in
          if let message = payload as? ControlMessage { receive(message, from: Names.database) }
        }
        session.dialler.closed = { [unowned self] _ in database = nil }
        for message in messages { session.send(message, from: session.dialler) }
      })
  }
}
