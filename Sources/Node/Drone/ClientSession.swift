import Audit
import Cluster
import Drone
import NIOCore
import Sessions
import Transport
import Wire

/// The shell of one client's session: decodes its requests in place, and has `ClientSessionCore` handle them in the same
/// call. All answers of a read cycle leave in one record. Nothing is allocated for a read.
final class ClientSession: SessionHandler {
  private let dataLoop: DataLoop
  private var core: ClientSessionCore
  private var session: Session?
  private var caller: Caller?

  var id: UInt64 { core.connection }

  /// - Parameter principal: the client's, as the handshake proved it.
  init(dataLoop: DataLoop, of loops: DroneLoops, principal: String) {
    self.dataLoop = dataLoop
    core = ClientSessionCore(principal: principal, on: dataLoop.index, of: loops)
  }

  func sessionOpened(_ session: Session) {
    self.session = session
    core.connection = session.id
    caller = Caller(session)
    dataLoop.add(self)
  }

  func received(_ messages: UnsafeRawBufferPointer, on session: Session) {
    var reader = CBORReader(messages)
    core.beginCycle()
    let now = NodeClock.now()
    do {
      while !reader.isAtEnd {
        let failure = dataLoop.batch.fill(from: &reader)
        core.prefetch(dataLoop.batch)
        try dataLoop.batch.empty { request throws(SessionError) in
          session.requests &+= 1
          try handle(request, now, session)
        }
        if let failure { throw failure }
      }
    } catch {
      dataLoop.logger.warning(
        "session closed: what came is no request",
        metadata: [NodeLogging.Key.principal: "\(session.identity.peer)", NodeLogging.Key.reason: "\(error)"])
      // What is gathered leaves with the close.
      checkLease(session)
      session.close(SessionCloseReason(after: error))
    }
  }

  private func handle(
    _ located: borrowing LocatedRequest, _ now: Instant, _ session: Session
  ) throws(SessionError) {
    var outcome = ClientSessionCore.Outcome.handled
    let hasRoom = session.gatheredBytes <= session.gatheringLimit
    try session.write { answers in
      outcome = core.handle(
        located, hasRoom: hasRoom, limiter: dataLoop.budget, now: now, answers: &answers)
    }
    switch outcome {
    case .handled: record(located.request)
    case .turnedAway: break
    case .denied(let count): if let count { tell(denials: count, located.request) }
    case .question(let question):
      record(located.request)
      ask(question, on: session)
    case .unreachable(let drone):
      record(located.request)
      dataLoop.report(.foundUnreachable(drone))
    case .secondIntroduction: throw .malformedRecord("a second introduction")
    }
  }

  func readCompleted(on session: Session) {
    endCycle()
    checkLease(session)
  }

  /// Also where the session ends within it: what was executed is told of.
  private func endCycle() {
    core.takeTurns { loop in dataLoop.others[loop].execute { $0.endBatch() } }
    dataLoop.endBatch()
  }

  // MARK: For the record

  @inline(__always)
  private func record(_ request: DataRequest) {
    if dataLoop.audit.data != .none { write(request) }
  }

  private func write(_ request: DataRequest) {
    guard request.isRecorded(dataLoop.audit.data), let caller else { return }
    let namesKey = dataLoop.audit.namesKeys
    dataLoop.audit.record(
      AuditEvent(.data, request, outcome: "permitted", by: caller, namesKey: namesKey))
  }

  private func tell(denials count: UInt64, _ request: DataRequest) {
    guard let caller else { return }
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

  // MARK: Questions

  private func ask(_ question: ClientSessionCore.Question, on session: Session) {
    guard let caller, let sessions = dataLoop.sessionOrders else { return answered(question, nil) }
    let eventLoop = session.eventLoop
    let reference = NIOLoopBound(self, eventLoop: eventLoop)
    switch question {
    case .status(let number):
      dataLoop.askStatus { status in
        let bytes = Self.encoded(status.map { .status(number: number, $0) }, number)
        eventLoop.execute { reference.value.answered(question, bytes) }
      }
    case .order(let number, let order, let name):
      dataLoop.administer(order, name, caller) { reply in
        let bytes = Self.encoded(reply.map { .administered(number: number, $0) }, number)
        eventLoop.execute { reference.value.answered(question, bytes) }
      }
    case .sessions(let number, let order):
      sessions.perform(order, number: number, by: caller, on: id, eventLoop).whenComplete { result in
        // Not so of a drone that is ending: its event loops answer no more.
        let bytes = try? result.get()
        eventLoop.execute { reference.value.answered(question, bytes) }
      }
    }
  }

  private static func encoded(_ answer: DataAnswer?, _ number: UInt64) -> [UInt8] {
    var writer = CBORWriter()
    (answer ?? .failed(number: number, .notCommander)).encode(into: &writer)
    return writer.bytes
  }

  private func answered(_ question: ClientSessionCore.Question, _ bytes: [UInt8]?) {
    let (refusal, denials) = core.answered(question, now: NodeClock.now())
    if let denials, let request = question.askedAgain { tell(denials: denials, request) }
    guard let bytes else { return }
    var writer = CBORWriter()
    refusal?.encode(into: &writer)
    answer(refusal == nil ? bytes : writer.bytes, leaseEnd: Instant(milliseconds: .max))
  }

  // MARK: Answers

  private func checkLease(_ session: Session) {
    guard !core.mayLeave(now: NodeClock.now) else { return }
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
    core.gather(until: end)
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

  /// A client that does not take its answers is not read.
  func writabilityChanged(_ isWritable: Bool, on session: Session) {
    if isWritable { session.resumeReading() } else { session.pauseReading() }
  }

  func noticed(_ notice: SessionNotice, on session: Session) {}

  func closed(_ session: Session, error: SessionError?) {
    if let caller, let count = core.untoldDenials {
      dataLoop.audit.record(
        AuditEvent(.denial, "further requests", outcome: "denied", by: caller, count: count))
    }
    endCycle()
    dataLoop.remove(self)
    self.session = nil
  }
}
