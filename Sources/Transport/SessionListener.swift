import Cryptography
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
    /// Whether a peer that has proved who it is is one of this cluster's nodes, whose sessions have places of their own.
    /// Called on any event loop.
    public var isNode: @Sendable (SessionIdentity) -> Bool = { _ in false }
    /// Where nodes are. What dials them should share it.
    public var members = MemberAddresses()
    public var held = HeldBytes.shared
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

  // For tests, which cannot take all descriptors of their process, nor see a socket from outside.
  var serverChannel: any Channel { server }
  var acceptedChannels: [any Channel] { children.all }
  private let children: ChildChannels
  /// Who has a session now.
  public let register: SessionRegister

  private init(
    server: any Channel, address: NodeAddress, children: ChildChannels, register: SessionRegister
  ) {
    self.register = register
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
      // On Linux an accepted socket begins with these of the one that listens: two system calls less for each stranger.
      .serverChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .serverChannelOption(.unconfirmedTime, value: .milliseconds(configuration.limits.unconfirmedTime))
      .serverChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(
            AcceptPauseHandler(pause: configuration.limits.acceptPause) { acceptor.noted($0) })
        }
      }
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          // A session's turn: four times at most 64 KiB. Then it is the others'.
          try channel.syncOptions?.setOption(.maxMessagesPerRead, value: 4)
          try channel.syncOptions?.setOption(.writeBufferWaterMark, value: .sessions(configuration.limits))
          try acceptor.accept(channel)
        }
      }
    do {
      let server = try await bootstrap.bind(host: address.host, port: address.port).get()
      let port = server.localAddress?.port ?? address.port
      return SessionListener(
        server: server, address: NodeAddress(host: address.host, port: port), children: children,
        register: acceptor.register)
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
final class ChildChannels: Sendable {
  private let channels = Mutex<[ObjectIdentifier: any Channel]>([:])

  var all: [any Channel] { channels.withLock { Array($0.values) } }

  func add(_ channel: any Channel) {
    let id = ObjectIdentifier(channel)
    channels.withLock { $0[id] = channel }
    channel.closeFuture.whenComplete { [self] _ in channels.withLock { $0[id] = nil } }
  }
}

extension ChannelOptions.Types.WriteBufferWaterMark {
  static func sessions(_ limits: SessionLimits) -> Self {
    Self(low: limits.unsentBytes / 2, high: limits.unsentBytes)
  }
}
