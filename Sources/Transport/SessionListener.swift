import Cryptography
import Kerberos
import Logging
import NIOCore
import NIOPosix
import Sessions
import Synchronization

/// Accepts sessions on one address, for one or several services.
public final class SessionListener: Sendable {
  /// A service principal, whom it lets in, and its credential.
  public struct Service: Sendable {
    public var principal: String
    public var policy: AcceptorPolicy
    public var credential: AcceptorCredentialProvider

    public init(
      principal: String, policy: AcceptorPolicy = .standard,
      credential: @escaping AcceptorCredentialProvider
    ) {
      self.principal = principal
      self.policy = policy
      self.credential = credential
    }
  }

  public struct Configuration: Sendable {
    public var cluster: String
    public var services: [Service]
    /// What the node says of itself now; asked on an event loop for each connection, so it must be quick.
    public var describe: @Sendable () -> NodeDescription
    public var suites: [CipherSuite] = [.aes256GCM, .chaCha20Poly1305]
    public var limits = SessionLimits()
    public var threads = SecurityContextThreads.shared
    public var logger: Logger
    /// Told what becomes of those who connect, on their event loop, so it must be quick.
    public var observe: @Sendable (SessionListenerEvent) -> Void = { _ in }

    public init(
      cluster: String, services: [Service], logger: Logger,
      describe: @escaping @Sendable () -> NodeDescription
    ) {
      self.cluster = cluster
      self.services = services
      self.logger = logger
      self.describe = describe
    }
  }

  /// The address that is listened on, with the real port where 0 was asked for.
  public let address: NodeAddress

  private let server: any Channel
  private let children: ChildChannels

  private init(server: any Channel, address: NodeAddress, children: ChildChannels) {
    self.server = server
    self.address = address
    self.children = children
  }

  /// Listens on `address` (port 0: any free one).
  /// - Parameters:
  ///   - group: the event loops that sessions are spread over.
  ///   - handler: makes the handler of each session that was established.
  /// - Throws: ``TransportError/bindFailed(_:reason:)``.
  public static func bind(
    to address: NodeAddress, group: any EventLoopGroup, configuration: Configuration,
    handler: @escaping SessionHandlerFactory
  ) async throws(TransportError) -> SessionListener {
    let children = ChildChannels()
    let acceptor = Acceptor(configuration, children, handler)
    let bootstrap = ServerBootstrap(group: group)
      .serverChannelOption(.backlog, value: 1024)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .childChannelOption(.writeBufferWaterMark, value: .sessions(configuration.limits))
      .childChannelOption(.unconfirmedTime, value: .milliseconds(configuration.limits.unconfirmedTime))
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try acceptor.accept(channel) }
      }
    do {
      let server = try await bootstrap.bind(host: address.host, port: address.port).get()
      let port = server.localAddress?.port ?? address.port
      return SessionListener(
        server: server, address: NodeAddress(host: address.host, port: port), children: children)
    } catch { throw .bindFailed(address, reason: "\(error)") }
  }

  /// Accepts no more, and closes every session that was accepted, telling the peers.
  public func close() async {
    try? await server.close()
    for child in children.all {
      child.pipeline.fireUserInboundEventTriggered(CloseSession(reason: .shuttingDown))
    }
    for child in children.all { try? await child.closeFuture.get() }
  }
}

/// The channels that a listener has accepted and that still exist.
private final class ChildChannels: Sendable {
  private let channels = Mutex<[ObjectIdentifier: any Channel]>([:])

  var all: [any Channel] { channels.withLock { Array($0.values) } }

  func add(_ channel: any Channel) {
    let id = ObjectIdentifier(channel)
    channels.withLock { $0[id] = channel }
    channel.closeFuture.whenComplete { [self] _ in channels.withLock { $0[id] = nil } }
  }
}

/// Puts a handshake on each new connection that the census lets in.
private struct Acceptor: Sendable {
  let configuration: SessionListener.Configuration
  let children: ChildChannels
  let handler: SessionHandlerFactory
  let census: ConnectionCensus
  let services: [AcceptorHandshake.Service]
  let credentials: [String: AcceptorCredentialProvider]

  init(
    _ configuration: SessionListener.Configuration, _ children: ChildChannels,
    _ handler: @escaping SessionHandlerFactory
  ) {
    self.configuration = configuration
    self.children = children
    self.handler = handler
    census = ConnectionCensus(configuration.limits)
    services = configuration.services.map { service in
      AcceptorHandshake.Service(principal: service.principal, policy: service.policy)
    }
    credentials = Dictionary(
      configuration.services.map { ($0.principal, $0.credential) }, uniquingKeysWith: { first, _ in first })
  }

  func accept(_ channel: any Channel) throws {
    let source = ConnectionCensus.Source(channel.remoteAddress)
    let core = AcceptorHandshake.Configuration(
      cluster: configuration.cluster, description: configuration.describe(), services: services,
      suites: configuration.suites, limits: configuration.limits)
    guard census.enter(source) else { return refuse(channel, core) }
    children.add(channel)
    let remote = channel.remoteAddress.map { "\($0)" } ?? "?"
    let report: (HandshakeHandler.Outcome) -> Void = { [self] outcome in
      census.leave(source)
      log(outcome, remote: remote, configuration.logger)
      tell(outcome, remote: remote)
    }
    do {
      let handshake = AcceptorHandshake(configuration: core, entropy: try .generate())
      let steps = SecurityContextSteps(accepting: configuration.threads.accepting, credentials: credentials)
      try channel.pipeline.syncOperations.addHandler(
        HandshakeHandler(
          acceptor: handshake, steps: steps, limits: configuration.limits, makeHandler: handler,
          report: report))
    } catch {
      census.leave(source)
      throw error
    }
  }

  private func refuse(_ channel: any Channel, _ core: AcceptorHandshake.Configuration) {
    let remote = channel.remoteAddress.map { "\($0)" } ?? "?"
    configuration.logger.warning(
      "connection refused: too many wait for their handshake", metadata: ["remote": "\(remote)"])
    configuration.observe(.failed(remote: remote, .session(.tooManyConnections)))
    try? channel.pipeline.syncOperations.addHandler(
      RefusingHandler(frame: AcceptorHandshake.refusal(of: .tooManyConnections, configuration: core)))
  }

  private func log(_ outcome: HandshakeHandler.Outcome, remote: String, _ logger: Logger) {
    switch outcome {
    case .established(let session):
      logger.debug(
        "session accepted",
        metadata: [
          "principal": "\(session.identity.peer)", "remote": "\(remote)", "session": "\(session.id)",
        ])
    case .answered, .described: logger.debug("hello answered", metadata: ["remote": "\(remote)"])
    // Whoever refuses it says why.
    case .refused: break
    case .failed(let error):
      logger.info("handshake failed", metadata: ["remote": "\(remote)", "reason": "\(error)"])
    }
  }

  private func tell(_ outcome: HandshakeHandler.Outcome, remote: String) {
    let observe = configuration.observe
    switch outcome {
    case .answered, .described: break
    case .failed(let error): observe(.failed(remote: remote, error))
    case .refused(let session): observe(.refused(session.identity, remote: remote))
    case .established(let session):
      observe(.accepted(session.identity, remote: remote))
      session.onEnd { [identity = session.identity] error in
        observe(.ended(identity, remote: remote, error))
      }
    }
  }
}

/// Tells a connection that is one too many so, and closes it.
private final class RefusingHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer
  private let frame: [UInt8]

  init(frame: [UInt8]) { self.frame = frame }

  func channelActive(context: ChannelHandlerContext) {
    let buffer = context.channel.allocator.buffer(bytes: frame)
    context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
    context.close(promise: nil)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {}
}

extension ChannelOptions.Types.WriteBufferWaterMark {
  static func sessions(_ limits: SessionLimits) -> Self {
    Self(low: limits.unsentBytes / 2, high: limits.unsentBytes)
  }
}
