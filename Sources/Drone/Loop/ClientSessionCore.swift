import Cluster
import Wire

/// What a data loop decides about one client's session: which of its requests are executed, which are turned away, and
/// whether its answers may leave. No I/O and no clock; nothing is allocated for a request.
///
/// A read cycle is `beginCycle`, `handle` for each request, then `takeTurns`.
public struct ClientSessionCore: Sendable {
  /// What has become of a request. What there is to say of it by now is among the answers, in every case.
  public enum Outcome: Sendable {
    /// It was executed.
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

  /// Under way, before others are turned away.
  static let maximumQuestions = 16

  private let principal: String
  private let loop: Int
  /// By which its loop knows the session; to be set before anything comes on it.
  public var connection: UInt64 = 0
  /// As it was announced, bound to the principal.
  public private(set) var client: ClientIncarnation?
  private var access: ClientAccess
  private var denials = Denials()
  private let loops: DroneLoops
  /// Loops that are to have a turn, for what was executed on them.
  private var turns: [Bool]
  private var hasTurns = false
  private var questionsUnderWay = 0
  private var lease = AnswerLease()

  /// - Parameters:
  ///   - principal: as the handshake proved it.
  ///   - loop: the position of the loop that the session is on.
  public init(principal: String, on loop: Int, of loops: DroneLoops) {
    self.principal = principal
    self.loop = loop
    self.loops = loops
    access = ClientAccess(principal: principal)
    turns = [Bool](repeating: false, count: loops.placement.count)
  }

  // MARK: A read cycle

  /// Some requests have come.
  public mutating func beginCycle() {
    loops.change(loop) { core in access.follow(core.access) }
  }

  /// Requests are about to be handled: has what they look for fetched. (Mutating: all of a core that lies in an object is
  /// copied for a call of what is not.)
  public mutating func prefetch(_ requests: borrowing RequestBatch) { loops.partitions.prefetch(requests) }

  /// - Parameters:
  ///   - hasRoom: whether further answers may be gathered.
  ///   - now: of this read cycle.
  public mutating func handle(
    _ located: borrowing LocatedRequest, hasRoom: Bool, limiter: some RequestLimiter, now: Instant,
    answers: inout CBORWriter
  ) -> Outcome {
    if !hasRoom, let number = located.request.number {
      DataAnswer.unavailable(number: number, .busy).encode(into: &answers)
      return .turnedAway
    }
    // Before anybody looks whose the partition is.
    let verdict = access.verdict(on: located.request)
    guard verdict == .permitted else {
      verdict.refusal(number: located.request.number ?? 0)?.encode(into: &answers)
      return verdict == .denied ? .denied(count: denials.count(now)) : .turnedAway
    }
    if let limit = access.limit(on: located.request), let number = located.request.number,
      let wait = limiter.consume(limit, of: principal, now)
    {
      DataAnswer.limited(number: number, wait: UInt64(clamping: wait)).encode(into: &answers)
      return .turnedAway
    }
    switch located.request {
    case .read, .write:
      execute(located, now, &answers)
      return .handled
    case .introduce(_, let announced): return introduce(announced)
    case .unreachable(_, let drone): return .unreachable(drone)
    case .topology(let number):
      if let map = loops.change(loop, { $0.map }) {
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
    _ located: borrowing LocatedRequest, _ now: Instant, _ answers: inout CBORWriter
  ) {
    guard let (partition, key) = located.place, let number = located.request.number else { return }
    guard client != nil || !located.request.isWrite else {
      return DataAnswer.failed(number: number, .notIntroduced).encode(into: &answers)
    }
    let edition = access.edition
    if case .read(let read) = located.request,
      let end = loops.partitions.answer(
        read, key, in: partition, edition: edition, now: now, answers: &answers)
    {
      return lease.gather(until: end)
    }
    let replyTo = ReplyAddress(
      loop: loop, connection: connection, number: number, mayRead: access.mayRead(keyOf: located.request))
    let (quota, client) = (access.quota(on: located.request), client)
    let owner = loops.placement.loop(of: partition)
    let (end, needsTurn) = loops.change(owner) { core in
      core.execute(
        located, client: client, edition: edition, replyTo: replyTo, quota: quota, now: now,
        answers: &answers)
    }
    lease.gather(until: end)
    if needsTurn, owner != loop {
      turns[owner] = true
      hasTurns = true
    }
  }

  /// Once, and for good: writes of this session are under way under it.
  private mutating func introduce(_ announced: ClientIncarnation) -> Outcome {
    guard client == nil else { return .secondIntroduction }
    client = announced.bound(to: principal)
    return .handled
  }

  /// Names the other loops that are to have a turn (`DataLoopCore.endBatch`) at the end of the read cycle, in their order;
  /// the session's own has one in any case.
  public mutating func takeTurns(_ body: (Int) -> Void) {
    guard hasTurns else { return }
    hasTurns = false
    for loop in turns.indices where turns[loop] {
      turns[loop] = false
      body(loop)
    }
  }

  // MARK: Answers

  /// Answers that had to wait are gathered.
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
  /// - Returns: what the client is told instead, if it may not be told that, and how many denials are to be told of now.
  public mutating func answered(_ question: Question, now: Instant) -> (
    refusal: DataAnswer?, denials: UInt64?
  ) {
    questionsUnderWay -= 1
    guard let request = question.askedAgain else { return (nil, nil) }
    beginCycle()
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
