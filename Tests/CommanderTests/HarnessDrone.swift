import Cluster
import Cryptography
import Office

@testable import Commander
@testable import Drone

/// A drone's process: its cores, a stand-in for its data loops, its disk.
final class HarnessDrone {
  private struct Loaded {
    let token: FencingToken
    var sequence: UInt64
    var leaseEnd = Instant(milliseconds: .min)
    /// When the append under way was sent.
    var appended = Int64.min / 2
  }

  let index: Int
  let principal: Principal
  private unowned let harness: ClusterHarness
  /// The disk.
  private var promise = VotePromise.none
  private var members: MembershipList?
  private var core: DroneCore
  private var office: CommanderOffice?
  private var electionKeys: [Term: P256PrivateKey] = [:]
  private var loaded = [Loaded?](repeating: nil, count: Partition.count)
  private var incarnation = Incarnation(0)
  private var life = 0
  private var reachesDatabase = false
  /// The earliest time for the next hop between control and data loop, each way: hops keep their order.
  private var lastHop: (there: Int64, back: Int64) = (0, 0)
  private var loopsHangUntil: Int64 = 0
  /// Its clock: an offset, and how many of its milliseconds are 10,000 true ones.
  private let offset: Int64
  private let rate: Int64

  init(_ harness: ClusterHarness, index: Int) {
    self.harness = harness
    self.index = index
    principal = HarnessNames.drone(index)
    offset = harness.random.number(0...1_000_000)
    rate = harness.random.number(9_960...10_040)
    core = Self.makeCore(
      principal, incarnation, .none, nil, harness, seed: 0, now: Instant(milliseconds: 0))
  }

  var name: String { principal.shortName }
  private var place: ClusterHarness.Place { .drone(index) }
  private var now: Instant { Instant(milliseconds: offset + harness.time * rate / 10_000) }

  private static func makeCore(
    _ principal: Principal, _ incarnation: Incarnation, _ promise: VotePromise, _ members: MembershipList?,
    _ harness: ClusterHarness, seed: UInt64, now: Instant
  ) -> DroneCore {
    DroneCore(
      identity: DroneCore.Identity(
        principal: principal, incarnation: incarnation,
        endpoint: HarnessNames.node(principal).endpoint, cluster: HarnessNames.cluster,
        authority: HarnessNames.authority),
      timing: harness.timing, verifier: HarnessNames.verifier,
      membershipVerifier: HarnessNames.membershipVerifier, promise: promise, members: members, loops: 2,
      seed: seed, now: now)
  }

  // MARK: Life

  func start() {
    life += 1
    incarnation = Incarnation(harness.random.next())
    core = Self.makeCore(
      principal, incarnation, promise, members, harness, seed: harness.random.next(), now: now)
    reachesDatabase = false
    tick()
  }

  func end() {
    life += 1
    office = nil
    electionKeys = [:]
    loaded = [Loaded?](repeating: nil, count: Partition.count)
  }

  /// Later, in this life only.
  private func after(_ milliseconds: Int64, _ body: @escaping (HarnessDrone) -> Void) {
    let life = life
    harness.at(place, after: milliseconds) { [unowned self] in if self.life == life { body(self) } }
  }

  private func tick() {
    after(80) { $0.tick() }
    let reaches = !harness.isCut(place, .database) && !harness.isDown(.database)
    if reaches != reachesDatabase {
      reachesDatabase = reaches
      handle(.databaseReached(reaches))
    }
    if harness.time >= loopsHangUntil { for loop in 0..<2 { handle(.loopTicked(loop: loop, at: now)) } }
    handle(.ticked)
    command(.ticked(wall: harness.wall))
    use(Partition.all[Int(harness.random.next() % UInt64(Partition.count))])
  }

  // MARK: The drone's core

  func receive(_ message: ControlMessage, from peer: Principal) {
    if message.isForOffice { return command(.received(message, from: peer)) }
    handle(.received(message, from: peer, wall: harness.wall))
    let event = CommanderEvent(
      of: message, from: peer, authority: HarnessNames.authority, accessList: core.accessList)
    if let event { command(event) }
  }

  private func handle(_ event: DroneEvent) {
    for action in core.handle(event, now: now) { perform(action) }
  }

  private func perform(_ action: DroneAction) {
    switch action {
    case .send(let message, let peer): harness.send(message, from: place, as: principal, to: peer)
    case .store(let promise):
      if promise.term < self.promise.term
        || promise.term == self.promise.term && promise.candidate != self.promise.candidate
      {
        harness.violated("\(name) voted twice in \(promise.term)")
      }
      self.promise = promise
    case .admit(_, let list): members = list
    case .makeElectionKey(let term):
      let key = try! P256PrivateKey.generate()
      electionKeys = [term: key]
      after(2) { drone in
        let request = try! key.certificateRequest(subject: drone.principal.text)
        drone.handle(.electionKeyMade(term, certificateRequest: request))
      }
    case .dropElectionKey(let term): electionKeys[term] = nil
    case .assumeOffice(let term, let certificate, let membership, let drones, let databases, let previous):
      assumeOffice(term, certificate, membership, drones, databases, previous)
    case .renewOffice(let term, let certificate):
      guard office?.term == term else { return }
      office?.renew(certificate: certificate)
      command(.certified(certificate: certificate, notAfter: harness.wall + 3600))
    case .leaveOffice(let term): if office?.term == term { office = nil }
    case .open(let answer): toLoop { $0.open(answer) }
    case .close(let partitions): toLoop { $0.close(partitions) }
    case .serve(let partitions, let end): toLoop { $0.serve(partitions, until: end) }
    case .install(_, let map): follow(map)
    case .learn, .forget, .installAccessList, .setDenials, .withdraw, .note: break
    }
  }

  /// Every write here is stored before it is acknowledged, so that a shadow is in sync at once, and its copy is as
  /// good as the database.
  private func follow(_ map: SlotMap) {
    let copies = Partition.all.filter { partition in
      map.shadows(of: partition).contains { $0.principal == principal }
    }
    let token = FencingToken(term: map.term, counter: 0)
    let replication = Replication(
      copies: copies.isEmpty ? [] : [Holding(token: token, partitions: PartitionSet(copies))], shadowed: .all)
    toControl(.replicated(loop: 0, replication))
  }

  // MARK: The commander's core

  var isCommanding: Bool { office?.core.hasMajority(now) ?? false }
  var officeTerm: Term? { office?.term }

  private func assumeOffice(
    _ term: Term, _ certificate: [UInt8], _ membership: UInt64, _ drones: [RegisteredNode],
    _ databases: [RegisteredNode], _ previous: SlotMap?
  ) {
    guard let key = electionKeys.removeValue(forKey: term) else { return handle(.resigned(term)) }
    let core = CommanderCore(
      identity: CommanderCore.Identity(
        principal: principal, term: term, cluster: HarnessNames.cluster,
        authority: HarnessNames.node(HarnessNames.authority)),
      timing: harness.timing, shadows: 0, certificate: certificate, notBefore: harness.wall - 60,
      notAfter: harness.wall + 3600, membership: membership, drones: drones, databases: databases,
      previous: previous, now: now)
    office = CommanderOffice(core, key: key, certificate: certificate)
    command(.accessListChanged(HarnessNames.accessList(1)))
    command(.ticked(wall: harness.wall))
  }

  private func command(_ event: CommanderEvent) {
    guard let term = office?.term else { return }
    let harness = harness
    let actions = office?.handle(event, now: now) { count in
      (0..<count).map { _ in UInt8(truncatingIfNeeded: harness.random.next()) }
    }
    for action in actions ?? [] {
      guard office?.term == term else { return }
      perform(action)
    }
  }

  private func perform(_ action: CommanderOffice.Action) {
    switch action {
    case .send(let message, let peer), .command(let message, let peer):
      harness.send(message, from: place, as: principal, to: peer)
    case .resign(let term, _):
      office = nil
      handle(.resigned(term))
    case .failed(let error): preconditionFailure("the commander cannot act: \(error)")
    case .note, .signed, .signedAccessList: break
    }
  }

  // MARK: The data loops

  /// The data loops do nothing for a while; control goes on.
  func hangLoops(for milliseconds: Int64) {
    loopsHangUntil = max(loopsHangUntil, harness.time + milliseconds)
  }

  private func toLoop(_ body: @escaping (HarnessDrone) -> Void) {
    lastHop.there = max(lastHop.there, loopsHangUntil, harness.time + harness.random.number(1...3))
    after(lastHop.there - harness.time, body)
  }

  private func toControl(_ event: DroneEvent) {
    lastHop.back = max(lastHop.back, harness.time + harness.random.number(1...3))
    after(lastHop.back - harness.time) { $0.handle(event) }
  }

  /// The session with the database: an answer, or, should either side go away, an end of the session.
  private func open(_ answer: GrantAnswer) {
    let opening = Opening()
    let life = life
    harness.at(.database, after: harness.random.number(2...6)) { [unowned self] in
      guard isDatabaseThere else { return }
      let opened = harness.database.open(answer, by: principal)
      guard self.life == life else { return }
      after(harness.random.number(2...60)) { drone in
        guard drone.isDatabaseThere else { return }
        drone.finish(answer, opened, opening)
      }
    }
    watch(answer, opening)
  }

  private final class Opening { var isOver = false }

  private func watch(_ answer: GrantAnswer, _ opening: Opening) {
    after(500) { drone in
      if opening.isOver { return }
      if drone.isDatabaseThere && drone.harness.isHung(.database) { return drone.watch(answer, opening) }
      drone.finish(answer, [:], opening)
    }
  }

  private var isDatabaseThere: Bool {
    !harness.isCut(place, .database) && !harness.isDown(.database)
  }

  private func finish(_ answer: GrantAnswer, _ there: [Partition: UInt64], _ opening: Opening) {
    if opening.isOver { return }
    opening.isOver = true
    let done = PartitionSet(answer.partitions.filter { there[$0] != nil })
    for partition in done {
      loaded[partition.index] = Loaded(token: answer.token, sequence: there[partition] ?? 0)
    }
    if !done.isEmpty { toControl(.opened(done, answer.token)) }
    let rest = answer.partitions.subtracting(done)
    if !rest.isEmpty { toControl(.lost(rest, answer.token)) }
  }

  private func close(_ partitions: PartitionSet) {
    for partition in partitions { loaded[partition.index] = nil }
    toControl(.closed(partitions))
  }

  private func serve(_ partitions: PartitionSet, until end: Instant) {
    for partition in partitions {
      guard let lease = loaded[partition.index]?.leaseEnd else { continue }
      loaded[partition.index]?.leaseEnd = max(lease, end)
    }
    harness.checkExclusion(partitions, of: self)
  }

  /// Also while it hangs: the lease alone must exclude others.
  func isServing(_ partition: Partition) -> Bool {
    guard let data = loaded[partition.index] else { return false }
    return data.leaseEnd > now
  }

  /// A client reads and writes.
  private func use(_ partition: Partition) {
    guard harness.time >= loopsHangUntil, isServing(partition), let data = loaded[partition.index] else {
      return
    }
    if data.sequence < harness.acknowledged[partition.index] {
      harness.violated("\(name) serves partition \(partition) without what was acknowledged")
    }
    guard harness.time - data.appended > 700, isDatabaseThere else { return }
    loaded[partition.index]?.appended = harness.time
    let record = LogRecord(
      key: [1], change: .delete, client: ClientIncarnation(high: 0, low: 0), write: 0,
      outcome: .written(existed: false))
    let batch = PartitionBatch(
      partition: partition, token: data.token, incarnation: incarnation, firstSequence: data.sequence + 1,
      records: [record])
    harness.at(.database, after: harness.random.number(1...5)) { [unowned self] in
      let result = harness.database.append(batch, by: principal)
      after(harness.random.number(1...5)) { $0.settle(batch, result) }
    }
  }

  private func settle(_ batch: PartitionBatch, _ result: StoreAnswer.AppendResult) {
    guard loaded[batch.partition.index]?.token == batch.token else { return }
    guard isDatabaseThere else { return }
    loaded[batch.partition.index]?.appended = .min / 2
    switch result {
    case .stored(let through):
      loaded[batch.partition.index]?.sequence = through
      harness.acknowledge(batch.partition, through)
    case .fenced, .gap:
      loaded[batch.partition.index] = nil
      toControl(.lost([batch.partition], batch.token))
    }
  }

  var summary: String {
    let states = Dictionary(grouping: Partition.all) { partition in
      switch core.holdings[partition] {
      case .none: "none"
      case .opening: "opening"
      case .serving: "serving"
      case .closing: "closing"
      case .dropping: "dropping"
      }
    }.mapValues(\.count).sorted { $0.key < $1.key }
    var text =
      "  \(name): promise \(promise.term), commander \(core.commander.map { "\($0.principal.shortName)/\($0.term)" } ?? "-")"
      + (core.commander?.isSilent == true ? " silent" : "") + ", \(core.candidacy.stage), \(states)"
    if let office {
      let book = Dictionary(grouping: office.core.partitions) { record in
        switch record.state {
        case .unaccounted: "unaccounted"
        case .free: "free"
        case .assigned(let to, _): "assigned \(to.shortName)"
        case .granted(let holder, _): "granted \(holder.principal.shortName)"
        case .serving(let holder): "serving \(holder.principal.shortName)"
        case .moving(let holder, let to): "moving \(holder.principal.shortName)>\(to.shortName)"
        }
      }.mapValues(\.count).sorted { $0.key < $1.key }
      text += "\n    office \(office.term) \(book)"
    }
    return text
  }
}
