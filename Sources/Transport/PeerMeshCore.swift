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
    let route = route(to: principal)
    while let newest = route.sessions.last {
      guard newest.eventLoop === eventLoop, !newest.onItsLoop.isOpen else {
        write(messages, to: newest)
        return lookBeside(route)
      }
      route.sessions.removeLast()
    }
    let dropped = route.enqueue(messages, now: eventLoop.now, configuration)
    if dropped > 0 {
      configuration.logger.debug(
        "messages dropped", metadata: ["principal": "\(principal)", "count": "\(dropped)"])
    }
    connect(route)
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
    guard let route = routes[principal] else { return }
    route.forgetFailures()
    if !route.isQueueEmpty, route.sessions.isEmpty { connect(route) }
  }

  private func connect(_ route: PeerRoute) {
    guard !isShutDown, !route.isDialling, route.retry == nil else { return }
    guard let address = address(of: route) else {
      route.dropQueue()
      return report(route.principal, .unknownAddress(principal: route.principal))
    }
    if let pauseEnd = route.pauseEnd, eventLoop.now < pauseEnd {
      let (core, principal) = (bound, route.principal)
      route.retry = eventLoop.scheduleTask(deadline: pauseEnd) { core.value.retry(principal) }
      return
    }
    dial(route, address, replacing: nil)
  }

  private func address(of route: PeerRoute) -> NodeAddress? {
    guard let known = addresses[route.principal] else { return nil }
    return known[route.place % known.count]
  }

  /// The process at the other end of the newest session may hang, with its connection open, while another has become
  /// active: a session with that one, once it stands, is the newest.
  private func lookBeside(_ route: PeerRoute) {
    guard let known = addresses[route.principal], known.count > 1, !route.isDialling,
      route.isSilent(now: eventLoop.now, configuration)
    else { return }
    route.place += 1
    dial(route, known[route.place % known.count], replacing: nil)
  }

  private func retry(_ principal: String) {
    guard let route = routes[principal] else { return }
    route.retry = nil
    route.dropOld(now: eventLoop.now, configuration)
    if !route.isQueueEmpty, route.sessions.isEmpty { connect(route) }
  }

  private func dial(_ route: PeerRoute, _ address: NodeAddress, replacing old: UInt64?) {
    route.isDialling = true
    let (core, principal, meshLoop) = (bound, route.principal, eventLoop)
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
    guard let route = routes[principal], !isShutDown else {
      if case .success(let session) = result { session.close(.shuttingDown) }
      return
    }
    route.isDialling = false
    switch result {
    case .success:
      if let old { sessions[old]?.close(.replaced) }
    case .failure(let error):
      // A session that should have been replaced goes on as long as it lasts.
      if old != nil, !route.sessions.isEmpty { return }
      // No pause before the next of several addresses, but one before the first is tried again.
      route.place += 1
      if route.place.isMultiple(of: max(1, addresses[principal]?.count ?? 1)) {
        route.failed(now: eventLoop.now, configuration)
      }
      report(principal, error)
      route.dropOld(now: eventLoop.now, configuration)
      if !route.isQueueEmpty, route.sessions.isEmpty { connect(route) }
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
    let route = route(to: session.peer)
    route.sessions.append(reference)
    route.answered()
    route.forgetFailures()
    emit(.opened(session))
    for messages in route.takeQueue(now: eventLoop.now, configuration) { write(messages, to: reference) }
  }

  func received(_ messages: [UInt8], on session: PeerSession) {
    guard !isShutDown else { return }
    if let route = routes[session.peer], route.sessions.last?.id == session.id { route.answered() }
    emit(.received(session, messages))
  }

  func noticed(_ notice: SessionNotice, on session: PeerSession) {
    guard !session.isInbound, !isShutDown, let route = routes[session.peer], !route.isDialling,
      route.sessions.last?.id == session.id, let address = address(of: route)
    else { return }
    dial(route, address, replacing: session.id)
  }

  func closed(_ session: PeerSession, error: SessionError?) {
    guard sessions.removeValue(forKey: session.id) != nil else { return }
    if let route = routes[session.peer] {
      route.sessions.removeAll { $0.id == session.id }
      if route.isForgettable(now: eventLoop.now) { routes[session.peer] = nil }
    }
    if !isShutDown { emit(.closed(session, error)) }
  }

  func close(peer principal: String, _ reason: SessionCloseReason) {
    guard let route = routes[principal] else { return }
    route.dropQueue()
    for session in route.sessions { session.close(reason) }
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
    for route in routes.values { route.cancel() }
    for id in sessions.keys.sorted() { sessions[id]?.close(.shuttingDown) }
    routes.removeAll()
  }

  private func route(to principal: String) -> PeerRoute {
    if let route = routes[principal] { return route }
    let route = PeerRoute(principal)
    routes[principal] = route
    return route
  }

  private var bound: NIOLoopBound<PeerMeshCore> { NIOLoopBound(self, eventLoop: eventLoop) }

  private func later(_ body: @escaping @Sendable (PeerMeshCore) -> Void) {
    let core = bound
    eventLoop.execute { body(core.value) }
  }
}
