import Cluster
import Histories
import Routing
import Wire

/// A client's process: the router of the client library, its sessions, and callers that each ask one thing
/// after the other.
final class ClientMachine: Machine {
  private struct Pending {
    let caller: Int
    let key: [UInt8]
    let call: Operation.Call
    let index: Int
    /// When it was asked, in microseconds.
    let asked: Int64
  }

  let number: Int
  private var router: ClientRouter?
  private var dialling: Set<LinkID> = []
  private var sessions: [LinkID: Session] = [:]
  private var pending: [UInt64: Pending] = [:]
  private(set) var lastRequest: UInt64 = 0
  /// What it calls itself in this life.
  private(set) var incarnation = ClientIncarnation(high: 0, low: 0)
  private var wakes = 0
  private var gathered: [(link: LinkID, bytes: CBORWriter)] = []
  private var random: SeededRandom
  private let workload: Workload

  init(_ world: World, number: Int, workload: Workload) {
    self.number = number
    self.workload = workload
    random = SeededRandom(seed: world.random.next())
    super.init(world, name: "c\(number + 1)")
  }

  override func began() {
    incarnation = ClientIncarnation(high: random.next(), low: random.next())
    router = ClientRouter(
      configuration: ClientRouter.Configuration(
        cluster: Names.cluster,
        seeds: (0..<2).map {
          SlotMap.Drone(principal: Names.drone($0), endpoint: Names.endpoint(Names.drone($0)))
        },
        verifier: Names.verifier, client: incarnation),
      seed: random.next())
    for caller in 0..<workload.callers { rest(caller) }
  }

  override func ended() {
    router = nil
    sessions = [:]
    dialling = []
    // What was under way may have been executed, or may yet be: it stays open in the history.
    pending = [:]
    gathered = []
  }

  // MARK: Callers

  private func rest(_ caller: Int) {
    after(random.number(workload.pauses[number]), on: control) { [unowned self] in ask(caller) }
  }

  private func ask(_ caller: Int) {
    guard let (key, call) = workload.next(&random) else { return rest(caller) }
    lastRequest += 1
    let id = lastRequest
    let name = number * workload.callers + caller
    let index = workload.history.begin(
      Operation(client: name, call: call, invoked: world.time), on: key)
    world.trace("\(name) asks \(id): \(call.text) \(String(decoding: key, as: UTF8.self))")
    pending[id] = Pending(caller: caller, key: key, call: call, index: index, asked: world.time)
    let level: AcknowledgementLevel? = random.chance(100_000) ? .durable : nil
    let operation: ClientOperation =
      switch call {
      case .get: .read(id.isMultiple(of: 3) ? .getVersion : .get, key: key)
      case .put(let value): .put(key: key, value: value, level: level)
      case .delete: .delete(key: key, level: level)
      case .compareAndPut(let expected, let value):
        .compareAndPut(key: key, expected: expected, value: value, level: level)
      }
    handle(.requested(id: id, operation, deadline: now + workload.patience))
  }

  /// The key of the oldest write that nobody has answered for so many microseconds.
  func unanswered(for microseconds: Int64) -> [UInt8]? {
    let waiting = pending.filter { $0.value.call != .get && world.time - $0.value.asked >= microseconds }
    return waiting.min { $0.key < $1.key }?.value.key
  }

  private func finish(_ id: UInt64, _ result: Operation.Result?) {
    guard let request = pending.removeValue(forKey: id) else { return }
    world.trace("\(name) is told \(id): \(result.map(\.text) ?? "not executed")")
    if let result {
      if result != .unknown { workload.history.end(request.index, on: request.key, result, at: world.time) }
    } else {
      workload.history.void(request.index, on: request.key)
    }
    workload.answered(request.key, request.call, result)
    rest(request.caller)
  }

  // MARK: The router

  private func handle(_ event: ClientEvent) {
    guard let actions = router?.handle(event, now: now, seconds: wall) else { return }
    control.perform(
      actions.map { action in { [unowned self] in perform(action) } } + [{ [unowned self] in flush() }])
  }

  private func perform(_ action: ClientAction) {
    switch action {
    case .open(let link, let principal, _): dial(link, principal)
    case .close(let link):
      dialling.remove(link)
      if let session = sessions.removeValue(forKey: link) { session.close(from: session.dialler) }
    case .send(let link, let number, let message):
      if let index = gathered.firstIndex(where: { $0.link == link }) {
        message.encode(number: number, into: &gathered[index].bytes)
      } else {
        var writer = CBORWriter()
        message.encode(number: number, into: &writer)
        gathered.append((link, writer))
      }
    case .complete(let id, .value(let value)): finish(id, .value(value))
    case .complete(let id, .versioned(let value)):
      if let value, let request = pending[id] {
        world.watch.read(value.value, value.version, of: request.key)
      }
      finish(id, .value(value?.value))
    case .complete(let id, .outcome(.written(let existed?))): finish(id, .existed(existed))
    // These clients may read what they write; whoever may not would know nothing of what was there.
    case .complete(let id, .outcome(.written(nil))): finish(id, .unknown)
    case .complete(let id, .outcome(.compared(let matched))): finish(id, .matched(matched))
    case .complete(let id, _): finish(id, nil)
    case .fail(let id, let error):
      world.trace("\(name) fails with \(id): \(error)")
      switch error {
      case .outcomeUnknown, .deadlineExceeded(outcomeUnknown: true, _): finish(id, .unknown)
      default: finish(id, nil)
      }
    case .wake(let instant):
      wakes += 1
      let wake = wakes
      after(max(0, instant - now), on: control) { [unowned self] in
        if wake == wakes { handle(.ticked) }
      }
    }
  }

  private func flush() {
    for (link, writer) in gathered {
      if let session = sessions[link] { session.send(writer.bytes, from: session.dialler) }
    }
    gathered = []
  }

  private func dial(_ link: LinkID, _ principal: Principal) {
    dialling.insert(link)
    guard let target = world.drones.first(where: { $0.principal == principal }), target.isUp else {
      return after(random.number(1...4), on: control) { [unowned self] in
        dialling.remove(link)
        handle(.linkFailed(link, .unreachable("nobody listens there")))
      }
    }
    let loop = target.loops[random.index(target.loops.count)]
    let life = target.life
    world.network.dial(
      from: self, on: control, to: target, at: loop.executor,
      accept: { [unowned target] session in
        target.life == life && target.loops[loop.index].accept(session)
      },
      completion: { [unowned self] session in dialled(link, session) })
  }

  private func dialled(_ link: LinkID, _ session: Session?) {
    let isWanted = dialling.remove(link) != nil
    guard let session else { return handle(.linkFailed(link, .unreachable("no session"))) }
    guard isWanted else { return session.close(from: session.dialler) }
    sessions[link] = session
    session.dialler.received = { [unowned self] bytes in received(bytes, on: link) }
    session.dialler.closed = { [unowned self] reason in
      sessions[link] = nil
      handle(.linkClosed(link, reason: reason))
    }
    handle(.linkOpened(link, expiry: wall + 36_000))
  }

  private func received(_ bytes: [UInt8], on link: LinkID) {
    guard sessions[link] != nil else { return }
    bytes.withUnsafeBytes { buffer in
      var reader = CBORReader(buffer)
      var steps: [Executor.Step] = []
      while !reader.isAtEnd, let answer = try? DataAnswer(from: &reader) {
        let answer = ClientAnswer(answer)
        steps.append { [unowned self] in handle(.answered(link, answer)) }
      }
      control.perform(steps)
    }
  }
}
