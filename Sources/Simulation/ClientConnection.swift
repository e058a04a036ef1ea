import Cluster
import Drone
import Histories
import Wire

/// A client's session at a drone, as its shell in the product: performs what `ClientSessionCore` decides, step by step.
final class ClientConnection {
  let session: Session
  unowned let loop: DataLoop
  private let principal: String
  private var core: ClientSessionCore
  private var gathered = CBORWriter()
  /// Reads that were executed while another drone was serving the partition too. They matter if they leave.
  private var conflicts: [String] = []
  /// What its client is told of its own writes nobody else relies on.
  private let isLiar: Bool
  /// What was asked under which number, and the access list by which it was permitted.
  private var permitted: [UInt64: Watch.Permission] = [:]

  private struct AskedWrite {
    let write: UInt64
    let partition: Partition
    let isDurable: Bool
  }

  /// The writes that were asked on this session, by the number of their request.
  private var writes: [UInt64: AskedWrite] = [:]

  var id: UInt64 { session.id }
  private var drone: DroneMachine { loop.drone }
  private var world: World { loop.drone.world }

  init(_ session: Session, on loop: DataLoop) {
    self.session = session
    self.loop = loop
    principal = "\(session.dialler.machine.name)@\(Names.realm)"
    core = ClientSessionCore(principal: principal, on: loop.index, of: loop.drone.cores)
    core.connection = session.id
    isLiar = session.dialler.machine is LyingClient
    session.acceptor.received = { [unowned self] bytes in received(bytes) }
    session.acceptor.closed = { [weak self] _ in if let self { self.loop.remove(self) } }
  }

  /// One read cycle: the clock, every request, then what the end of the cycle brings.
  private func received(_ bytes: [UInt8]) {
    core.beginCycle()
    let now = drone.now
    var steps: [Executor.Step] = []
    for range in Self.requests(in: bytes) {
      steps.append { [self] in handle(Array(bytes[range]), now) }
    }
    if let duration = drone.hangBeforeRead, reads(bytes, now) {
      drone.hangBeforeRead = nil
      drone.hang(duration)
    }
    steps.append { [self] in
      core.takeTurns { index in
        let other = drone.loops[index]
        other.executor.post { [unowned other] in other.endBatch() }
      }
    }
    steps.append { [self] in loop.endBatch() }
    steps.append { [self] in flush() }
    loop.executor.perform(steps)
  }

  /// Whether a read is among the requests that the drone answers.
  private func reads(_ bytes: [UInt8], _ now: Instant) -> Bool {
    bytes.withUnsafeBytes { buffer in
      var reader = CBORReader(buffer)
      while !reader.isAtEnd, let request = try? DataRequest(from: &reader) {
        guard case .read = request, let partition = request.partition else { continue }
        if let end = drone.loop(of: partition).leaseEnd(of: partition), end > now { return true }
      }
      return false
    }
  }

  static func requests(in bytes: [UInt8]) -> [Range<Int>] {
    bytes.withUnsafeBytes { buffer in
      var reader = CBORReader(buffer)
      var ranges: [Range<Int>] = []
      while !reader.isAtEnd {
        let start = reader.offset
        guard (try? DataRequest(from: &reader)) != nil else { return ranges }
        ranges.append(start..<reader.offset)
      }
      return ranges
    }
  }

  private func handle(_ encoded: [UInt8], _ now: Instant) {
    // Its session may have been ended for what came before.
    guard session.acceptor.isOpen else { return }
    encoded.withUnsafeBytes { buffer in
      var reader = CBORReader(buffer)
      guard let request = try? DataRequest(from: &reader), !lies(about: request) else { return }
      let start = gathered.count
      let outcome = core.handle(
        LocatedRequest(request), hasRoom: true, limiter: drone.budget, now: now, answers: &gathered)
      if let partition = request.partition { world.custody.look(at: partition) }
      switch outcome {
      case .handled:
        noteAsked(request)
        if let conflict = loop.conflict(request, from: start, gathered) { conflicts.append(conflict) }
      case .question(let question):
        noteAsked(request)
        ask(question)
      case .unreachable(let other): drone.toControl(.foundUnreachable(other))
      case .turnedAway, .denied: break
      case .secondIntroduction: session.close(from: session.acceptor)
      }
    }
  }

  /// What a thief's drone says of the map.
  private func lies(about request: DataRequest) -> Bool {
    guard case .topology(let number) = request, let map = drone.falseMap() else { return false }
    DataAnswer.topology(number: number, map).encode(into: &gathered)
    return true
  }

  /// A request was let through.
  private func noteAsked(_ request: DataRequest) {
    // Under a number that is used twice there may be an answer to something else.
    if let asked = request.asked, !isLiar || !asked.key.isEmpty {
      let list = drone.access[loop.index]
      permitted[asked.number] = Watch.Permission(
        call: asked.call, key: asked.key, client: session.dialler.machine.name, term: list.term,
        version: list.version)
    }
    if isLiar { return requireNoOrder(request) }
    guard case .write(let asked) = request, let client = core.client, let partition = request.partition
    else { return }
    if asked.kind == .put, let value = asked.value {
      world.watch.asked([UInt8](value), asked.write, of: client, in: partition)
    }
    world.outcomes.asked(asked.write, of: client, in: partition)
    writes[asked.number] = AskedWrite(
      write: asked.write, partition: partition, isDurable: asked.level == .durable)
  }

  /// Who lies has no right to what concerns the cluster.
  private func requireNoOrder(_ request: DataRequest) {
    switch request {
    case .status, .administer, .sessions:
      world.violated(
        "\(drone.name) takes an order from \(session.dialler.machine.name), which has no right to it")
    case .introduce, .topology, .unreachable, .read, .write: break
    }
  }

  // MARK: Questions

  private func ask(_ question: ClientSessionCore.Question) {
    let (drone, loop, id) = (drone, loop, id)
    drone.control.post { [unowned drone, unowned loop] in
      let bytes = drone.answer(to: question)
      loop.executor.post { [unowned loop] in loop.client(id)?.answered(question, bytes) }
    }
  }

  private func answered(_ question: ClientSessionCore.Question, _ bytes: [UInt8]) {
    guard let refusal = core.answered(question, now: drone.now).refusal else {
      return answer(bytes)
    }
    var writer = CBORWriter()
    refusal.encode(into: &writer)
    answer(writer.bytes)
  }

  // MARK: Answers

  /// Answers that were made elsewhere, or later.
  func answer(_ bytes: [UInt8], leaseEnd end: Instant = Instant(milliseconds: .max)) {
    bytes.withUnsafeBytes { gathered.write(encoded: $0) }
    core.gather(until: end)
    loop.executor.perform([{ [self] in flush() }])
  }

  private func flush() {
    let bytes = gathered.bytes
    let conflicts = conflicts
    gathered.removeAll()
    self.conflicts = []
    guard session.acceptor.isOpen else { return loop.remove(self) }
    guard !bytes.isEmpty else { return }
    guard mayLeave() else {
      world.trace("\(drone.name) throws answers away")
      session.close(from: session.acceptor)
      return loop.remove(self)
    }
    if let conflict = conflicts.first { world.violated(conflict) }
    checkWrites(bytes)
    checkRights(bytes)
    session.send(bytes, from: session.acceptor)
  }

  private func mayLeave() -> Bool { core.mayLeave { drone.now } }

  /// No value, no absence of one and no success leaves for a client that has not the right.
  private func checkRights(_ bytes: [UInt8]) {
    bytes.withUnsafeBytes { buffer in
      var reader = CBORReader(buffer)
      while !reader.isAtEnd, let answer = try? DataAnswer(from: &reader) {
        switch answer {
        case .value(let number, let value), .versioned(let number, let value, _):
          world.watch.read([UInt8](value), by: drone)
          if let permission = permitted[number] { world.watch.revealed(permission, by: drone) }
        case .notFound(let number):
          if let permission = permitted[number] { world.watch.revealed(permission, by: drone) }
        case .done(let number, _):
          if let permission = permitted[number] { world.watch.executed(permission, by: drone) }
        default: break
        }
      }
    }
  }

  /// Whoever is told that a write is done can rely on its second place; and nobody else's writes are in its way.
  private func checkWrites(_ bytes: [UInt8]) {
    bytes.withUnsafeBytes { buffer in
      var reader = CBORReader(buffer)
      while !reader.isAtEnd, let answer = try? DataAnswer(from: &reader) {
        guard let asked = writes[answer.number], let client = core.client else { continue }
        switch answer {
        case .done:
          world.watch.acknowledged(
            asked.write, of: client, in: asked.partition, isDurable: asked.isDurable, by: drone)
        case .failed(_, .numberReused):
          world.violated("\(drone.name) tells \(principal) that its write \(asked.write) was another's")
        case .outcomeUnknown: world.outcomes.unknown(asked.write, of: client, in: asked.partition, by: drone)
        default: break
        }
      }
    }
  }
}

extension DataLoop {
  /// Whether an answer is of a read that was executed while another drone served the partition, too.
  /// - Parameter start: of the answer among those that are gathered.
  fileprivate func conflict(_ request: DataRequest, from start: Int, _ answers: borrowing CBORWriter)
    -> String?
  {
    guard case .read = request, answers.count > start, let partition = request.partition else { return nil }
    let isRead = answers.withUnsafeBytes { buffer in
      var reader = CBORReader(UnsafeRawBufferPointer(rebasing: buffer[start...]))
      switch try? DataAnswer(from: &reader) {
      case .value, .versioned, .notFound: return true
      default: return false
      }
    }
    guard isRead, let other = drone.world.watch.otherServing(partition, than: drone) else { return nil }
    return "\(drone.name) answers a read of partition \(partition) while \(other.name) serves it"
  }
}

extension DataRequest {
  /// What a request is about, for the checks.
  fileprivate var asked: (number: UInt64, call: Operation.Call, key: [UInt8])? {
    switch self {
    case .read(let request): (request.number, .get, [UInt8](request.key))
    case .write(let request): (request.number, request.call, [UInt8](request.key))
    case .topology(let number), .status(let number): (number, .get, [])
    case .introduce, .unreachable, .administer, .sessions: nil
    }
  }
}

extension WriteRequest {
  fileprivate var call: Operation.Call {
    switch kind {
    case .put: .put([UInt8](value ?? UnsafeRawBufferPointer(start: nil, count: 0)))
    case .delete: .delete
    case .compareAndPut:
      .compareAndPut(
        expected: expected.map { [UInt8]($0) },
        [UInt8](value ?? UnsafeRawBufferPointer(start: nil, count: 0)))
    }
  }
}
