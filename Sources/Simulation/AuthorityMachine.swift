import Authority
import Cluster

/// One process of the authority, with the threads of its register, of its tenure and the one that talks to the KDC.
/// Register and KDC outlive it (`AuthoritySite`).
final class AuthorityMachine: Machine {
  private let site: AuthoritySite
  private var registerThread: Executor!
  private var tenureThread: Executor!
  private var kadminThread: Executor!
  private var tenure: Tenure?
  /// While it is the active one.
  private var core: AuthorityCore?
  private var connected: Set<Principal> = []
  private var random: SeededRandom
  private var database: Session?
  private var isDialling = false
  private var queued: [ControlMessage] = []
  /// Steps of certification until the process ends, or is stopped, in the middle of one; nil: it is not.
  var stepsToLive: Int?
  var stepsToHang: (steps: Int, microseconds: Int64)?
  /// What it asks of the register waits.
  var isRegisterAway = false

  init(_ world: World, _ site: AuthoritySite, name: String, seed: UInt64) {
    self.site = site
    random = SeededRandom(seed: seed)
    super.init(world, name: name)
    registerThread = makeExecutor("register")
    kadminThread = makeExecutor("kadmin")
    tenureThread = makeExecutor("tenure")
  }

  /// In whose name it writes to the register.
  var holder: Incarnation? { tenure?.holder }
  /// Whether it takes connections.
  var isListening: Bool { isUp && core != nil }

  /// Whether no election can be won without this drone.
  func needs(_ drone: Principal) -> Bool { core?.needs(drone) ?? false }

  override func began() {
    standBy()
    tick()
    lookAtAccessList()
  }

  override func ended() {
    tenure = nil
    endTenure()
  }

  // MARK: The tenure

  private func standBy() {
    tenure = Tenure(holder: Incarnation(random.next()), timing: world.timing)
  }

  /// Its sessions end, and what waits for them.
  private func endTenure() {
    core = nil
    connected = []
    if let database { database.close(from: database.dialler) }
    database = nil
    isDialling = false
    queued = []
  }

  private func keep(_ event: Tenure.Event) {
    for action in tenure?.handle(event, now: now) ?? [] { perform(action) }
  }

  private func perform(_ action: Tenure.Action) {
    switch action {
    case .read(let operation):
      ask { [unowned self] in .read(operation: operation, site.tenure) }
    case .replace(let operation, let expected, let record):
      ask { [unowned self] in
        .replaced(operation: operation, site.replaceTenure(expected, with: record))
      }
    case .begin(let until): begin(until)
    case .extend(let until): handle(.tenureExtended(until: until))
    case .end:
      world.trace("\(name) has lost its tenure")
      endTenure()
      standBy()
    }
  }

  private func ask(_ question: @escaping () -> Tenure.Event) {
    let (life, holder) = (life, holder)
    tenureThread.post { [unowned self] in
      world.after(random.number(100...2_000)) { [unowned self] in
        guard self.life == life else { return }
        tenureThread.post { [unowned self] in answer(question, holder) }
      }
    }
  }

  private func answer(_ question: @escaping () -> Tenure.Event, _ holder: Incarnation?) {
    if isRegisterAway {
      return after(50, on: tenureThread) { [unowned self] in answer(question, holder) }
    }
    let event = question()
    control.post { [unowned self] in if self.holder == holder { keep(event) } }
  }

  /// Reads the register, now that nobody else writes to it, and begins.
  private func begin(_ until: Instant) {
    world.trace("\(name) is the active authority")
    let (life, holder) = (life, holder)
    registerThread.post { [unowned self] in
      let contents = site.register
      control.post { [unowned self] in
        guard self.life == life, self.holder == holder else { return }
        begin(with: contents, until: max(until, tenure?.until ?? until))
      }
    }
  }

  private func begin(with contents: RegisterContents, until: Instant) {
    core = AuthorityCore(
      identity: AuthorityCore.Identity(principal: Names.authority, cluster: Names.cluster),
      administrators: [Names.administrator], timing: world.timing, verifier: Names.verifier,
      register: contents, tenure: until, seed: random.next())
    handle(.accessListRead(world.access.current(at: world.time)))
    handle(.started)
  }

  // MARK: The authority's core

  private func tick() {
    control.post { [unowned self] in
      keep(.ticked)
      if let next = core?.nextTick, now >= next { handle(.ticked) }
      after(world.timing.heartbeat / 5, on: control) { [unowned self] in tick() }
    }
  }

  private func lookAtAccessList() {
    after(world.timing.lookAtFiles, on: control) { [unowned self] in
      work(registerThread) { [unowned self] in .accessListRead(world.access.current(at: world.time)) }
      lookAtAccessList()
    }
  }

  func receive(_ message: ControlMessage, from peer: Principal) {
    guard core != nil else { return }
    if connected.insert(peer).inserted { handle(.connected(peer)) }
    handle(.received(message, from: peer))
  }

  func disconnected(_ peer: Principal) {
    if connected.remove(peer) != nil { handle(.disconnected(peer)) }
  }

  private func handle(_ event: AuthorityEvent) {
    guard let actions = core?.handle(event, now: now, wall: wall) else { return }
    let holder = holder
    control.perform(
      actions.map { action in
        // What an ended tenure still wanted is void, as it is where its threads and sessions have ended.
        { [unowned self] in if self.holder == holder { perform(action) } }
      })
  }

  private func perform(_ action: AuthorityAction) {
    switch action {
    case .send(let message, let peer):
      if peer == Names.database { return sendToDatabase(message) }
      world.send(message, from: self, as: Names.authority, to: peer)
    case .readRegister(let operation):
      work(registerThread) { [unowned self] in .registerRead(operation: operation, site.register) }
    case .replaceOffice(let operation, let record, let version):
      work(registerThread) { [unowned self] in
        .officeReplaced(operation: operation, site.replaceOffice(record, membership: version, by: self))
      }
    case .storeNode(let node):
      work(registerThread) { [unowned self] in site.store(node, by: self) }
    case .removeNode(let operation, let node, let isDead, let version):
      work(registerThread) { [unowned self] in
        site.remove(operation, node, isDead: isDead, membership: version, by: self)
      }
    case .readmit(let node):
      work(registerThread) { [unowned self] in site.readmit(node, by: self) }
    case .judgeStore(let database, let report, let now):
      work(registerThread) { [unowned self] in site.judge(database, report, now: now, by: self) }
    case .acceptStore(let operation, let database, let known):
      work(registerThread) { [unowned self] in site.accept(operation, database, known, by: self) }
    case .storeCounted(let version):
      work(registerThread) { [unowned self] in
        site.count(version, by: self)
        return nil
      }
    case .signMembership(let list):
      guard let signed = try? SignedMembership(list, key: Names.membershipKey) else { return }
      handle(.membershipSigned(signed, version: list.version))
    case .close(let peer): disconnected(peer)
    case .issueCertificate(let operation, let order):
      work(registerThread) { [unowned self] in site.issue(operation, order) }
    case .createOffice(let operation, let term, let fingerprint):
      work(kadminThread) { [unowned self] in site.createOffice(operation, term, fingerprint) }
    case .deleteOffices(let operation, let term):
      work(kadminThread) { [unowned self] in site.deleteOffices(operation, below: term) }
    case .clearExpiry(let node):
      work(kadminThread) { .expiryCleared(node) }
    // Nobody enrolls here, and a commander is given tickets without a certificate of its own for the KDC.
    case .learn, .enroll, .issueTicketCertificate: break
    case .note(let note): world.trace("\(name) \(note)")
    }
  }

  // MARK: Steps

  /// Does something on a thread that blocks, and tells the core. The process may end, or be stopped, before and
  /// after.
  private func work(_ thread: Executor, _ body: @escaping () -> AuthorityEvent?) {
    let (life, holder) = (life, holder)
    thread.post { [unowned self] in
      world.after(random.number(200...4_000)) { [unowned self] in
        guard self.life == life else { return }
        thread.post { [unowned self] in act(thread, holder, body) }
      }
    }
  }

  private func act(_ thread: Executor, _ holder: Incarnation?, _ body: @escaping () -> AuthorityEvent?) {
    if endsNow() { return crashAndReturn() }
    if isRegisterAway, thread === registerThread {
      return after(50, on: thread) { [unowned self] in act(thread, holder, body) }
    }
    // What it was about to do it does when it goes on.
    if hangsNow() { return thread.post { [unowned self] in act(thread, holder, body) } }
    guard self.holder == holder else { return }
    let event = body()
    if endsNow() { return crashAndReturn() }
    _ = hangsNow()
    guard let event else { return }
    control.post { [unowned self] in if self.holder == holder { handle(event) } }
  }

  private func endsNow() -> Bool {
    guard let steps = stepsToLive else { return false }
    stepsToLive = steps > 0 ? steps - 1 : nil
    return steps == 0
  }

  private func hangsNow() -> Bool {
    guard let (steps, microseconds) = stepsToHang else { return false }
    stepsToHang = steps > 0 ? (steps - 1, microseconds) : nil
    if steps == 0 { hang(microseconds) }
    return steps == 0
  }

  private func crashAndReturn() {
    crash()
    world.after(random.number(10_000...3_000_000)) { [unowned self] in start() }
  }

  // MARK: The database

  private func sendToDatabase(_ message: ControlMessage) {
    if let database, database.dialler.isOpen { return database.send(message, from: database.dialler) }
    if queued.count < 16 { queued.append(message) }
    guard !isDialling else { return }
    isDialling = true
    let target = world.database
    let holder = holder
    world.network.dial(
      from: self, on: control, to: target, at: target.acceptingExecutor,
      accept: { [unowned self, unowned target] session in
        world.routing.heard(self, at: target)
        return target.accept(session, as: Names.authority.text, service: Names.database, indicators: [])
      },
      completion: { [unowned self] session in
        guard self.holder == holder, core != nil else {
          if let session { session.close(from: session.dialler) }
          return
        }
        isDialling = false
        database = session
        let messages = queued
        queued = []
        guard let session else { return }
        session.dialler.received = { [unowned self] record in
          for message in world.decode(ControlMessage.self, record) { receive(message, from: Names.database) }
        }
        session.dialler.closed = { [unowned self] _ in if database === session { database = nil } }
        for message in messages { session.send(message, from: session.dialler) }
      })
  }
}
