import Cluster
import Wire

/// Virtual time, and everybody who lives in it. One seed, one run: nothing here knows a clock, a thread or a
/// random number of its own.
final class World {
  struct Violation: Error, Hashable, CustomStringConvertible {
    let milliseconds: Int64
    let sentence: String
    var description: String { "\(milliseconds) ms: \(sentence)" }
  }

  let seed: UInt64
  let timing = Timing()
  /// Of each partition, when there are enough drones.
  var shadows = 1
  let knobs: Knobs
  /// Microseconds since the run began.
  private(set) var time: Int64 = 0
  var random: SeededRandom
  private var pausing: SeededRandom
  private var heap = EventHeap()
  private var identifiers: UInt64 = 0
  var machines: [Machine] = []
  private(set) lazy var network = Network(self, random: SeededRandom(seed: seed, stream: 3))
  private(set) lazy var watch = Watch(self)
  private(set) lazy var custody = Custody(self)
  private(set) lazy var authoritySite = AuthoritySite(self)
  private(set) lazy var routing = AuthorityRouting(self)
  /// The authority's processes, one or two.
  private(set) var authorities: [AuthorityMachine] = []
  private(set) lazy var database = DatabaseMachine(self)
  private(set) var drones: [DroneMachine] = []
  private(set) var clients: [ClientMachine] = []
  /// It has a right to some keys of its own, and is none of the others.
  private(set) var lyingClient: LyingClient?
  private(set) lazy var outcomes = OutcomeWatch(self)
  /// Whether there is a thief who keeps what an office had.
  var stealsOffices = false
  /// He goes on as if he held it, from now on.
  var formerOfficesLie = false { didSet { if formerOfficesLie, !oldValue { lieFromFormerOffices() } } }
  var isLiarHeardAlone = false
  var access = AccessPlan(seed: 0, clients: 0, length: 1_000_000, hasLyingClient: false)
  private(set) var violations: [Violation] = []
  /// Of faults that are struck one by one.
  var hasStruckAll = false
  /// The faults are over: what is down comes up, also what goes down only now because it was asked to end before.
  var isHealed = false
  /// How often a thread pauses for a moment, and how often for long, in a million steps.
  var shortPauses = 0
  var longPauses = 0

  private let isTracing: Bool
  private(set) var lines: [String] = []
  private(set) var eventCount = 0
  /// The second that has begun, and the events before it.
  private var second: Int64 = 0
  private var eventsBefore = 0
  /// Ordinary runs have some thousand.
  private static let eventsInSecond = 200_000

  init(seed: UInt64, knobs: Knobs, isTracing: Bool) {
    self.seed = seed
    self.knobs = knobs
    self.isTracing = isTracing
    random = SeededRandom(seed: seed, stream: 1)
    pausing = SeededRandom(seed: seed, stream: 2)
    // In this order, whoever is asked for first.
    authorities = [AuthorityMachine(self, authoritySite, name: "a1", seed: random.next())]
    _ = database
  }

  // MARK: Machines

  @discardableResult
  func addDrone() -> DroneMachine {
    let drone = DroneMachine(self, number: drones.count)
    drones.append(drone)
    return drone
  }

  /// A second process of the authority, on the same register.
  func addStandby() {
    var random = SeededRandom(seed: seed, stream: 6)
    authorities.append(AuthorityMachine(self, authoritySite, name: "a1-standby", seed: random.next()))
  }

  /// The process that the nodes can talk to; the first where none is.
  var activeAuthority: AuthorityMachine { authorities.first(where: \.isListening) ?? authorities[0] }
  /// Another one than that, if there is one.
  var standbyAuthority: AuthorityMachine {
    let active = activeAuthority
    return authorities.first { $0 !== active } ?? active
  }

  func addClient(_ workload: Workload) {
    clients.append(ClientMachine(self, number: clients.count, workload: workload))
  }

  func addLyingClient() { lyingClient = LyingClient(self) }

  /// Reads what a record says. What the cores have said always can be read.
  func decode<Message: WireMessage>(_ type: Message.Type, _ record: [UInt8]) -> [Message] {
    var messages: [Message] = []
    record.withUnsafeBytes { buffer in
      var reader = CBORReader(buffer)
      do {
        while !reader.isAtEnd { messages.append(try Message(from: &reader)) }
      } catch {
        violated("a record cannot be read: \(error)")
      }
    }
    return messages
  }

  /// A message of the control plane.
  func send(_ message: ControlMessage, from source: Machine, as sender: Principal, to peer: Principal) {
    let record = message.encoded()
    if record.count > Limits.maximumPlaintextLength {
      violated("\(source.name) says something of \(record.count) bytes, which fits no record")
    }
    switch peer.role {
    case .authority:
      let authority = routing.target(of: source)
      network.send(from: source, to: authority, on: authority.control) { [unowned self] in
        for message in decode(ControlMessage.self, record) { authority.receive(message, from: sender) }
      }
    case .drone:
      guard let drone = drones.first(where: { $0.principal == peer }) else { return }
      network.send(from: source, to: drone, on: drone.control) { [unowned self] in
        if let process = source as? AuthorityMachine { routing.heard(process, at: drone) }
        for message in decode(ControlMessage.self, record) { drone.receive(message, from: sender) }
      }
    default: if peer == Names.administrator, case .removalAnswer(let answer) = message { answered(answer) }
    }
  }

  /// Whether every partition is served by somebody who belongs to the cluster.
  var isServed: Bool {
    let members = drones.filter { !$0.isRemoved }
    return Partition.all.allSatisfy { partition in members.contains { $0.isServing(partition) } }
  }

  /// Whether all is well: every partition is served, and shadowed by as many as can be.
  var isWhole: Bool { isServed && !commanders.isEmpty && notShadowed == nil }

  /// The first partition whose list does not name as many as can be, all of whom live. Nobody is listed where nothing was
  /// ever written.
  var notShadowed: Partition? {
    let living = drones.filter { $0.isUp && !$0.isRemoved && !$0.isHung }
    let wanted = min(shadows, living.count - 1)
    return Partition.all.first { partition in
      guard let fence = database.store.durable.standing(of: partition) else { return true }
      let holders = fence.inSync.holders
      guard holders.count == wanted || fence.sequence == 0 && holders.isEmpty else { return true }
      return !holders.allSatisfy { holder in
        living.contains { $0.incarnation == holder.incarnation && $0.principal == holder.principal }
      }
    }
  }

  /// How many partitions somebody serves who belongs to the cluster.
  var servedCount: Int {
    let members = drones.filter { !$0.isRemoved }
    return Partition.all.count { partition in members.contains { $0.isServing(partition) } }
  }

  // MARK: The administrator

  private var removing: [UInt64: DroneMachine] = [:]

  /// Has a drone removed, unless too few would be left. If it is for good, its process has ended before.
  func remove(_ drone: DroneMachine, isDead: Bool) {
    // Clients are told of the first two when they start, and would have nobody to ask.
    let seeds = drones.prefix(2)
    let isSeed = seeds.contains { $0 === drone }
    if isSeed, seeds.contains(where: { $0.isRemoved || $0.isGone }) { return }
    guard !drone.isRemoved, !removing.values.contains(where: { $0 === drone }),
      drones.count(where: { !$0.isRemoved && !$0.isGone }) - removing.count > 2
    else { return }
    if isDead {
      drone.crash()
      drone.isGone = true
    }
    let number = nextIdentifier()
    removing[number] = drone
    askForRemoval(RemovalRequest(number: number, principal: drone.principal, isDead: isDead))
  }

  /// Again and again, until it is answered.
  private func askForRemoval(_ request: RemovalRequest) {
    guard removing[request.number] != nil else { return }
    let authority = activeAuthority
    authority.control.post {
      authority.receive(.removalRequest(request), from: Names.administrator)
    }
    after(700_000) { [unowned self] in askForRemoval(request) }
  }

  private func answered(_ answer: RemovalAnswer) {
    guard let drone = removing[answer.number] else { return }
    trace("the administrator is told of \(drone.name): \(answer.outcome)")
    switch answer.outcome {
    case .pending, .removed: drone.isRemoved = true
    case .refused:
      // The answer to an earlier asking was lost with the authority that gave it.
      if authoritySite.register.membership.isRevoked(drone.principal) {
        drone.isRemoved = true
      } else if drone.isGone {
        // What is off for good stays so, and is asked for again: it may have been heard a moment ago.
        return
      }
    }
    removing[answer.number] = nil
  }

  var commanders: [DroneMachine] { drones.filter(\.isCommanding) }

  /// A violation ends the run.
  var isOver: Bool { !violations.isEmpty }

  func nextIdentifier() -> UInt64 {
    identifiers += 1
    return identifiers
  }

  // MARK: Time

  func at(_ time: Int64, _ body: @escaping () -> Void) { heap.add(at: max(time, self.time), body) }
  func after(_ microseconds: Int64, _ body: @escaping () -> Void) { at(time + microseconds, body) }

  /// Runs until then, until a violation, or until `isDone`, which is asked every 50 ms.
  func run(until end: Int64, isDone: () -> Bool = { false }) {
    var nextQuestion = time
    while !isOver, let next = heap.nextTime, next <= end {
      if next >= nextQuestion {
        if isDone() { return }
        nextQuestion = next + 50_000
      }
      guard let event = heap.removeFirst() else { return }
      time = event.time
      count()
      event.body()
    }
    if !isOver { time = max(time, end) }
  }

  /// Two who answer each other without end would never be done, however little time passes for them.
  private func count() {
    eventCount += 1
    if time / 1_000_000 != second {
      second = time / 1_000_000
      eventsBefore = eventCount
    }
    guard eventCount - eventsBefore > Self.eventsInSecond else { return }
    violated("more than \(Self.eventsInSecond) events within a second: somebody goes round in circles")
  }

  /// How long the thread that asks rests before its next step, in microseconds.
  func drawPause() -> Int64? {
    guard shortPauses + longPauses > 0 else { return nil }
    let number = pausing.index(1_000_000)
    if number < longPauses { return pausing.number(30_000...5_000_000) }
    if number < longPauses + shortPauses { return pausing.number(10...20_000) }
    return nil
  }

  // MARK: What is told

  func violated(_ sentence: @autoclosure () -> String) {
    let violation = Violation(milliseconds: time / 1_000, sentence: sentence())
    violations.append(violation)
    trace("VIOLATED: \(violation.sentence)")
  }

  func trace(_ line: @autoclosure () -> String) {
    guard isTracing else { return }
    if lines.count >= 200_000 { lines.removeFirst(100_000) }
    let fraction = String(time % 1_000_000 + 1_000_000).dropFirst()
    lines.append("\(time / 1_000_000).\(fraction) \(line())")
  }
}
