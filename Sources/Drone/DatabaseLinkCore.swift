import Cluster

/// What a data loop decides about its session with the database: when to dial, which grants to show, when to
/// append, and what a lost session or a failed append means. One append is under way at a time. No I/O, no
/// clock; the data core that it feeds is the loop's own and passed in.
public struct DatabaseLinkCore: Sendable {
  public enum Event: Sendable {
    /// The database is there.
    case located(RegisteredNode)
    /// Show this grant for these partitions of the loop, which the data core has begun to load.
    case granted(GrantAnswer, PartitionSet)
    case sessionOpened
    case sessionClosed
    /// The session that `dial` asked for did not come about.
    case dialFailed
    case redialDue
    case answered(StoreAnswer)
    /// All answers of a read cycle have been handed over.
    case readCompleted
    case retryDue
    /// Writes may wait, or the session may have room again.
    case pumped
    /// A heartbeat has passed.
    case ticked
    /// What waits without anybody waiting for it has waited long enough.
    case writeBehindDue
    /// The process is about to end: take no write any more, and hand over everything. May come again.
    case retiring
    case stopped
  }

  public enum Action: Sendable {
    /// Open a session; answer with `sessionOpened` or `dialFailed`.
    case dial(RegisteredNode)
    /// `sessionClosed` follows.
    case close(CloseReason)
    case send(StoreRequest)
    /// Answer these clients.
    case complete([DataCore.Completion])
    /// Tell the drone's control side.
    case report(DroneEvent)
    /// Hand over `redialDue` after so many milliseconds, and a few at random.
    case redial(after: Int64)
    /// Hand over `retryDue` after so many milliseconds.
    case retry(after: Int64)
    case note(Note)
  }

  public enum CloseReason: Equatable, Sendable {
    /// The database is elsewhere now.
    case moved
    /// It has owed an answer for too long.
    case silent
    case stopping
  }

  /// Something for the log.
  public enum Note: Equatable, Sendable {
    case refused(PartitionSet, reason: String)
    /// The copy of this partition cannot follow what the database has; it is kept, and not served.
    case incomplete(Partition)
    case notStored(reason: String)
    /// The session is there, and the database does not answer.
    case silent
    case answersAgain
    /// It is about to end, and waits for this drone meanwhile.
    case ending
  }

  /// Milliseconds before an append that the database could not store is sent again.
  static let retryPause: Int64 = 100
  /// The shortest and the longest pause before another dial, in milliseconds.
  private static let dialPause: Int64 = 50
  private static let longestDialPause: Int64 = 2000

  public private(set) var database: RegisteredNode?
  public private(set) var hasSession = false
  /// Dials that failed since the last session opened.
  public private(set) var failures = 0
  private var isDialling = false
  private var isStopped = false
  private var nextNumber: UInt64 = 0
  var appendNumber: UInt64?
  /// The number of a question that was only to see whether it is answered.
  var probeNumber: UInt64?
  private var watch: DatabaseWatch
  /// Something was answered in this read cycle.
  var hasAnswers = false
  /// The last append failed, and waits to be tried again.
  var awaitsRetry = false
  /// Why the database did not store the last append; nil once it has stored one.
  public internal(set) var complaint: String?
  /// What was said on this session of the end of either side.
  private var farewell = Farewell()
  var openings: [UInt64: Opening] = [:]
  /// Promoted, and their contents are to be asked for.
  var dueLoads = DueLoads()
  /// Grants that came while there was no session.
  private var queued: [(answer: GrantAnswer, partitions: PartitionSet)] = []
  /// Partitions that were opened or lost in this read cycle, reported together.
  var opened: [FencingToken: PartitionSet] = [:]
  var lost: [FencingToken: PartitionSet] = [:]
  var refused: [OpenRefusal: [FencingToken: PartitionSet]] = [:]
  /// The newest that the database has given, whatever session that was on.
  var receipt: StoreReceipt?
  var actions: [Action] = []
  let timing: Timing

  public init(timing: Timing) {
    self.timing = timing
    watch = DatabaseWatch(timing: timing)
  }

  /// - Parameters:
  ///   - data: the loop's data core.
  ///   - canSend: whether the session, if there is one, is open and has room.
  public mutating func handle(
    _ event: Event, _ data: inout DataCore, canSend: Bool, now: Instant
  ) -> [Action] {
    react(to: event, &data, now)
    switch event {
    case .sessionOpened, .retryDue, .retiring: pump(&data, canSend, now)
    case .writeBehindDue:
      pump(&data, canSend, now)
      complete(data.release(now, timing: timing))
    case .readCompleted, .pumped: if data.isUrgent { pump(&data, canSend, now) }
    default: break
    }
    if hasSession, let request = farewell.next(data) { actions.append(.send(request)) }
    defer { actions.removeAll() }
    return actions
  }

  /// Whether the database is there, and answers.
  public var isAnswered: Bool { hasSession && watch.isReached }

  private mutating func react(to event: Event, _ data: inout DataCore, _ now: Instant) {
    switch event {
    case .located(let node): use(node)
    case .granted(let answer, let partitions): open(answer, partitions, &data, now)
    case .sessionOpened: sessionOpened(&data, now)
    case .sessionClosed: sessionClosed(&data, now)
    case .dialFailed:
      isDialling = false
      redial(&data)
    case .redialDue: dial()
    case .answered(let answer): receive(answer, &data, now)
    case .readCompleted: completeRead(now)
    case .retryDue:
      guard awaitsRetry else { break }
      awaitsRetry = false
      data.retryAppend()
    case .pumped, .writeBehindDue: break
    case .retiring: data.retire()
    case .ticked: tick(now, isEnding: data.isDatabaseEnding)
    case .stopped:
      isStopped = true
      if hasSession { actions.append(.close(.stopping)) }
    }
  }

  /// Sends what waits for the database, if it is there and is not busy with the last append.
  private mutating func pump(_ data: inout DataCore, _ canSend: Bool, _ now: Instant) {
    guard hasSession, canSend, data.hasWaiting else { return }
    let batches = data.takeAppend()
    guard !batches.isEmpty else { return }
    nextNumber += 1
    appendNumber = nextNumber
    data.pace.sent(isBehind: data.hasWaiting, now: now)
    send(.append(number: nextNumber, batches: batches), now)
  }

  private mutating func send(_ request: StoreRequest, _ now: Instant) {
    watch.asked(at: now)
    actions.append(.send(request))
  }

  // MARK: Whether it answers

  private mutating func tick(_ now: Instant, isEnding: Bool) {
    guard hasSession else { return }
    switch watch.tick(now, patiently: isEnding) {
    case .nothing: break
    case .probe:
      nextNumber += 1
      probeNumber = nextNumber
      // An append of nothing: the answer comes from the thread that writes.
      send(.append(number: nextNumber, batches: []), now)
    case .lost: actions += [.note(.silent), .report(.databaseReached(false))]
    case .giveUp: actions.append(.close(.silent))
    }
  }

  private mutating func completeRead(_ now: Instant) {
    if hasAnswers {
      hasAnswers = false
      let owesMore = appendNumber != nil || probeNumber != nil || !openings.isEmpty
      if watch.answered(owesMore: owesMore, at: now) {
        actions += [.note(.answersAgain), .report(.databaseReached(true))]
      }
    }
    reportChanges()
  }

  // MARK: Dialling

  private mutating func use(_ node: RegisteredNode) {
    guard database != node else { return }
    let isElsewhere = database != nil
    database = node
    if isElsewhere, hasSession { actions.append(.close(.moved)) } else { dial() }
  }

  private mutating func dial() {
    guard !hasSession, !isDialling, !isStopped, let database else { return }
    isDialling = true
    actions.append(.dial(database))
  }

  private mutating func redial(_ data: inout DataCore) {
    guard !isStopped else { return }
    failures += 1
    // Grants that could not be shown: the drone asks for them again.
    for grant in queued { give(up: grant.partitions, grant.answer.token, &data) }
    queued.removeAll()
    reportChanges()
    let pause = min(Self.longestDialPause, Self.dialPause << Int64(min(failures, 6)))
    actions.append(.redial(after: pause))
  }

  // MARK: The session

  private mutating func sessionOpened(_ data: inout DataCore, _ now: Instant) {
    watch.opened(at: now)
    data.pace.found()
    hasSession = true
    isDialling = false
    failures = 0
    // Before anything is asked: a store that is behind what it once was must not answer.
    if let receipt { actions.append(.send(.remember(receipt))) }
    actions.append(.report(.databaseReached(true)))
    for grant in queued { show(grant.answer, grant.partitions, &data, now) }
    queued.removeAll()
    reportChanges()
  }

  private mutating func sessionClosed(_ data: inout DataCore, _ now: Instant) {
    hasSession = false
    data.pace.lost(now)
    watch.closed()
    appendNumber = nil
    probeNumber = nil
    hasAnswers = false
    awaitsRetry = false
    complaint = nil
    farewell = Farewell()
    // What was under way may have been stored or not: it goes out again, and the database knows what it has.
    data.retryAppend()
    let completions = data.forgetEnding()
    if !completions.isEmpty { actions.append(.complete(completions)) }
    for opening in openings.keys.sorted().compactMap({ openings[$0] }) + dueLoads.takeAll() {
      give(up: opening.partitions, opening.token, &data)
    }
    openings.removeAll()
    reportChanges()
    actions.append(.report(.databaseReached(false)))
    redial(&data)
  }

  private mutating func open(
    _ answer: GrantAnswer, _ partitions: PartitionSet, _ data: inout DataCore, _ now: Instant
  ) {
    use(answer.database)
    guard hasSession else { return queued.append((answer, partitions)) }
    show(answer, partitions, &data, now)
    reportChanges()
  }

  private mutating func show(
    _ answer: GrantAnswer, _ partitions: PartitionSet, _ data: inout DataCore, _ now: Instant
  ) {
    let crowded = data.withoutRoom(partitions, mode: answer.mode)
    refuse(crowded, answer.token, .noRoom, &data)
    let partitions = partitions.subtracting(crowded)
    guard !partitions.isEmpty else { return }
    let copies = data.beginOpening(partitions, token: answer.token, mode: answer.mode)
    guard answer.mode == .promote else { return ask(answer, partitions, copy: nil, now) }
    var missing = partitions
    for copy in copies {
      missing.subtract(copy.partitions)
      ask(answer, copy.partitions, copy: copy.token, life: copy.life, now)
    }
    refuse(missing, answer.token, .notInSync, &data)
  }

  /// - Parameters:
  ///   - copy: the token of the copies to be promoted; nil asks for the contents.
  ///   - life: the earlier life of this drone that had them.
  mutating func ask(
    _ answer: GrantAnswer, _ partitions: PartitionSet, copy: FencingToken?, life: Incarnation? = nil,
    _ now: Instant
  ) {
    nextNumber += 1
    openings[nextNumber] = Opening(answer: answer, partitions: partitions)
    send(
      .open(number: nextNumber, grant: answer.grant, partitions: partitions, copy: copy, life: life), now)
  }

  mutating func refuse(
    _ partitions: PartitionSet, _ token: FencingToken, _ refusal: OpenRefusal, _ data: inout DataCore
  ) {
    guard !partitions.isEmpty else { return }
    // A copy that is not in sync stays: its owner may be about to have it put on the list.
    if refusal != .other { refused[refusal, default: [:]][token, default: []].formUnion(partitions) }
    give(up: partitions, token, &data)
  }
}
