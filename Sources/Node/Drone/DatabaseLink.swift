import Cluster
import Drone
import Logging
import NIOCore
import Sessions
import Transport
import Wire

/// The shell of a data loop's session with the database: performs what `DatabaseLinkCore` decides.
final class DatabaseLink: SessionHandler {
  private unowned let dataLoop: DataLoop
  private let dialer: SessionDialer
  private let credential: InitiatorCredentialProvider
  private let logger: Logger
  private var session: Session?

  init(
    dataLoop: DataLoop, dialer: SessionDialer, credential: @escaping InitiatorCredentialProvider,
    logger: Logger
  ) {
    self.dataLoop = dataLoop
    self.dialer = dialer
    self.credential = credential
    self.logger = logger
  }

  private func handle(_ event: DatabaseLinkCore.Event) { dataLoop.handle(.database(event)) }

  func perform(_ action: DatabaseLinkCore.Action) {
    switch action {
    case .dial(let database): dial(database)
    case .close(.moved): session?.close(.replaced)
    case .close(.silent): session?.close(.idle)
    case .close(.stopping): session?.close(.shuttingDown)
    case .send(let request): write(request)
    case .redial(let pause): later(pause + Int64.random(in: 0...50), .redialDue)
    case .retry(let pause): later(pause, .retryDue)
    case .note(let note): log(note)
    // The loop's core has seen to them.
    case .complete, .report: break
    }
  }

  private func log(_ note: DatabaseLinkCore.Note) {
    let peer = session?.identity.peer ?? ""
    switch note {
    case .refused(let partitions, let reason):
      logger.warning(
        "partitions not opened",
        metadata: [NodeLogging.Key.partition: "\(partitions)", NodeLogging.Key.reason: "\(reason)"])
    case .incomplete(let partition):
      logger.error(
        """
        a copy lacks records that the database lacks, too; it is kept and not served, since loading from the database \
        would lose what only the copy has
        """,
        metadata: [NodeLogging.Key.partition: "\(partition)"])
    case .notStored(let reason):
      logger.error("the database did not store a group", metadata: [NodeLogging.Key.reason: "\(reason)"])
    case .silent:
      logger.warning("database does not answer", metadata: [NodeLogging.Key.principal: "\(peer)"])
    case .ending:
      logger.notice("database is about to end", metadata: [NodeLogging.Key.principal: "\(peer)"])
    case .answersAgain:
      logger.info("database answers again", metadata: [NodeLogging.Key.principal: "\(peer)"])
    }
  }

  private func write(_ request: StoreRequest) {
    guard let session else { return }
    do {
      try session.write { request.encode(into: &$0) }
      session.flush()
    } catch {
      // Bounds are chosen so that every request fits; if one does not, nothing is lost by starting over.
      logger.error("request to the database does not fit a record", metadata: ["error": "\(error)"])
      session.close(.finished)
    }
  }

  private func later(_ milliseconds: Int64, _ event: DatabaseLinkCore.Event) {
    let bound = NIOLoopBound(self, eventLoop: dataLoop.eventLoop)
    dataLoop.eventLoop.scheduleTask(in: .milliseconds(milliseconds)) { bound.value.handle(event) }
  }

  private func dial(_ database: RegisteredNode) {
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
    let (failures, database) = dataLoop.core.change { ($0.database.failures, $0.database.database) }
    if failures == 0 {
      logger.warning(
        "database not reached",
        metadata: [
          NodeLogging.Key.principal: "\(database?.principal.text ?? "")",
          NodeLogging.Key.reason: "\(error)",
        ])
    }
    handle(.dialFailed)
  }

  // MARK: Session

  func sessionOpened(_ session: Session) {
    self.session = session
    logger.info("database reached", metadata: [NodeLogging.Key.principal: "\(session.identity.peer)"])
    handle(.sessionOpened)
  }

  func received(_ messages: UnsafeRawBufferPointer, on session: Session) {
    var reader = CBORReader(messages)
    do {
      while !reader.isAtEnd { handle(.answered(try StoreAnswer(from: &reader))) }
    } catch {
      logger.error("the database's answer cannot be read", metadata: [NodeLogging.Key.reason: "\(error)"])
      session.close(SessionCloseReason(after: error))
    }
  }

  func readCompleted(on session: Session) { handle(.readCompleted) }

  func writabilityChanged(_ isWritable: Bool, on session: Session) {
    dataLoop.handle(.databaseWritable(isWritable))
  }

  func noticed(_ notice: SessionNotice, on session: Session) {
    // A new session before this one ends with its ticket or gets old; what is under way is sent again.
    session.close(.replaced)
  }

  func closed(_ session: Session, error: SessionError?) {
    self.session = nil
    if let error { logger.warning("database session ended", metadata: [NodeLogging.Key.reason: "\(error)"]) }
    handle(.sessionClosed)
  }
}
