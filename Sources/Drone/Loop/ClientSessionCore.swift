import Cluster
import Wire

/// What a data loop decides about one client's session: which of its requests are executed, here or on another loop,
/// which are turned away, when it is read no more, and whether its answers may leave. No I/O and no clock; nothing is
/// allocated for a request that is executed here.
///
/// A read cycle is `beginCycle`, `handle` for each request, `gather`, then `takeForwards`.
public struct ClientSessionCore: Sendable {
  /// What has become of a request. What there is to say of it by now is among the answers, in every case.
  public enum Outcome: Sendable {
    /// It was executed, or is on its way.
    case handled
    /// It was not: the client is to come again.
    case turnedAway
    /// Nor was this, since its client has no right to it. Not nil: so many denials are to be told of now.
    case denied(count: UInt64?)
    /// Its answer is to be had elsewhere; then `answered`.
    case question(Question)
    /// The client does not reach this drone.
    case unreachable(Principal)
    /// It breaks the protocol; the session is to end.
    case secondIntroduction
  }

  /// What the data loop cannot answer itself.
  public enum Question: Sendable {
    case status(number: UInt64)
    case order(number: UInt64, AdministratorOrder, name: String)
    case sessions(number: UInt64, SessionOrder)
  }

  // A short request may have a long answer, so what a client sends bounds nothing. These do:
  /// Batches on other loops before the client is not read any more.
  static let maximumBatches = 16
  static let maximumQuestions = 16

  private let principal: String
  private let loop: Int
  /// By which its loop knows the session; to be set before anything comes on it.
  public var connection: UInt64 = 0
  /// As it was announced, bound to the principal.
  public private(set) var client: ClientIncarnation?
  private var access: ClientAccess
  private var denials = Denials()
  /// Requests of this read cycle for the partitions of other loops.
  private var outgoing: [CBORWriter]
  private var isOutgoing = false
  /// By which the first of them was let through.
  private var outgoingAccess: ClientAccess
  /// Batches that other loops have not returned yet.
  private var batchesUnderWay = 0
  private var questionsUnderWay = 0
  private var lease = AnswerLease()

  /// - Parameters:
  ///   - principal: as the handshake proved it.
  ///   - loop: the position of the loop that the session is on.
  public init(principal: String, on loop: Int, of placement: LoopPlacement) {
    self.principal = principal
    self.loop = loop
    access = ClientAccess(principal: principal)
    outgoingAccess = access
    outgoing = (0..<placement.count).map { _ in CBORWriter() }
  }

  // MARK: A read cycle

  /// Some requests have come.
  public mutating func beginCycle(on loop: inout DataLoopCore) {
    loop.beginBatch()
    access.follow(loop.access)
  }

  /// - Parameters:
  ///   - encoded: the same request.
  ///   - hasRoom: whether further answers may be gathered.
  ///   - now: of this read cycle.
  ///   - loop: of the session.
  public mutating func handle(
    _ request: DataRequest, _ encoded: UnsafeRawBufferPointer, hasRoom: Bool, limiter: some RequestLimiter,
    now: Instant, on loop: inout DataLoopCore, answers: inout CBORWriter
  ) -> Outcome {
    if !hasRoom, let number = request.number {
      DataAnswer.unavailable(number: number, .busy).encode(into: &answers)
      return .turnedAway
    }
    // Before anybody looks whose the partition is.
    let verdict = access.verdict(on: request)
    guard verdict == .permitted else {
      verdict.refusal(number: request.number ?? 0)?.encode(into: &answers)
      return verdict == .denied ? .denied(count: denials.count(now)) : .turnedAway
    }
    if let limit = access.limit(on: request), let number = request.number,
      let wait = limiter.consume(limit, of: principal, now)
    {
      DataAnswer.limited(number: number, wait: UInt64(clamping: wait)).encode(into: &answers)
      return .turnedAway
    }
    switch request {
    case .read, .write:
      execute(request, encoded, now, on: &loop, &answers)
      return .handled
    case .introduce(_, let announced): return introduce(announced)
    case .unreachable(_, let drone): return .unreachable(drone)
    case .topology(let number):
      if let map = loop.map {
        DataAnswer.topology(number: number, map).encode(into: &answers)
      } else {
        DataAnswer.unavailable(number: number, .noCommander).encode(into: &answers)
      }
      return .handled
    case .status(let number): return ask(.status(number: number), number, &answers)
    case .administer(let number, let order, let name):
      return ask(.order(number: number, order, name: name), number, &answers)
    case .sessions(let number, let order):
      return ask(.sessions(number: number, order), number, &answers)
    }
  }

  private mutating func execute(
    _ request: DataRequest, _ encoded: UnsafeRawBufferPointer, _ now: Instant, on loop: inout DataLoopCore,
    _ answers: inout CBORWriter
  ) {
    guard let partition = request.partition, let number = request.number else { return }
    guard client != nil || !request.isWrite else {
      return DataAnswer.failed(number: number, .notIntroduced).encode(into: &answers)
    }
    let target = loop.placement.loop(of: partition)
    guard target == self.loop else {
      if case .read(let read) = request,
        loop.data.readElsewhere(read, in: partition, edition: access.edition, now: now, answers: &answers)
      {
        return
      }
      outgoing[target].write(encoded: encoded)
      if !isOutgoing { outgoingAccess = access }
      isOutgoing = true
      return
    }
    let replyTo = ReplyAddress(
      loop: target, connection: connection, number: number, mayRead: access.mayRead(keyOf: request))
    loop.data.execute(
      request, in: partition, client: client, replyTo: replyTo, quota: access.quota(on: request), now: now,
      answers: &answers)
  }

  /// Once, and for good: requests of this session are on their way to other loops under it.
  private mutating func introduce(_ announced: ClientIncarnation) -> Outcome {
    guard client == nil else { return .secondIntroduction }
    client = announced.bound(to: principal)
    return .handled
  }

  /// What goes to other loops at the end of the read cycle, in their order; `returned` follows for each.
  public mutating func takeForwards() -> [ForwardedBatch] {
    guard isOutgoing else { return [] }
    isOutgoing = false
    var batches: [ForwardedBatch] = []
    for target in outgoing.indices where outgoing[target].count > 0 {
      batches.append(
        ForwardedBatch(
          requests: outgoing[target].take(), client: client, access: outgoingAccess, source: loop,
          target: target, connection: connection))
    }
    batchesUnderWay += batches.count
    return batches
  }

  /// A batch comes back from another loop, with the answers that it has by now.
  public mutating func returned() { batchesUnderWay -= 1 }

  /// What this loop answers leaves with what the others do: a record and a system call less.
  public var holdsAnswers: Bool { batchesUnderWay > 0 }

  /// A client that does not read its answers, or asks for more than is being answered, is not read either.
  public func mayRead(isWritable: Bool) -> Bool { isWritable && batchesUnderWay < Self.maximumBatches }

  // MARK: Answers

  /// Answers are gathered, of this loop or of another.
  /// - Parameter end: of the lease under which they were read.
  public mutating func gather(until end: Instant) { lease.gather(until: end) }

  /// Whether what was gathered may leave. If not, throw it away and end the session: the client asks again.
  /// - Parameter now: reads the clock, after the requests were executed and before their answers are sealed.
  public mutating func mayLeave(now: () -> Instant) -> Bool { lease.mayLeave(now: now) }

  /// Denials that nobody was told of; nil: none.
  public var untoldDenials: UInt64? { denials.rest }

  // MARK: Questions

  private mutating func ask(_ question: Question, _ number: UInt64, _ answers: inout CBORWriter) -> Outcome {
    guard questionsUnderWay < Self.maximumQuestions else {
      DataAnswer.unavailable(number: number, .busy).encode(into: &answers)
      return .turnedAway
    }
    questionsUnderWay += 1
    return .question(question)
  }

  /// There is something to say to a question, or never will be.
  /// - Parameter installed: of the session's loop.
  /// - Returns: what the client is told instead, if it may not be told that, and how many denials are to be told of now.
  public mutating func answered(_ question: Question, by installed: InstalledAccessList, now: Instant) -> (
    refusal: DataAnswer?, denials: UInt64?
  ) {
    questionsUnderWay -= 1
    guard let request = question.askedAgain else { return (nil, nil) }
    access.follow(installed)
    let verdict = access.verdict(on: request)
    return (verdict.refusal(number: request.number ?? 0), verdict == .denied ? denials.count(now) : nil)
  }
}

extension ClientSessionCore.Question {
  /// Of the request, and so of its answer.
  public var number: UInt64 {
    switch self {
    case .status(let number), .order(let number, _, _), .sessions(let number, _): number
    }
  }

  /// Whoever is asked may have waited, so the right to this is looked at once more: a newer list that came meanwhile is
  /// here by now. Nil: it has been done by now, and who ordered it shall know.
  public var askedAgain: DataRequest? {
    switch self {
    case .status(let number): .status(number: number)
    case .sessions(let number, let order): .sessions(number: number, order)
    case .order: nil
    }
  }
}
