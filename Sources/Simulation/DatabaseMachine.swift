import Cluster
import Database
import StoreRules

/// A database's process: its core, a thread that writes, one that reads contents, and its disk.
final class DatabaseMachine: Machine {
  let store: SimulatedStore
  private var writer: Executor!
  private var reader: Executor!
  private var core: DatabaseCore?
  private var sessions: [UInt64: (session: Session, holder: Principal?)] = [:]
  private var random: SeededRandom

  /// The membership list on its disk.
  private var members: MembershipList?

  /// Microseconds that the disk takes to write, and to sync.
  var diskTime: ClosedRange<Int64>
  /// Transactions that fail, in a million.
  var diskFailures = 0
  private var failures = 0
  /// Whether a crash loses what was not synced.
  var losesWrites = true

  init(_ world: World) {
    store = SimulatedStore(world)
    diskTime = world.knobs.diskTime
    random = SeededRandom(seed: world.random.next())
    super.init(world, name: "db1")
    writer = makeExecutor("writer")
    reader = makeExecutor("reader")
  }

  /// Its process ends, and goes on with another file; nil: its own.
  func replaceStore(by copy: StoreState?) {
    crash()
    // What was never told is not missed by anybody.
    let known = world.authoritySite.register.stores[Names.database]?.mark.commit ?? 0
    store.standIn = copy.flatMap { $0.commit < known ? $0 : nil }
    world.after(100_000) { [unowned self] in start() }
  }

  override func began() {
    let identity = DatabaseIdentity(
      cluster: Names.cluster, database: Names.database, command: Names.command, authority: Names.authority,
      incarnation: Incarnation(random.next()))
    store.open()
    core = DatabaseCore(
      identity: identity, timing: world.timing, verifier: Names.verifier,
      membershipVerifier: Names.membershipVerifier, term: store.shown.term(), keys: store.shown.keys,
      members: members, backlog: store.backlog, mark: store.mark, receiptKey: Names.receiptKey,
      bounds: world.knobs.store)
    control.post { [unowned self] in handle(.listening(Names.endpoint(Names.database))) }
    tick()
  }

  override func endInOrder() { control.post { [unowned self] in handle(.stopRequested) } }

  override func ended() {
    core = nil
    sessions = [:]
    store.crash(losesWrites: losesWrites)
    // What was written and not synced yet may be on the disk now.
    world.custody.synced()
  }

  private func tick() {
    control.post { [unowned self] in
      if let next = core?.nextTick, now >= next { handle(.ticked) }
      after(world.timing.heartbeat, on: control) { [unowned self] in tick() }
    }
  }

  private func handle(_ event: DatabaseEvent) {
    guard let actions = core?.handle(event, now: now, wall: wall) else { return }
    control.perform(actions.map { action in { [unowned self] in perform(action) } })
  }

  private func perform(_ action: DatabaseAction) {
    switch action {
    case .send(let message, let id):
      guard let session = sessions[id]?.session else { return }
      session.send(message, from: session.acceptor)
    case .answer(let answer, let id):
      guard let session = sessions[id]?.session else { return }
      session.send(answer, from: session.acceptor)
    case .register(let register):
      world.send(.register(register), from: self, as: Names.database, to: Names.authority)
    case .report(let report):
      world.send(.storeReport(report), from: self, as: Names.database, to: Names.authority)
    case .close(let id, let error):
      world.trace("db1 closes a session: \(error)")
      guard let session = sessions.removeValue(forKey: id)?.session else { return }
      session.close(from: session.acceptor)
    case .admit(_, let list): members = list
    case .perform(let job): writer.post { [unowned self] in begin(job) }
    case .stream(let stream): reader.post { [unowned self] in start(stream) }
    case .end(let awaited):
      if !awaited.isEmpty { world.trace("db1 ends without \(awaited)") }
      losesWrites = false
      crash()
    case .giveUp: crash()
    case .note(let note): world.trace("db1 \(note)")
    }
  }

  // MARK: The disk

  private func begin(_ job: StoreJob) {
    store.requireOwn("write")
    let isFailing = random.chance(diskFailures)
    rest(on: writer, longer: job.recordCount * world.knobs.recordTime + drawStall()) { [unowned self] in
      guard let result = store.write(job, isFailing: isFailing) else {
        return report(.failed(nextFailure(), backlog: store.backlog))
      }
      rest(on: writer) { [unowned self] in
        store.sync()
        world.custody.synced()
        report(.finished(result, backlog: store.backlog, mark: store.mark))
      }
    }
  }

  /// Now and then what would pass by itself, and what lasts.
  private func nextFailure() -> StoreFailure {
    failures += 1
    return failures.isMultiple(of: 3)
      ? StoreFailure(.passing, told: "the file is locked") : StoreFailure(.waiting, told: "the disk is full")
  }

  private func report(_ event: DatabaseEvent) {
    control.post { [unowned self] in handle(event) }
  }

  private func drawStall() -> Int64 {
    random.chance(world.knobs.stalls) ? random.number(world.knobs.stallTime) : 0
  }

  private func rest(on executor: Executor, longer: Int64 = 0, _ step: @escaping () -> Void) {
    let life = life
    world.after(random.number(diskTime) + longer) { [unowned self] in
      if self.life == life { executor.post(step) }
    }
  }

  // MARK: Contents

  /// Reads in one snapshot what was opened, and hands it out in pieces.
  private func start(_ stream: ContentsStream) {
    store.requireOwn("read")
    let (delivery, snapshot) = (ContentsDelivery(stream), store.durable)
    guard let parts = store.contents(of: stream.opening, in: snapshot) else {
      return report(
        delivery.failed(StoreFailure(.partial, told: "a partition has been opened by another")))
    }
    send(delivery, parts[...])
  }

  private func send(_ delivery: ContentsDelivery, _ parts: ArraySlice<StorePart>) {
    guard !parts.isEmpty else { return report(delivery.completed) }
    guard let session = sessions[delivery.stream.session]?.session, session.acceptor.isOpen else {
      return report(delivery.abandoned)
    }
    var answers: [StoreAnswer] = []
    var (delivery, parts, ended) = (delivery, parts, 0)
    while ended < 32, let part = parts.popFirst() {
      if case .end = part { ended += 1 }
      answers.append(delivery.answer(part))
    }
    session.send(answers, from: session.acceptor)
    rest(on: reader) { [unowned self, delivery, parts] in send(delivery, parts) }
  }

  // MARK: Sessions

  /// Admits whoever has proved to be a drone, the authority, or the commander of a term.
  func accept(_ session: Session, as peer: String, service: Principal, indicators: [String]) -> Bool {
    guard let identity = core?.identity else { return false }
    let admitted: DatabasePeer
    do throws(DatabaseAccessError) {
      admitted = try DatabasePeer.admitted(
        peer: peer, service: service.text, indicators: indicators, at: identity)
    } catch {
      world.trace("db1 refuses \(peer): \(error)")
      return false
    }
    var holder: Principal?
    if case .drone(let principal) = admitted { holder = principal }
    let id = session.id
    sessions[id] = (session, holder)
    session.acceptor.received = { [unowned self] record in received(record, id) }
    session.acceptor.closed = { [unowned self] _ in closed(id) }
    control.post { [unowned self] in handle(.opened(session: id, admitted)) }
    return true
  }

  /// Drones say other things than who commands or certifies.
  private func received(_ record: [UInt8], _ id: UInt64) {
    if let process = sessions[id]?.session.dialler.machine as? AuthorityMachine {
      world.routing.heard(process, at: self)
    }
    guard sessions[id]?.holder != nil else {
      for message in world.decode(ControlMessage.self, record) { handle(.received(message, session: id)) }
      return
    }
    for request in world.decode(StoreRequest.self, record) {
      handle(.requested(request, session: id))
    }
  }

  private func closed(_ id: UInt64) {
    guard sessions.removeValue(forKey: id) != nil else { return }
    handle(.closed(session: id))
  }

  var acceptingExecutor: Executor { control }
}
