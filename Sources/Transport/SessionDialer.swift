import Cryptography
import Glibc
import Kerberos
import NIOCore
import NIOPosix
import Sessions

/// Opens sessions with nodes, by principal and address.
public struct SessionDialer: Sendable {
  public var cluster: String
  public var suites: [CipherSuite] = [.aes256GCM, .chaCha20Poly1305]
  public var limits = SessionLimits()
  public var threads = SecurityContextThreads.shared
  public var held = HeldBytes.shared
  /// Where nodes are, of a listener in the same process: who answers a dial with proof is one.
  public var members: MemberAddresses?
  /// How long a TCP connection may take to come about.
  public var connectTime: Duration = .seconds(5)

  public init(cluster: String) {
    self.cluster = cluster
  }

  /// Opens a session with the principal that listens at `address`.
  ///
  /// - Parameters:
  ///   - principal: with its realm. Whoever else answers is refused.
  ///   - endsWithTicket: whether this side ends the session with the ticket (the command session does not).
  ///   - handler: makes the session's handler, on `eventLoop`.
  /// - Throws: ``TransportError``. Cancelling the task does not stop the attempt; its own time limits do.
  @discardableResult
  public func dial(
    _ principal: String, at address: NodeAddress, on eventLoop: any EventLoop,
    credential: @escaping InitiatorCredentialProvider, endsWithTicket: Bool = true,
    handler: @escaping SessionHandlerFactory
  ) async throws(TransportError) -> SessionReference {
    let result = await withCheckedContinuation { continuation in
      dial(
        principal, at: address, on: eventLoop, credential: credential, endsWithTicket: endsWithTicket,
        handler: handler
      ) { continuation.resume(returning: $0) }
    }
    return try result.get()
  }

  /// The same with a callback, called once on `eventLoop`, after `SessionHandler.sessionOpened`.
  public func dial(
    _ principal: String, at address: NodeAddress, on eventLoop: any EventLoop,
    credential: @escaping InitiatorCredentialProvider, endsWithTicket: Bool = true,
    handler: @escaping SessionHandlerFactory,
    completion: @escaping @Sendable (Result<SessionReference, TransportError>) -> Void
  ) {
    let configuration = InitiatorHandshake.Configuration(
      cluster: cluster, service: principal, suites: suites, endsWithTicket: endsWithTicket, limits: limits)
    let steps = SecurityContextSteps(initiating: threads, to: principal, credential: credential)
    run(at: address, on: eventLoop, steps: steps, handler: handler) { entropy in
      InitiatorHandshake(configuration: configuration, entropy: entropy)
    } completion: { outcome in
      switch outcome {
      case .established(let session): completion(.success(SessionReference(session)))
      case .failed(let error):
        steps.forgetRefusedTickets(error)
        completion(.failure(error))
      case .refused(_, let error): completion(.failure(.session(error)))
      case .described, .answered: completion(.failure(.session(.unexpectedFrame("a description"))))
      }
    }
  }

  /// Asks the node at `address` what it says of itself. Needs no ticket, and proves nothing.
  public func hello(
    _ address: NodeAddress, on eventLoop: any EventLoop
  ) async throws(TransportError) -> NodeDescription {
    let result = await withCheckedContinuation { continuation in
      hello(address, on: eventLoop) { continuation.resume(returning: $0) }
    }
    return try result.get()
  }

  /// The same with a callback, called once on `eventLoop`.
  public func hello(
    _ address: NodeAddress, on eventLoop: any EventLoop,
    completion: @escaping @Sendable (Result<NodeDescription, TransportError>) -> Void
  ) {
    let steps = SecurityContextSteps(initiating: threads, to: "") { () throws(KerberosError) in
      throw KerberosError(.badArgument, "A bare hello takes no credential.")
    }
    let limits = limits
    let noSession: SessionHandlerFactory = { _, _ in nil }
    run(at: address, on: eventLoop, steps: steps, handler: noSession) { entropy in
      .bareHello(entropy: entropy, limits: limits)
    } completion: { outcome in
      switch outcome {
      case .described(let description): completion(.success(description))
      case .failed(let error): completion(.failure(error))
      case .established, .refused, .answered:
        completion(.failure(.session(.unexpectedFrame("a session"))))
      }
    }
  }

  private func run(
    at address: NodeAddress, on eventLoop: any EventLoop, steps: SecurityContextSteps,
    handler: @escaping SessionHandlerFactory,
    handshake: @escaping @Sendable (HandshakeEntropy) -> InitiatorHandshake,
    completion: @escaping @Sendable (HandshakeHandler.Outcome) -> Void
  ) {
    let (dialer, members) = (self, members)
    eventLoop.execute {
      let entropy: HandshakeEntropy
      do { entropy = try .generate() } catch {
        return completion(.failed(.session(.cryptographyFailed("\(error)"))))
      }
      let first = FirstStep(handshake(entropy), steps, limits: dialer.limits, on: eventLoop) { result in
        switch result {
        case .failure(let error): completion(.failed(error))
        case .success(let begun):
          let start = HandshakeStart(
            handshake: begun.handshake, actions: begun.actions, steps: steps, handler: handler)
          dialer.connect(to: address, on: eventLoop, NIOLoopBound(start, eventLoop: eventLoop)) {
            outcome, source in
            if case .established = outcome { members?.insert(source) }
            completion(outcome)
          }
        }
      }
      first.begin()
    }
  }

  private struct HandshakeStart {
    var handshake: InitiatorHandshake
    var actions: [HandshakeAction]
    var steps: SecurityContextSteps
    var handler: SessionHandlerFactory
  }

  private func connect(
    to address: NodeAddress, on eventLoop: any EventLoop, _ start: NIOLoopBound<HandshakeStart>,
    completion: @escaping @Sendable (HandshakeHandler.Outcome, Source) -> Void
  ) {
    let (limits, held) = (limits, held)
    ClientBootstrap(group: eventLoop)
      .connectTimeout(TimeAmount(connectTime))
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      .channelOption(.writeBufferWaterMark, value: .sessions(limits))
      .channelOption(.unconfirmedTime, value: .milliseconds(limits.unconfirmedTime))
      .channelOption(.autoRead, value: false)
      .connect(host: address.host, port: address.port)
      .hop(to: eventLoop)
      .whenComplete { result in
        switch result {
        case .failure(let error):
          completion(.failed(.connectFailed(address, reason: sentence(error))), .local)
        case .success(let channel):
          let source = Source(channel.remoteAddress)
          do {
            let start = start.value
            let handler = HandshakeHandler(
              initiator: start.handshake, begun: start.actions, steps: start.steps, limits: limits,
              held: held,
              makeHandler: start.handler, report: { completion($0, source) })
            try channel.pipeline.syncOperations.addHandler(handler)
            try channel.syncOptions?.setOption(.autoRead, value: true)
          } catch {
            channel.close(promise: nil)
            completion(.failed(.connectFailed(address, reason: "\(error)")), source)
          }
        }
      }
  }
}

/// A connection's failure in words, without the names of types.
private func sentence(_ error: any Error) -> String {
  switch error {
  case let error as NIOConnectionError:
    if let last = error.connectionErrors.last { return sentence(last.error) }
    return "the name is not known"
  // NIO's own sentence says “connection reset” of every failure.
  case let error as IOError: return String(cString: strerror(error.errnoCode))
  case let error as ChannelError:
    if case .connectTimeout = error { return "no answer in time" }
    return "\(error)"
  default: return "\(error)"
  }
}
