import Audit
import Cluster
import Drone
import NIOCore
import Sessions
import Transport
import Wire

/// One client's session: decodes its requests in place and has them executed in the same call. All answers
/// of a read cycle leave in one record. Nothing is allocated for a read.
final class ClientSession: SessionHandler {
  private let dataLoop: DataLoop
  private var session: Session?
  private(set) var id: UInt64 = 0
  /// As it was announced, bound to the principal.
  private var client: ClientIncarnation?
  private let principal: String
  private var access: ClientAccess
  private var denials = Denials()
  private var caller: Caller?
  /// Requests of this read cycle for the partitions of other loops.
  private var outgoing: [CBORWriter]
  private var isOutgoing = false
  /// By which the first of them was let through.
  private var outgoingAccess: ClientAccess
  /// Batches that other loops have not returned yet.
  private var batchesUnderWay = 0
  private var statusesUnderWay = 0

  // A short request may have a long answer, so what a client sends bounds nothing. These do:
  /// Bytes of answers that one batch of another loop gathers before it turns the rest away. (What a read cycle gathers
  /// is the session's to say.)
  static let maximumGathered = 1 << 20
  /// The same while all sessions hold much. While they hold all that they may, it gathers nothing.
  static let tightGathered = 256 << 10
  /// Batches on other loops before the client is not read any more.
  private static let maximumBatches = 16
  private static let maximumStatuses = 16

  private var lease = AnswerLease()

  /// - Parameter principal: the client's, as the handshake proved it.
  init(dataLoop: DataLoop, principal: String) {
    self.dataLoop = dataLoop
    self.principal = principal
    let access = ClientAccess(principal: principal)
    self.access = access
    outgoingAccess = access
    outgoing = dataLoop.others.map { _ in CBORWriter() }
  }

  func sessionOpened(_ session: Session) {
    self.session = session
    id = session.id
    caller = Caller(session)
    dataLoop.add(self)
  }

  func received(_ messages: UnsafeRawBufferPointer, on session: Session) {
    var reader = CBORReader(messages)
    dataLoop.core.beginBatch()
    access.follow(dataLoop.access)
    let now = NodeClock.now()
    do {
      while !reader.isAtEnd {
        let start = reader.offset
        let request = try DataRequest(from: &reader)
        session.requests &+= 1
        let encoded = UnsafeRawBufferPointer(rebasing: messages[start..<reader.offset])
        try handle(request, encoded, now, session)
      }
    } catch {
      dataLoop.logger.warning(
        "session closed: what came is no request",
        metadata: [NodeLogging.Key.principal: "\(session.identity.peer)", NodeLogging.Key.reason: "\(error)"])
      session.close(SessionCloseReason(after: error))
    }
    lease.gather(until: dataLoop.core.batchLeaseEnd)
  }

  private func handle(
    _ request: DataRequest, _ encoded: UnsafeRawBufferPointer, _ now: Instant, _ session: Session
  ) throws(SessionError) {
    if let number = request.number, session.gatheredBytes > session.gatheringLimit {
      return try session.write { DataAnswer.unavailable(number: number, .busy).encode(into: &$0) }
    }
    // Before anybody looks whose the partition is.
    let verdict = access.verdict(on: request)
    guard verdict == .permitted else {
      if verdict == .denied { note(denial: request, now) }
      guard let refusal = verdict.refusal(number: request.number ?? 0) else { return }
      return try session.write { refusal.encode(into: &$0) }
    }
    if let limit = access.limit(on: request), let number = request.number,
      let wait = dataLoop.budget.take(limit, of: principal, now)
    {
      return try session.write {
        DataAnswer.limited(number: number, wait: UInt64(clamping: wait)).encode(into: &$0)
      }
    }
    if dataLoop.audit.data != .none, request.isRecorded(dataLoop.audit.data), let caller {
      let namesKey = dataLoop.audit.namesKeys
      dataLoop.audit.record(
        AuditEvent(.data, request, outcome: "permitted", by: caller, namesKey: namesKey))
    }
    switch request {
    case .introduce(_, let client): try introduce(client)
    case .unreachable(_, let drone): dataLoop.report(.foundUnreachable(drone))
    case .topology(let number): try sendMap(number, on: session)
    case .status(let number): try askStatus(number, on: session)
    case .administer(let number, let order, let name): try administer(number, order, name, on: session)
    case .sessions(let number, let order): try orderSessions(number, order, on: session)
    case .read, .write:
      guard let partition = request.partition, let number = request.number else { return }
      guard client != nil || !request.isWrite else {
        return try session.write { DataAnswer.failed(number: number, .notIntroduced).encode(into: &$0) }
      }
      let loop = dataLoop.loop(of: partition)
      guard loop == dataLoop.index else {
        outgoing[loop].write(encoded: encoded)
        if !isOutgoing { outgoingAccess = access }
        isOutgoing = true
        return
      }
      let origin = Origin(
        loop: loop, connection: id, number: number, mayRead: access.mayRead(keyOf: request))
      try session.write { answers in
        dataLoop.core.execute(
          request, in: partition, client: client, origin: origin, quota: access.quota(on: request), now: now,
          answers: &answers)
      }
    }
  }

  /// Once, and for good: requests of this session are on their way to other loops under it.
  private func introduce(_ announced: ClientIncarnation) throws(SessionError) {
    guard client == nil else { throw .malformedRecord("a second introduction") }
    client = announced.bound(to: principal)
  }

  private func note(denial request: DataRequest, _ now: Instant) {
    guard let caller, let count = denials.count(now) else { return }
    dataLoop.audit.record(
      AuditEvent(
        .denial, request, outcome: "denied", by: caller, namesKey: dataLoop.audit.namesKeys, count: count))
    dataLoop.logger.notice(
      "denied by the access list",
      metadata: [
        NodeLogging.Key.principal: "\(caller.principal)", NodeLogging.Key.remote: "\(caller.address)",
        "operation": "\(request.operation)", "count": "\(count)",
      ])
  }

  private func sendMap(_ number: UInt64, on session: Session) throws(SessionError) {
    let answer: DataAnswer =
      if let map = dataLoop.map { .topology(number: number, map) } else {
        .unavailable(number: number, .noCommander)
      }
    try session.write { answer.encode(into: &$0) }
  }

  private func askStatus(_ number: UInt64, on session: Session) throws(SessionError) {
    guard statusesUnderWay < Self.maximumStatuses else {
      return try session.write { DataAnswer.unavailable(number: number, .busy).encode(into: &$0) }
    }
    statusesUnderWay += 1
    let eventLoop = session.eventLoop
    let reference = NIOLoopBound(self, eventLoop: eventLoop)
    dataLoop.askStatus { status in
      let answer: DataAnswer =
        if let status { .status(number: number, status) } else { .failed(number: number, .notCommander) }
      var writer = CBORWriter()
      answer.encode(into: &writer)
      let bytes = writer.bytes
      eventLoop.execute { reference.value.answerQuestion(.status(number: number), number, bytes) }
    }
  }

  private func administer(
    _ number: UInt64, _ order: AdministratorOrder, _ name: String, on session: Session
  ) throws(SessionError) {
    guard let caller, statusesUnderWay < Self.maximumStatuses else {
      return try session.write { DataAnswer.unavailable(number: number, .busy).encode(into: &$0) }
    }
    statusesUnderWay += 1
    let eventLoop = session.eventLoop
    let reference = NIOLoopBound(self, eventLoop: eventLoop)
    dataLoop.administer(order, name, caller) { reply in
      let answer: DataAnswer =
        if let reply { .administered(number: number, reply) } else { .failed(number: number, .notCommander) }
      var writer = CBORWriter()
      answer.encode(into: &writer)
      let bytes = writer.bytes
      eventLoop.execute {
        reference.value.statusesUnderWay -= 1
        reference.value.answer(bytes, leaseEnd: Instant(milliseconds: .max))
      }
    }
  }

  private func orderSessions(
    _ number: UInt64, _ order: SessionOrder, on session: Session
  ) throws(SessionError) {
    guard let caller, let orders = dataLoop.sessionOrders, statusesUnderWay < Self.maximumStatuses else {
      return try session.write { DataAnswer.unavailable(number: number, .busy).encode(into: &$0) }
    }
    statusesUnderWay += 1
    let eventLoop = session.eventLoop
    let reference = NIOLoopBound(self, eventLoop: eventLoop)
    orders.perform(order, number: number, by: caller, on: id, eventLoop).whenComplete { result in
      eventLoop.execute {
        switch result {
        case .success(let bytes):
          reference.value.answerQuestion(.sessions(number: number, order), number, bytes)
        // Of a drone that is ending: its event loops answer no more.
        case .failure: reference.value.statusesUnderWay -= 1
        }
      }
    }
  }

  /// Another loop may have waited for this one, so the right is looked at once more: a newer list that came meanwhile
  /// is here by now.
  private func answerQuestion(_ request: DataRequest, _ number: UInt64, _ bytes: [UInt8]) {
    statusesUnderWay -= 1
    access.follow(dataLoop.access)
    let verdict = access.verdict(on: request)
    if verdict == .denied { note(denial: request, NodeClock.now()) }
    let refusal = verdict.refusal(number: number)
    var writer = CBORWriter()
    refusal?.encode(into: &writer)
    answer(refusal == nil ? bytes : writer.bytes, leaseEnd: Instant(milliseconds: .max))
  }

  func readCompleted(on session: Session) {
    if isOutgoing { forward() }
    dataLoop.pump()
    // What this loop answers leaves with what the others do: a record and a system call less.
    if batchesUnderWay > 0 { return session.holdFlush() }
    checkLease(session)
  }

  private func forward() {
    isOutgoing = false
    for index in outgoing.indices where outgoing[index].count > 0 {
      let batch = ForwardedBatch(
        requests: outgoing[index].take(), client: client, access: outgoingAccess, loop: dataLoop.index,
        connection: id)
      batchesUnderWay += 1
      dataLoop.others[index].execute { $0.execute(batch) }
    }
    keepPace()
  }

  /// A batch comes back from another loop, with the answers that it has by now.
  func returned(_ bytes: [UInt8], leaseEnd end: Instant) {
    batchesUnderWay -= 1
    if !bytes.isEmpty {
      answer(bytes, leaseEnd: end)
    } else if let session, session.isOpen {
      // What has waited for it.
      checkLease(session)
      session.flush()
    }
    keepPace()
  }

  /// A client that does not read its answers, or asks for more than is being answered, is not read either.
  private func keepPace() {
    guard let session, session.isOpen else { return }
    if session.isWritable, batchesUnderWay < Self.maximumBatches {
      session.resumeReading()
    } else {
      session.pauseReading()
    }
  }

  /// The clock is read after the requests were executed and before their answers are sealed: an answer read
  /// under a lease that is over by now may be stale, and nobody gets it. The client asks again.
  private func checkLease(_ session: Session) {
    guard !lease.mayLeave(now: NodeClock.now) else { return }
    dataLoop.logger.warning(
      "answers thrown away: the lease ran out while they were made",
      metadata: [NodeLogging.Key.principal: "\(session.identity.peer)"])
    session.discardGathered()
    session.close(.replaced)
  }

  /// Sends answers that were made elsewhere, or later.
  func answer(_ bytes: [UInt8], leaseEnd end: Instant) {
    guard let session, session.isOpen else { return }
    do {
      try session.write(messages: bytes)
    } catch {
      // The answers of a batch may be more than a record: they are taken apart again.
      answerSingly(bytes, on: session)
    }
    lease.gather(until: end)
    checkLease(session)
    session.flush()
  }

  private func answerSingly(_ bytes: [UInt8], on session: Session) {
    bytes.withUnsafeBytes { buffer in
      var reader = CBORReader(buffer)
      while !reader.isAtEnd, let item = try? reader.skip() {
        // Each alone fits: values are bounded so that they do.
        try? session.write(messages: item)
      }
    }
  }

  func writabilityChanged(_ isWritable: Bool, on session: Session) { keepPace() }

  func noticed(_ notice: SessionNotice, on session: Session) {}

  func closed(_ session: Session, error: SessionError?) {
    if let caller, let count = denials.rest {
      dataLoop.audit.record(
        AuditEvent(.denial, "further requests", outcome: "denied", by: caller, count: count))
    }
    dataLoop.remove(self)
    self.session = nil
  }
}
