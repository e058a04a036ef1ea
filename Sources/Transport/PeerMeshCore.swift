import Kerberos
import Logging
import NIOCore
import Sessions

/// The state of a mesh, on its event loop.
final class PeerMeshCore {
  private let eventLoop: any EventLoop
  private let configuration: PeerMesh.Configuration
  private let emit: @Sendable (PeerMeshEvent) -> Void
  private var routes: [String: PeerRoute] = [:]
  private var addresses: [String: [NodeAddress]] = [:]
  private var sessions: [UInt64: SessionReference] = [:]
  /// Sessions of this loop that were written to in this turn of it.
  private var unflushed: [Session] = []
  private var isShutDown = false

  init(
    _ eventLoop: any EventLoop, _ configuration: PeerMesh.Configuration,
    _ emit: @escaping @Sendable (PeerMeshEvent) -> Void
  ) {
    self.eventLoop = eventLoop
    self.configuration = configuration
    self.emit = emit
  }

  // Sending

  func send(_ messages: [UInt8], to principal: String) {
    guard !isShutDown else { return }
    let newest = route(to: principal) { route in route.newest { isOpen($0) } }
    if let newest, let session = sessions[newest] {
      write(messages, to: session)
      let known = addresses[principal] ?? []
      let beside = route(to: principal) { $0.lookBeside(addresses: known.count, now: now) }
      if let beside { dial(principal, known[beside], replacing: nil) }
      return
    }
    let dropped = route(to: principal) { $0.enqueue(messages, now: now) }
    if dropped > 0 {
      configuration.logger.debug(
        "messages dropped", metadata: ["principal": "\(principal)", "count": "\(dropped)"])
    }
    perform(principal) { $0.attempt(addresses: $1, now: $2) }
  }

  /// Those of other loops tell when they are over.
  private func isOpen(_ id: UInt64) -> Bool {
    guard let session = sessions[id] else { return false }
    return session.eventLoop !== eventLoop || session.onItsLoop.isOpen
  }

  func send(_ messages: [UInt8], toSession id: UInt64) {
    if let session = sessions[id] { write(messages, to: session) }
  }

  private func write(_ messages: [UInt8], to reference: SessionReference) {
    let logger = configuration.logger
    guard reference.eventLoop === eventLoop else {
      return reference.execute { session in
        Self.write(messages, to: session, logger)
        session.flush()
      }
    }
    let session = reference.onItsLoop
    Self.write(messages, to: session, logger)
    // What is sent in one turn of the loop leaves in one record.
    if unflushed.isEmpty { later { $0.flush() } }
    if !unflushed.contains(where: { $0 === session }) { unflushed.append(session) }
  }

  private static func write(_ messages: [UInt8], to session: Session, _ logger: Logger) {
    guard session.isWritable else {
      return logger.debug(
        "message dropped: the peer is slow", metadata: ["principal": "\(session.identity.peer)"])
    }
    do throws(SessionError) {
      try session.write(messages: messages)
    } catch {
      logger.error(
        "message dropped", metadata: ["principal": "\(session.identity.peer)", "reason": "\(error)"])
    }
  }

  private func flush() {
    let sessions = unflushed
    unflushed.removeAll(keepingCapacity: true)
    for session in sessions { session.flush() }
  }

  // Dialling

  func setAddresses(_ new: [NodeAddress], of principal: String) {
    guard addresses[principal] ?? [] != new else { return }
    addresses[principal] = new.isEmpty ? nil : new
    guard routes[principal] != nil else { return }
    perform(principal) { $0.moved(addresses: $1, now: $2) }
  }

  private func retry(_ principal: String) {
    guard routes[principal] != nil, !isShutDown else { return }
    perform(principal) { $0.retryDue(addresses: $1, now: $2) }
  }

  /// Does what a route decides, being told how many addresses there are, and the time.
  private func perform(
    _ principal: String, _ decide: (inout PeerRoute, Int, Duration) -> PeerRoute.Attempt
  ) {
    let known = addresses[principal] ?? []
    switch route(to: principal, { decide(&$0, known.count, now) }) {
    case .none: break
    case .unknownAddress: report(principal, .unknownAddress(principal: principal))
    case .wait(let end):
      let core = bound
      let pause = TimeAmount(max(.zero, end - now))
      eventLoop.scheduleTask(in: pause) { core.value.retry(principal) }
    case .dial(let index): dial(principal, known[index], replacing: nil)
    }
  }

  private func dial(_ principal: String, _ address: NodeAddress, replacing old: UInt64?) {
    let (core, meshLoop) = (bound, eventLoop)
    let credential = configuration.credential
    configuration.dialer.dial(
      principal, at: address, on: eventLoop,
      credential: { () throws(KerberosError) in try credential(principal) },
      endsWithTicket: configuration.endsWithTicket(principal),
      handler: { _, _ in PeerSessionHandler(core, meshLoop: meshLoop) },
      completion: { result in core.value.dialled(principal, result, replacing: old) })
  }

  private func dialled(
    _ principal: String, _ result: Result<SessionReference, TransportError>, replacing old: UInt64?
  ) {
    guard routes[principal] != nil, !isShutDown else {
      if case .success(let session) = result { session.close(.shuttingDown) }
      return
    }
    switch result {
    case .success:
      route(to: principal) { $0.dialled() }
      if let old { sessions[old]?.close(.replaced) }
    case .failure(let error):
      let count = addresses[principal]?.count ?? 0
      let isNews = route(to: principal) {
        $0.failed(isReplacement: old != nil, addresses: count, now: now, random: configuration.random())
      }
      guard isNews else { return }
      report(principal, error)
      perform(principal) { $0.retried(addresses: $1, now: $2) }
    }
  }

  /// Later, so that a handler that sends again in answer does not call itself for ever.
  private func report(_ principal: String, _ error: TransportError) {
    later { core in
      if !core.isShutDown { core.emit(.unreachable(principal: principal, error)) }
    }
  }

  // Sessions

  func opened(_ reference: SessionReference, _ session: PeerSession) {
    guard !isShutDown else { return reference.close(.shuttingDown) }
    sessions[session.id] = reference
    let waiting = route(to: session.peer) { $0.opened(session.id, now: now) }
    emit(.opened(session))
    for messages in waiting { write(messages, to: reference) }
  }

  func received(_ messages: [UInt8], on session: PeerSession) {
    guard !isShutDown else { return }
    routes[session.peer]?.received(on: session.id)
    emit(.received(session, messages))
  }

  func noticed(_ notice: SessionNotice, on session: PeerSession) {
    let known = addresses[session.peer] ?? []
    guard !session.isInbound, !isShutDown,
      let index = routes[session.peer]?.replace(session.id, addresses: known.count)
    else { return }
    dial(session.peer, known[index], replacing: session.id)
  }

  func closed(_ session: PeerSession, error: SessionError?) {
    guard sessions.removeValue(forKey: session.id) != nil else { return }
    routes[session.peer]?.closed(session.id)
    if routes[session.peer]?.isForgettable(now: now) == true { routes[session.peer] = nil }
    if !isShutDown { emit(.closed(session, error)) }
  }

  func close(peer principal: String, _ reason: SessionCloseReason) {
    routes[principal]?.dropQueue()
    for id in routes[principal]?.sessions ?? [] { sessions[id]?.close(reason) }
  }

  func close(_ reason: SessionCloseReason, peers isMeant: (String) -> Bool) {
    for principal in routes.keys.sorted() where isMeant(principal) { close(peer: principal, reason) }
    for principal in addresses.keys.sorted() where isMeant(principal) { addresses[principal] = nil }
  }

  func close(session id: UInt64, _ reason: SessionCloseReason) {
    sessions[id]?.close(reason)
  }

  func shutDown() {
    isShutDown = true
    for id in sessions.keys.sorted() { sessions[id]?.close(.shuttingDown) }
    routes.removeAll()
  }

  @discardableResult
  private func route<Result>(to principal: String, _ body: (inout PeerRoute) -> Result) -> Result {
    body(&routes[principal, default: PeerRoute(configuration.bounds)])
  }

  private var now: Duration { .nanoseconds(Int64(clamping: eventLoop.now.uptimeNanoseconds)) }

  private var bound: NIOLoopBound<PeerMeshCore> { NIOLoopBound(self, eventLoop: eventLoop) }

  private func later(_ body: @escaping @Sendable (PeerMeshCore) -> Void) {
    let core = bound
    eventLoop.execute { body(core.value) }
  }
}
