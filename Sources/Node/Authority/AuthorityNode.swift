import Authority
import Cluster
import Cryptography
import Kerberos
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import Sessions
import Storage
import Transport

/// The authority as a running service: it registers nodes, holds elections and certifies commanders.
public struct AuthorityNode: Service {
  private let configuration: NodeConfiguration
  private let logger: Logger
  private let whenStarted: @Sendable (Endpoint) -> Void

  public init(configuration: NodeConfiguration, logger: Logger? = nil) {
    self.init(configuration: configuration, logger: logger, whenStarted: { _ in })
  }

  /// - Parameter whenStarted: called once, with the address that is listened on.
  init(
    configuration: NodeConfiguration, logger: Logger?, whenStarted: @escaping @Sendable (Endpoint) -> Void
  ) {
    self.configuration = configuration
    self.logger = logger ?? NodeLogging.logger(for: configuration)
    self.whenStarted = whenStarted
  }

  /// Runs until graceful shutdown.
  /// - Throws: `NodeError` when it cannot start or go on, `StoreError` for its register, `KerberosError` for its
  ///   keytab, `TransportError` for its address.
  public func run() async throws {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let signal = StopSignal()
    let outcome: Result<Void, any Error>
    do {
      let authority = try await RunningAuthority(
        configuration, loop: group.next(), signal: signal, logger: logger)
      whenStarted(authority.endpoint)
      await signal.wait()
      logger.notice("stopping")
      await authority.stop()
      outcome = signal.error.map { .failure($0) } ?? .success(())
    } catch {
      outcome = .failure(error)
    }
    try? await group.shutdownGracefully()
    try outcome.get()
  }
}

/// The parts of an authority, put together and running. Messages are few, so one event loop does for them all;
/// what may block has threads of its own.
private struct RunningAuthority: Sendable {
  let endpoint: Endpoint
  private let listener: SessionListener
  private let mesh: PeerMesh
  private let office: AuthorityOffice
  private let tasks: RepeatedTasks

  init(
    _ configuration: NodeConfiguration, loop: any EventLoop, signal: StopSignal, logger: Logger
  ) async throws {
    guard let settings = configuration.authoritySettings else {
      preconditionFailure("an authority's configuration always has its settings")
    }
    let verifier = try configuration.electionVerifier()
    let signer = try CertificateSigner(configuration, settings)
    signer.warnOfExpiry(logger)
    let membership = try MembershipSigner(configuration, settings)
    let keytab = try NodeCredentials(configuration)
    let kadmin = try Kadmin(keytab: configuration.keytab, principal: configuration.principal.text)
    let register = try AuthorityRegister(
      directory: configuration.directory, cluster: configuration.cluster)
    let contents = try register.contents()
    let office = AuthorityOffice(register: register, kadmin: kadmin, signer: signer)
    self.office = office

    let identity = AuthorityCore.Identity(
      principal: configuration.principal, cluster: configuration.cluster,
      administrators: Set(settings.administrators))
    let hello = HelloDescription(configuration)
    let control = try await loop.submit {
      let core = AuthorityCore(
        identity: identity, timing: configuration.timing, verifier: verifier, register: contents,
        seed: SecureRandom.integer())
      let control = AuthorityControl(
        core: core, office: office, membership: membership, hello: hello, logger: logger, stop: signal.fail)
      return NIOLoopBound(control, eventLoop: loop)
    }.get()

    let dialer = SessionDialer(cluster: configuration.cluster)
    var meshing = PeerMesh.Configuration(dialer: dialer, logger: logger) { _ throws(KerberosError) in
      try keytab.initiator()
    }
    meshing.accepts = { peer in
      let admission = PeerAdmission.atAuthority(
        peer.peer, realm: configuration.realm, administrators: identity.administrators)
      if admission == nil {
        logger.warning(
          "session refused: the authority has no business with this principal",
          metadata: [NodeLogging.Key.principal: "\(peer.peer)"])
      }
      return admission != nil
    }
    let configured = meshing
    mesh = try await loop.submit {
      let mesh = PeerMesh(on: loop, configured) { control.value.take($0) }
      control.value.connect(mesh: mesh)
      // Before anybody can connect.
      control.value.handle(.started)
      return mesh
    }.get()
    listener = try await Self.listen(
      configuration, keytab, loop, hello, mesh.acceptingHandler, logger)
    endpoint = configuration.endpoint(boundPort: UInt16(listener.address.port))
    hello.setAddress(endpoint)
    tasks = RepeatedTasks()
    let step = TimeAmount.milliseconds(max(2, configuration.timing.heartbeat / 5))
    tasks.add(
      loop.scheduleRepeatedTask(initialDelay: step, delay: step) { _ in control.value.handle(.ticked) })
    logger.notice(
      "authority started",
      metadata: [
        NodeLogging.Key.principal: "\(identity.principal)", NodeLogging.Key.address: "\(endpoint)",
        NodeLogging.Key.term: "\(contents.office.term)", "nodes": "\(contents.nodes.count)",
      ])
  }

  func stop() async {
    tasks.cancel()
    mesh.shutDown()
    await listener.close()
    await office.close()
  }

  private static func listen(
    _ configuration: NodeConfiguration, _ keytab: NodeCredentials, _ loop: any EventLoop,
    _ hello: HelloDescription, _ handler: @escaping SessionHandlerFactory, _ logger: Logger
  ) async throws -> SessionListener {
    let service = SessionListener.Service(
      principal: configuration.principal.text, credential: try keytab.acceptor(for: configuration.principal))
    let listening = SessionListener.Configuration(
      cluster: configuration.cluster, services: [service], logger: logger
    ) { hello.description }
    let address = NodeAddress(host: configuration.listen.host, port: Int(configuration.listen.port))
    return try await SessionListener.bind(
      to: address, group: loop, configuration: listening, handler: handler)
  }
}
