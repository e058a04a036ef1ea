/// What is between the machines: it delays, loses, repeats and reorders, and can be cut one way or both.
final class Network {
  /// Chances are per million messages, times in microseconds.
  struct Weather {
    var loss = 0
    var duplication = 0
    var lateness = 0
    var longestDelay: Int64 = 2_500_000
    var base: ClosedRange<Int64> = 100...2_000

    static let fair = Weather()
  }

  private unowned let world: World
  var random: SeededRandom
  var weather = Weather.fair
  private var cuts: [Int: Int] = [:]
  /// Microseconds that messages from one machine to another take longer.
  private var lags: [Int: Int64] = [:]
  private var sessions: [Session] = []
  private var waiting: [Session] = []
  private var lastArrivals: [Int: Int64] = [:]

  init(_ world: World, random: SeededRandom) {
    self.world = world
    self.random = random
  }

  private func pair(_ from: Machine, _ to: Machine) -> Int { from.index << 16 | to.index }

  func delay() -> Int64 { random.number(weather.base) }

  func delay(from source: Machine, to target: Machine) -> Int64 {
    delay() + (lags.isEmpty ? 0 : lags[pair(source, target), default: 0])
  }

  func slow(_ from: Machine, _ to: Machine, by microseconds: Int64) {
    lags[pair(from, to), default: 0] += microseconds
  }

  // MARK: Cuts

  /// Whether nothing gets from one to the other.
  func isCut(_ from: Machine, _ to: Machine) -> Bool { cuts[pair(from, to)] != nil }

  func cut(_ from: Machine, _ to: Machine) { cuts[pair(from, to), default: 0] += 1 }

  func heal(_ from: Machine, _ to: Machine) {
    guard let count = cuts[pair(from, to)] else { return }
    cuts[pair(from, to)] = count > 1 ? count - 1 : nil
    let sessions = waiting
    waiting = []
    for session in sessions { session.resume() }
  }

  func stalled(_ session: Session) { waiting.append(session) }

  // MARK: Messages of the control plane

  /// At most once, says the contract, and unordered between sessions: here a message may even come twice.
  func send(from source: Machine, to target: Machine, on executor: Executor, _ body: @escaping () -> Void) {
    if source === target { return executor.post(body) }
    if random.chance(weather.loss) { return }
    let copies = random.chance(weather.duplication) ? 2 : 1
    for copy in 0..<copies {
      var arrival = world.time + delay(from: source, to: target)
      if copy > 0, random.chance(500_000) {
        arrival += delay()
      } else if copy > 0 || random.chance(weather.lateness) {
        // On another session than those after it.
        arrival += random.number(0...weather.longestDelay)
      } else {
        arrival = max(arrival, lastArrivals[pair(source, target)] ?? 0)
        lastArrivals[pair(source, target)] = arrival
      }
      world.at(arrival) { [unowned self] in arrive(source, target, executor, body, since: arrival) }
    }
  }

  private func arrive(
    _ source: Machine, _ target: Machine, _ executor: Executor, _ body: @escaping () -> Void, since: Int64
  ) {
    guard isCut(source, target) else { return executor.post(body) }
    // A system goes on trying for a while; a session that was given up takes its messages with it.
    guard since == world.time ? random.chance(500_000) : world.time - since < 6_000_000 else { return }
    world.after(random.number(20_000...200_000)) { [unowned self] in
      arrive(source, target, executor, body, since: since)
    }
  }

  // MARK: Sessions

  /// Opens a session; `completion` is called on the dialler's executor, with nil when it failed.
  /// - Parameter accept: on the acceptor's executor; false refuses.
  func dial(
    from source: Machine, on executor: Executor, to target: Machine, at acceptor: @autoclosure () -> Executor,
    accept: @escaping (Session) -> Bool, completion: @escaping (Session?) -> Void
  ) {
    let session = Session(
      world, dialler: Session.End(source, executor), acceptor: Session.End(target, acceptor()))
    let (life, targetLife) = (source.life, target.life)
    var isAnswered = false
    func answer(_ result: Session?) {
      guard !isAnswered else { return }
      isAnswered = true
      guard source.isUp, source.life == life else { return }
      executor.post { completion(result) }
    }
    world.after(delay()) { [unowned self] in
      guard target.isUp, target.life == targetLife else { return world.after(delay()) { answer(nil) } }
      guard !isCut(source, target), !isCut(target, source) else { return }
      session.acceptor.executor.post { [unowned self] in
        guard !isAnswered, !isCut(target, source), accept(session) else {
          return world.after(delay()) { answer(nil) }
        }
        add(session)
        // What the acceptor sends comes after the end of the handshake.
        let opening = session.reserve(at: session.dialler)
        world.at(opening) {
          guard !isAnswered else { return session.close(from: session.dialler) }
          answer(session)
        }
      }
    }
    // A handshake has its time limit.
    world.after(random.number(1_000_000...5_000_000)) { answer(nil) }
  }

  private func add(_ session: Session) {
    if sessions.count > 256 { sessions.removeAll { $0.isOver } }
    sessions.append(session)
  }

  func ended(_ machine: Machine) {
    for session in sessions { session.ended(machine) }
    sessions.removeAll { $0.isOver }
  }
}
