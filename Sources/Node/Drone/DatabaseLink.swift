import Cluster
import Drone
import Logging
import NIOCore
import Sessions
import Transport
import Wire

/// A data loop's session with the database: opens partitions, loads them, and carries appends, one at a time.
/// It dials again, with growing pauses, for as long as the drone runs.
final class DatabaseLink: SessionHandler {
  private struct Opening {
    let token: FencingToken
    var partitions: PartitionSet
  }

  private unowned let dataLoop: DataLoop
  private let dialer: SessionDialer
  private let credential: InitiatorCredentialProvider
  private let logger: Logger
  private var database: RegisteredNode?
  private var session: Session?
  private var isDialing = false
  private var isStopped = false
  private var failures = 0
  private var nextNumber: UInt64 = 0
  private var appendNumber: UInt64?
  private var openings: [UInt64: Opening] = [:]
  /// Grants that came while there was no session.
  private var queued: [(GrantAnswer, PartitionSet)] = []
  /// Partitions that were opened in this read cycle, reported together.
  private var opened: [FencingToken: PartitionSet] = [:]
  private var lost: [FencingToken: PartitionSet] = [:]
  private var watch: DatabaseWatch
  private let heartbeat: TimeAmount
  private var watching: RepeatedTask?
  /// The number of a question that was only to see whether it is answered.
  private var probeNumber: UInt64?

  init(
    dataLoop: DataLoop, dialer: SessionDialer, credential: @escaping InitiatorCredentialProvider,
    timing: Timing, logger: Logger
  ) {
    watch = DatabaseWatch(timing: timing)
    heartbeat = .milliseconds(timing.heartbeat)
    self.dataLoop = dataLoop
    self.dialer = dialer
    self.credential = credential
    self.logger = logger
  }

  /// Whether an append can be sent now.
  var isReady: Bool { session?.isOpen == true && session?.isWritable == true }

  /// Where the database is.
  func use(_ node: RegisteredNode) {
    guard database != node else { return }
    let isElsewhere = database != nil
    database = node
    if isElsewhere, let session { session.close(.replaced) } else { dial() }
  }

  func open(_ answer: GrantAnswer, partitions: PartitionSet) {
    use(answer.database)
    guard let session, session.isOpen else {
      queued.append((answer, partitions))
      return
    }
    send(answer, partitions, on: session)
  }

  private func send(_ answer: GrantAnswer, _ partitions: PartitionSet, on session: Session) {
    nextNumber += 1
    openings[nextNumber] = Opening(token: answer.token, partitions: partitions)
    write(.open(number: nextNumber, grant: answer.grant, partitions: partitions), on: session)
  }

  func append(_ batches: [PartitionBatch]) {
    guard let session else { return dataLoop.core.retryAppend() }
    nextNumber += 1
    appendNumber = nextNumber
    write(.append(number: nextNumber, batches: batches), on: session)
  }

  private func write(_ request: StoreRequest, on session: Session) {
    do {
      try session.write { request.encode(into: &$0) }
      session.flush()
      watch.asked(at: NodeClock.now())
    } catch {
      // Bounds are chosen so that every request fits; if one does not, nothing is lost by starting over.
      logger.error("request to the database does not fit a record", metadata: ["error": "\(error)"])
      session.close(.finished)
    }
  }

  func stop() {
    isStopped = true
    session?.close(.shuttingDown)
  }

  // MARK: Whether it answers

  private func startWatching() {
    watch.opened(at: NodeClock.now())
    let bound = NIOLoopBound(self, eventLoop: dataLoop.eventLoop)
    watching = dataLoop.eventLoop.scheduleRepeatedTask(initialDelay: heartbeat, delay: heartbeat) { _ in
      bound.value.look()
    }
  }

  private func look() {
    guard let session, session.isOpen else { return }
    switch watch.tick(NodeClock.now()) {
    case .nothing: break
    case .probe:
      nextNumber += 1
      probeNumber = nextNumber
      // An append of nothing: the answer comes from the thread that writes.
      write(.append(number: nextNumber, batches: []), on: session)
    case .lost:
      logger.warning(
        "database does not answer", metadata: [NodeLogging.Key.principal: "\(session.identity.peer)"])
      dataLoop.report(.databaseReached(false))
    case .giveUp: session.close(.idle)
    }
  }

  private func answered() {
    let owesMore = appendNumber != nil || probeNumber != nil || !openings.isEmpty
    guard watch.answered(owesMore: owesMore, at: NodeClock.now()) else { return }
    logger.info("database answers again")
    dataLoop.report(.databaseReached(true))
  }

  // MARK: Dialling

  private func dial() {
    guard session == nil, !isDialing, !isStopped, let database else { return }
    isDialing = true
    let address = NodeAddress(host: database.endpoint.host, port: Int(database.endpoint.port))
    let loop = dataLoop.eventLoop
    let bound = NIOLoopBound(self, eventLoop: loop)
    dialer.dial(
      database.principal.text, at: address, on: loop, credential: credential,
      handler: { _, _ in bound.value },
      completion: { result in
        if case .failure(let error) = result { bound.value.failed(error) }
      })
  }

  private func failed(_ error: TransportError) {
    isDialing = false
    if failures == 0 {
      logger.warning(
        "database not reached",
        metadata: [
          NodeLogging.Key.principal: "\(database?.principal.text ?? "")", NodeLogging.Key.reason: "\(error)",
        ])
    }
    redial()
  }

  private func redial() {
    guard !isStopped else { return }
    failures += 1
    dropQueued()
    let pause = min(2000, 50 << min(failures, 6)) + Int64.random(in: 0...50)
    let bound = NIOLoopBound(self, eventLoop: dataLoop.eventLoop)
    dataLoop.eventLoop.scheduleTask(in: .milliseconds(pause)) { bound.value.dial() }
  }

  /// Grants that could not be shown: the drone asks for them again.
  private func dropQueued() {
    for (answer, partitions) in queued { give(up: partitions, answer.token) }
    queued.removeAll()
    reportChanges()
  }

  // MARK: Session

  func sessionOpened(_ session: Session) {
    self.session = session
    isDialing = false
    failures = 0
    logger.info("database reached", metadata: [NodeLogging.Key.principal: "\(session.identity.peer)"])
    dataLoop.report(.databaseReached(true))
    startWatching()
    for (answer, partitions) in queued { send(answer, partitions, on: session) }
    queued.removeAll()
    dataLoop.pump()
  }

  func received(_ messages: UnsafeRawBufferPointer, on session: Session) {
    var reader = CBORReader(messages)
    do {
      while !reader.isAtEnd { take(try StoreAnswer(from: &reader)) }
      answered()
    } catch {
      logger.error("the database's answer cannot be read", metadata: [NodeLogging.Key.reason: "\(error)"])
      session.close(.finished)
    }
  }

  private func take(_ answer: StoreAnswer) {
    switch answer {
    case .contents(let number, let partition, let entries):
      guard let opening = openings[number] else { return }
      dataLoop.core.load(entries, into: partition, token: opening.token)
    case .opened(let number, let partition, let sequence, let outcomes, let forgotten):
      guard let opening = openings[number], opening.partitions.contains(partition) else { return }
      settle(number, [partition])
      if dataLoop.core.finishLoading(
        partition, token: opening.token, sequence: sequence, outcomes: outcomes, forgotten: forgotten)
      {
        opened[opening.token, default: []].insert(partition)
      }
    case .openRefused(let number, let partitions, let reason):
      guard let opening = openings[number] else { return }
      logger.warning(
        "partitions not opened",
        metadata: [NodeLogging.Key.partition: "\(partitions)", NodeLogging.Key.reason: "\(reason)"])
      let refused = opening.partitions.intersection(partitions)
      settle(number, refused)
      give(up: refused, opening.token)
    case .appended(let number, _) where number == probeNumber: probeNumber = nil
    case .appendFailed(let number, _) where number == probeNumber: probeNumber = nil
    case .appended(let number, let results):
      guard appendNumber == number else { return }
      appendNumber = nil
      finish(dataLoop.core.settle(results))
    case .appendFailed(let number, let reason):
      guard appendNumber == number else { return }
      appendNumber = nil
      logger.error("the database did not store a group", metadata: [NodeLogging.Key.reason: "\(reason)"])
      retryLater()
    }
  }

  private func settle(_ number: UInt64, _ partitions: PartitionSet) {
    openings[number]?.partitions.subtract(partitions)
    if openings[number]?.partitions.isEmpty == true { openings[number] = nil }
  }

  private func finish(_ settlement: DataCore.Settlement) {
    dataLoop.complete(settlement.completions)
    for holding in settlement.lost { lost[holding.token, default: []].formUnion(holding.partitions) }
  }

  private func retryLater() {
    let bound = NIOLoopBound(self, eventLoop: dataLoop.eventLoop)
    dataLoop.eventLoop.scheduleTask(in: .milliseconds(100)) {
      bound.value.dataLoop.core.retryAppend()
      bound.value.dataLoop.pump()
    }
  }

  private func give(up partitions: PartitionSet, _ token: FencingToken) {
    dataLoop.core.abandonLoading(partitions, token: token)
    lost[token, default: []].formUnion(partitions)
  }

  func readCompleted(on session: Session) {
    reportChanges()
    dataLoop.pump()
  }

  private func reportChanges() {
    for token in opened.keys.sorted() { dataLoop.report(.opened(opened[token] ?? [], token)) }
    for token in lost.keys.sorted() { dataLoop.report(.lost(lost[token] ?? [], token)) }
    opened.removeAll()
    lost.removeAll()
  }

  func writabilityChanged(_ isWritable: Bool, on session: Session) {
    if isWritable { dataLoop.pump() }
  }

  func noticed(_ notice: SessionNotice, on session: Session) {
    // A new session before this one ends with its ticket or gets old; what is under way is sent again.
    session.close(.replaced)
  }

  func closed(_ session: Session, error: SessionError?) {
    self.session = nil
    watching?.cancel()
    watch.closed()
    probeNumber = nil
    if let error { logger.warning("database session ended", metadata: [NodeLogging.Key.reason: "\(error)"]) }
    appendNumber = nil
    dataLoop.core.retryAppend()
    for number in openings.keys.sorted() {
      if let opening = openings[number] { give(up: opening.partitions, opening.token) }
    }
    openings.removeAll()
    reportChanges()
    dataLoop.report(.databaseReached(false))
    redial()
  }
}
