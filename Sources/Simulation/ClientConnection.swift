import Cluster
import Drone
import Histories
import Wire

/// Answers on their way to a client, with what the checks must know of how they came about.
struct GatheredAnswers {
  var bytes: [UInt8] = []
  var lease = AnswerLease()
  var leaseEnd = Instant(milliseconds: .max)
  /// Reads that were executed while another drone was serving the partition too. They matter if they leave.
  var conflicts: [String] = []

  mutating func append(_ completion: DataCore.Completion) {
    var writer = CBORWriter()
    completion.encode(into: &writer)
    bytes += writer.bytes
    leaseEnd = min(leaseEnd, completion.leaseEnd)
  }
}

/// A client's session at a drone: what its shell does, step by step.
final class ClientConnection {
  let session: Session
  unowned let loop: DataLoop
  private let principal: String
  private var client: ClientIncarnation?
  private var gathered = CBORWriter()
  private var lease = AnswerLease()
  private var conflicts: [String] = []
  private var outgoing: [Int: [UInt8]] = [:]
  private var access: ClientAccess
  /// What its client is told of its own writes nobody else relies on.
  private let isLiar: Bool
  /// What was asked under which number, and the access list by which it was permitted.
  private var permitted: [UInt64: Watch.Permission] = [:]

  private struct Asked {
    let write: UInt64
    let partition: Partition
    let isDurable: Bool
  }

  /// The writes that were asked on this session, by the number of their request.
  private var writes: [UInt64: Asked] = [:]
  private var sampled = Instant(milliseconds: 0)

  var id: UInt64 { session.id }
  private var drone: DroneMachine { loop.drone }
  private var world: World { loop.drone.world }

  init(_ session: Session, on loop: DataLoop) {
    self.session = session
    self.loop = loop
    principal = "\(session.dialler.machine.name)@\(Names.realm)"
    access = ClientAccess(principal: principal)
    isLiar = session.dialler.machine is LyingClient
    #if KEYVAL_MUTATIONS
      access.mutations = loop.drone.world.mutations
    #endif
    session.acceptor.received = { [unowned self] payload in
      if let bytes = payload as? [UInt8] { received(bytes) }
    }
    session.acceptor.closed = { [unowned self] _ in self.loop.remove(self) }
  }

  /// One read cycle: the clock, every request, then what the end of the cycle brings.
  private func received(_ bytes: [UInt8]) {
    loop.core.beginBatch()
    access.follow(drone.access[loop.index].installed)
    let now = drone.now
    sampled = now
    var steps: [Executor.Step] = []
    for range in Self.requests(in: bytes) {
      steps.append { [unowned self] in handle(Array(bytes[range]), now) }
    }
    if let duration = drone.hangBeforeRead, readsHere(bytes, now) {
      drone.hangBeforeRead = nil
      drone.hang(duration)
    }
    steps.append { [unowned self] in lease.gather(until: loop.core.batchLeaseEnd) }
    steps.append { [unowned self] in forward() }
    steps.append { [unowned self] in loop.pump() }
    steps.append { [unowned self] in flush() }
    loop.executor.perform(steps)
  }

  /// Whether a read is among the requests that this loop answers from its own table.
  private func readsHere(_ bytes: [UInt8], _ now: Instant) -> Bool {
    bytes.withUnsafeBytes { buffer in
      var reader = CBORReader(buffer)
      while !reader.isAtEnd, let request = try? DataRequest(from: &reader) {
        guard case .read(let request) = request else { continue }
        if let end = loop.core.leaseEnd(of: Slot(key: request.key).partition), end > now { return true }
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
    encoded.withUnsafeBytes { buffer in
      var reader = CBORReader(buffer)
      guard let request = try? DataRequest(from: &reader) else { return }
      let verdict = access.verdict(on: request)
      guard verdict == .permitted else {
        verdict.refusal(number: request.asked?.number ?? 0)?.encode(into: &gathered)
        return
      }
      // Under a number that is used twice there may be an answer to something else.
      if let asked = request.asked, !isLiar || !asked.key.isEmpty {
        let list = drone.access[loop.index]
        permitted[asked.number] = Watch.Permission(
          call: asked.call, key: asked.key, client: session.dialler.machine.name, term: list.term,
          version: list.version)
      }
      if isLiar { requireNoOrder(request) }
      switch request {
      case .introduce(_, let announced): client = client ?? identity(announced)
      case .unreachable(_, let other): drone.handle(.foundUnreachable(other))
      case .topology(let number):
        let answer: DataAnswer =
          if let map = drone.shown(loop.map) { .topology(number: number, map) } else {
            .unavailable(number: number, .noCommander)
          }
        answer.encode(into: &gathered)
      case .status(let number), .administer(let number, _, _), .sessions(let number, _):
        DataAnswer.failed(number: number, .notCommander).encode(into: &gathered)
      case .read(let read): execute(request, encoded, read.number, Slot(key: read.key).partition, now)
      case .write(let asked):
        let (write, partition) = (asked.write, Slot(key: asked.key).partition)
        if !isLiar, let client {
          if asked.kind == .put, let value = asked.value {
            world.watch.asked([UInt8](value), write, of: client, in: partition)
          }
          world.outcomes.asked(write, of: client, in: partition)
          writes[asked.number] = Asked(
            write: write, partition: partition, isDurable: asked.level == .durable)
        }
        execute(request, encoded, asked.number, partition, now)
      }
    }
  }

  /// As this client is known to everybody but itself.
  private func identity(_ announced: ClientIncarnation) -> ClientIncarnation {
    #if KEYVAL_MUTATIONS
      if world.mutations.contains(.forgetPrincipal) { return announced }
    #endif
    return announced.bound(to: principal)
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

  private func execute(
    _ request: DataRequest, _ encoded: [UInt8], _ number: UInt64, _ partition: Partition, _ now: Instant
  ) {
    let index = DataLoop.loop(of: partition)
    guard index == loop.index else {
      outgoing[index, default: []] += encoded
      return
    }
    conflicts += loop.execute(
      request, number, in: partition, client: client, origin: (loop.index, id), now: now,
      answers: &gathered)
  }

  /// Requests for the partitions of other loops travel there in one piece, and so do their answers.
  private func forward() {
    let batches = outgoing
    outgoing = [:]
    for index in batches.keys.sorted() {
      let other = drone.loops[index]
      guard let requests = batches[index] else { continue }
      let (client, edition, id, own) = (client, access.edition, id, loop.index)
      other.executor.post { [unowned other] in
        other.execute(requests, client: client, edition: edition, for: id, of: own)
      }
    }
  }

  /// Answers that were made elsewhere, or later.
  func answer(_ answers: GatheredAnswers) {
    answers.bytes.withUnsafeBytes { gathered.write(encoded: $0) }
    lease.gather(until: answers.leaseEnd)
    conflicts += answers.conflicts
    sampled = drone.now
    loop.executor.perform([{ [unowned self] in flush() }])
  }

  private func flush() {
    let bytes = gathered.bytes
    let conflicts = conflicts
    gathered.removeAll()
    self.conflicts = []
    guard !bytes.isEmpty, session.acceptor.isOpen else { return }
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

  private func mayLeave() -> Bool {
    #if KEYVAL_MUTATIONS
      if world.mutations.contains(.ignoreLeaseExpiry) { return true }
      if world.mutations.contains(.sampleClockBeforeExecuting) { return lease.mayLeave { sampled } }
    #endif
    return lease.mayLeave { drone.now }
  }

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
        guard let asked = writes[answer.number], let client else { continue }
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
  /// Executes one request; says which reads of it were executed while somebody else served.
  func execute(
    _ request: DataRequest, _ number: UInt64, in partition: Partition, client: ClientIncarnation?,
    origin: (loop: Int, connection: UInt64), now: Instant, answers: inout CBORWriter
  ) -> [String] {
    let start = answers.count
    core.execute(
      request, in: partition, client: client,
      origin: Origin(loop: origin.loop, connection: origin.connection, number: number), now: now,
      answers: &answers)
    guard case .read = request, answers.count > start else { return [] }
    let made = Array(answers.bytes[start...])
    let isRead = made.withUnsafeBytes { buffer in
      var reader = CBORReader(buffer)
      switch try? DataAnswer(from: &reader) {
      case .value, .versioned, .notFound: return true
      default: return false
      }
    }
    guard isRead, let other = drone.world.watch.otherServing(partition, than: drone) else { return [] }
    return ["\(drone.name) answers a read of partition \(partition) while \(other.name) serves it"]
  }

  /// Requests that came to another loop, and their answers.
  func execute(
    _ requests: [UInt8], client: ClientIncarnation?, edition: UInt64, for connection: UInt64, of loop: Int
  ) {
    core.beginBatch()
    let now = drone.now
    var steps: [Executor.Step] = []
    var writer = CBORWriter()
    var conflicts: [String] = []
    for range in ClientConnection.requests(in: requests) {
      steps.append { [unowned self] in
        Array(requests[range]).withUnsafeBytes { buffer in
          var reader = CBORReader(buffer)
          guard let request = try? DataRequest(from: &reader), let (number, partition) = request.keyed else {
            return
          }
          guard drone.access[index].installed.accepts(edition: edition) else {
            return DataAnswer.unavailable(number: number, .busy).encode(into: &writer)
          }
          conflicts += execute(
            request, number, in: partition, client: client, origin: (loop, connection), now: now,
            answers: &writer)
        }
      }
    }
    steps.append { [unowned self] in
      let answers = GatheredAnswers(
        bytes: writer.bytes, leaseEnd: core.batchLeaseEnd, conflicts: conflicts)
      deliver(answers, to: connection, on: loop)
    }
    steps.append { [unowned self] in pump() }
    executor.perform(steps)
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

  /// The number and the partition of a request on a key.
  fileprivate var keyed: (UInt64, Partition)? {
    guard let number, let partition else { return nil }
    return (number, partition)
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
