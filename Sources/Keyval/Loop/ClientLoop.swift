import Cluster
import Kerberos
import NIOCore
import Routing
import Sessions
import Transport

/// Everything of a client that lives on its event loop: the router, the sessions and who waits for what.
final class ClientLoop {
  private var router: ClientRouter
  private let dialer: SessionDialer
  private let credential: InitiatorCredentialProvider
  /// The configured realm, for the error of a missing ticket when no node names one.
  private let realm: String
  private let eventLoop: any EventLoop

  private var waiting: [UInt64: ReplyContinuation] = [:]
  private var sessions: [LinkID: DroneSession] = [:]
  private var dirty: [DroneSession] = []
  private var timer: Scheduled<Void>?

  init(
    router: ClientRouter, dialer: SessionDialer, realm: String, eventLoop: any EventLoop,
    credential: @escaping InitiatorCredentialProvider
  ) {
    self.router = router
    self.dialer = dialer
    self.realm = realm
    self.eventLoop = eventLoop
    self.credential = credential
  }

  func receive(_ submissions: [Submission]) {
    let (now, seconds) = (ClientClock.now(), ClientClock.seconds())
    for submission in submissions {
      switch submission {
      case .request(let id, let operation, let deadline, let continuation):
        waiting[id] = continuation
        router.receive(.requested(id: id, operation, deadline: deadline), now: now, seconds: seconds)
      case .cancel(let id):
        guard let continuation = waiting.removeValue(forKey: id) else { continue }
        router.receive(.cancelled(id: id), now: now, seconds: seconds)
        continuation.resume(throwing: CancellationError())
      case .close:
        timer?.cancel()
        router.receive(.closed, now: now, seconds: seconds)
      }
    }
    perform()
  }

  // What sessions report. Actions are performed at the end of a read cycle, for all of its answers at once.

  func opened(_ session: DroneSession, expiry: Int64, client: String) {
    guard sessions[session.link] === session else {
      session.session?.close()
      return
    }
    receive(.linkOpened(session.link, expiry: expiry, client: client))
    perform()
  }

  func answered(_ session: DroneSession, _ answer: ClientAnswer) {
    guard sessions[session.link] === session else { return }
    receive(.answered(session.link, answer))
  }

  func expiring(_ session: DroneSession) {
    receive(.linkExpiring(session.link))
    perform()
  }

  func closed(_ session: DroneSession, reason: String) {
    guard sessions[session.link] === session else { return }
    sessions[session.link] = nil
    receive(.linkClosed(session.link, reason: reason))
    perform()
  }

  private func receive(_ event: ClientEvent) {
    router.receive(event, now: ClientClock.now(), seconds: ClientClock.seconds())
  }

  /// Performs what the router wants, then flushes what was gathered for each session.
  func perform() {
    for action in router.takeActions() { perform(action) }
    let gathered = dirty
    dirty.removeAll(keepingCapacity: true)
    for session in gathered {
      session.isDirty = false
      session.session?.flush()
    }
  }

  private func perform(_ action: ClientAction) {
    switch action {
    case .open(let link, let principal, let endpoint): dial(link, principal, endpoint)
    case .close(let link): sessions.removeValue(forKey: link)?.session?.close()
    case .send(let link, let number, let message):
      guard let session = sessions[link] else { return }
      session.write(number, message)
      if !session.isDirty {
        session.isDirty = true
        dirty.append(session)
      }
    case .complete(let id, let reply): waiting.removeValue(forKey: id)?.resume(returning: reply)
    case .fail(let id, let error): waiting.removeValue(forKey: id)?.resume(throwing: error)
    case .wake(let instant): wake(at: instant)
    }
  }

  private func wake(at instant: Instant) {
    timer?.cancel()
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    let delay = TimeAmount.milliseconds(max(0, instant - ClientClock.now()))
    timer = eventLoop.scheduleTask(in: delay) {
      bound.value.receive(.ticked)
      bound.value.perform()
    }
  }

  private func dial(_ link: LinkID, _ principal: Principal, _ endpoint: Endpoint) {
    let address = NodeAddress(host: endpoint.host, port: Int(endpoint.port))
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    sessions[link] = DroneSession(link: link, loop: self)
    dialer.dial(principal.text, at: address, on: eventLoop, credential: credential) { _, _ in
      bound.value.sessions[link]
    } completion: { result in
      if case .failure(let error) = result { bound.value.failed(link, address, error) }
    }
  }

  private func failed(_ link: LinkID, _ address: NodeAddress, _ error: TransportError) {
    guard sessions[link] != nil else { return }
    guard let isExpired = error.isAboutTicket else { return report(link, error.linkFailure) }
    // The node is asked for its realm, so that a person is told which `kinit` it takes; if it does not say, the
    // realm of the configuration is as good. Not in a task: callers may keep all threads of those busy for long.
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    dialer.hello(address, on: eventLoop) { result in
      let realm = (try? result.get().realm) ?? bound.value.realm
      bound.value.report(
        link, .credential(isExpired ? .ticketExpired(realm: realm) : .noTicket(realm: realm)))
    }
  }

  private func report(_ link: LinkID, _ failure: LinkFailure) {
    guard sessions.removeValue(forKey: link) != nil else { return }
    receive(.linkFailed(link, failure))
    perform()
  }
}

extension TransportError {
  /// Whether the ticket has expired; nil when the trouble is not that the caller has none.
  fileprivate var isAboutTicket: Bool? {
    guard case .kerberos(let error) = self else { return nil }
    switch error.reason {
    case .noTicket: return false
    case .ticketExpired: return error.isNotYetValid ? nil : true
    default: return nil
    }
  }

  fileprivate var linkFailure: LinkFailure {
    switch self {
    case .kerberos(let error): error.linkFailure
    case .session(let error): error.linkFailure
    case .badAddress, .connectFailed, .bindFailed, .unknownAddress, .cancelled: .unreachable(description)
    }
  }
}

extension KerberosError {
  fileprivate var linkFailure: LinkFailure {
    switch reason {
    case .kdcUnreachable: .unreachable(description)
    case .serviceUnknown, .policyRejects, .clockSkew, .replay, .wrongKeyVersion, .wrongTarget, .badToken,
      .channelBindingMismatch:
      .refused(description)
    default: .credential(KeyvalError(self))
    }
  }
}

extension KeyvalError {
  fileprivate init(_ error: KerberosError) {
    guard let change = error.change else {
      self = .credential(error.description)
      return
    }
    self = .otherPrincipal(client: change.first, now: change.now, cache: change.cache)
  }
}

extension SessionError {
  fileprivate var linkFailure: LinkFailure {
    switch self {
    case .refused(let refusal):
      switch refusal.code {
      case .tooManyConnections, .unknownService: .unreachable(description)
      default: .refused("\(description); \(remedy)")
      }
    case .unsupportedVersion, .noCommonSuite, .wrongCluster, .contextRefused, .peerIsSelf:
      .refused("\(description); \(remedy)")
    default: .unreachable(description)
    }
  }
}
