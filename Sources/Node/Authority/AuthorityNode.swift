import Audit
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
///
/// Several such processes of one principal may share a register on one host; one of them is active. The others stand
/// by: they listen to nobody until they hold the tenure. One that loses it, because it hung for too long, ends its
/// sessions and stands by again.
public struct AuthorityNode: Service {
  private let configuration: NodeConfiguration
  private let logger: Logger
  private let whenStarted: @Sendable (Endpoint) -> Void

  public init(configuration: NodeConfiguration, logger: Logger? = nil) {
    self.init(configuration: configuration, logger: logger, whenStarted: { _ in })
  }

  /// - Parameter whenStarted: called each time that it has become active, with the address that is listened on.
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
    let audit = try AuditLog.open(configuration, logger)
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let outcome: Result<Void, any Error>
    do {
      // What is wrong with the configuration shows at the start, also to one that stands by.
      let tools = try AuthorityTools(configuration, logger)
      let signal = StopSignal()
      do {
        while !signal.isStopping { try await stand(tools, on: group.next(), signal, audit) }
        outcome = signal.error.map { .failure($0) } ?? .success(())
      } catch {
        outcome = .failure(error)
      }
      try? tools.register.close()
    } catch {
      outcome = .failure(error)
    }
    try? await group.shutdownGracefully()
    await audit.close()
    try outcome.get()
  }

  /// From standing by to the end of the tenure, or of the process.
  private func stand(
    _ tools: AuthorityTools, on loop: any EventLoop, _ signal: StopSignal, _ audit: AuditLog
  ) async throws {
    let keeper = TenureKeeper(
      tools.register, timing: configuration.timing, on: loop, logger: logger, wake: signal.wake)
    logger.notice(
      "authority stands by", metadata: [NodeLogging.Key.principal: "\(configuration.principal)"])
    while !signal.isStopping, keeper.status == .standingBy { await signal.waitOrWake() }
    if !signal.isStopping, keeper.status == .held {
      let authority: RunningAuthority
      do {
        authority = try await RunningAuthority(
          configuration, tools, keeper, loop: loop, signal: signal, logger: logger, audit: audit)
      } catch {
        await keeper.release()
        throw error
      }
      audit.record(
        AuditEvent(.election, "tenure", outcome: "taken", principal: configuration.principal.text))
      whenStarted(authority.endpoint)
      while !signal.isStopping, keeper.status == .held { await signal.waitOrWake() }
      if keeper.status == .lost {
        logger.warning("tenure lost: another authority has taken over while this one hung; its sessions end")
      } else {
        logger.notice("stopping")
      }
      audit.record(
        AuditEvent(
          .election, "tenure", outcome: keeper.status == .lost ? "lost" : "given back",
          principal: configuration.principal.text))
      await authority.stop()
    }
    await keeper.release()
  }
}

/// What an authority needs whether it is active or stands by.
private struct AuthorityTools: Sendable {
  let settings: NodeConfiguration.AuthoritySettings
  let verifier: ElectionVerifier
  let signer: CertificateSigner
  let membership: MembershipSigner
  let keytab: NodeCredentials
  let kadmin: Kadmin
  let register: AuthorityRegister

  init(_ configuration: NodeConfiguration, _ logger: Logger) throws {
    guard let settings = configuration.authoritySettings else {
      preconditionFailure("an authority's configuration always has its settings")
    }
    self.settings = settings
    verifier = try configuration.electionVerifier()
    signer = try CertificateSigner(configuration, settings)
    signer.warnOfExpiry(logger)
    membership = try MembershipSigner(configuration, settings)
    _ = try AccessListFile(path: settings.accessPath).read()
    keytab = try NodeCredentials(configuration)
    kadmin = try Kadmin(keytab: configuration.keytab, principal: configuration.principal.text)
    register = try AuthorityRegister(directory: configuration.directory, cluster: configuration.cluster)
  }
}

/// The parts of an active authority, put together and running. Messages are few, so one event loop does for them
/// all; what may block has threads of its own.
private struct RunningAuthority: Sendable {
  let endpoint: Endpoint
  private let listener: SessionListener
  private let mesh: PeerMesh
  private let office: AuthorityOffice
  private let tasks: RepeatedTasks
  private let control: NIOLoopBound<AuthorityControl>

  init(
    _ configuration: NodeConfiguration, _ tools: AuthorityTools, _ keeper: TenureKeeper,
    loop: any EventLoop, signal: StopSignal, logger: Logger, audit: AuditLog
  ) async throws {
    // Read now that nobody else writes: what the one before has stored is in it.
    let contents = try tools.register.contents()
    let access = try AccessListWatch.begin(
      path: tools.settings.accessPath, register: tools.register, holder: keeper.holder)
    let (administrators, problem) = AdministratorsWatch.begin(configuration)
    if let problem { AdministratorsWatch.warn(problem, logger) }
    audit.record(AuditEvent(administrators: administrators.current, outcome: "in force from the start"))
    let office = AuthorityOffice(
      register: tools.register, holder: keeper.holder, accessList: access.watch,
      administrators: administrators, kadmin: tools.kadmin, signer: tools.signer, logger: logger)
    self.office = office
    let identity = AuthorityCore.Identity(
      principal: configuration.principal, cluster: configuration.cluster)
    let hello = HelloDescription(configuration)
    let (verifier, keytab) = (tools.verifier, tools.keytab)
    let control = try await loop.submit {
      let control = AuthorityControl(
        office: office, membership: tools.membership, hello: hello,
        accessPath: tools.settings.accessPath, logger: logger, audit: audit, stop: signal.fail)
      let tenure = keeper.observe { control.handle(.tenureExtended(until: $0)) }
      control.begin(
        AuthorityCore(
          identity: identity, administrators: administrators.current, timing: configuration.timing,
          verifier: verifier, register: contents, tenure: tenure, seed: SecureRandom.integer()))
      return NIOLoopBound(control, eventLoop: loop)
    }.get()
    self.control = control

    let addresses = MemberAddresses()
    var dialer = SessionDialer(cluster: configuration.cluster)
    dialer.members = addresses
    var meshing = PeerMesh.Configuration(dialer: dialer, logger: logger) { _ throws(KerberosError) in
      try keytab.initiator()
    }
    meshing.accepts = { peer in
      let admission = AuthorityPeer.admitted(
        peer.peer, realm: configuration.realm, administrators: administrators.current)
      if admission == nil {
        logger.warning(
          "session refused: the authority has no business with this principal",
          metadata: [NodeLogging.Key.principal: "\(peer.peer)"])
      }
      return admission != nil
    }
    let configured = meshing
    mesh = try await loop.submit {
      let mesh = PeerMesh(on: loop, configured) { control.value.receive($0) }
      control.value.connect(mesh: mesh)
      // Before anybody can connect.
      control.value.receive(access.finding)
      control.value.handle(.started)
      return mesh
    }.get()
    do {
      listener = try await Self.listen(
        configuration, keytab, loop, hello, addresses, mesh.acceptingHandler, logger, audit)
    } catch {
      mesh.shutDown()
      await office.close()
      throw error
    }
    endpoint = configuration.endpoint(boundPort: UInt16(listener.address.port))
    hello.setAddress(endpoint)
    tasks = RepeatedTasks()
    loop.execute { control.value.startTicking(on: loop) }
    let pause = TimeAmount.milliseconds(configuration.timing.lookAtFiles)
    tasks.add(
      loop.scheduleRepeatedTask(initialDelay: pause, delay: pause) { _ in control.value.lookAtFiles() })
    logger.notice(
      "authority started",
      metadata: [
        NodeLogging.Key.principal: "\(identity.principal)", NodeLogging.Key.address: "\(endpoint)",
        NodeLogging.Key.term: "\(contents.office.term)", "nodes": "\(contents.nodes.count)",
      ])
  }

  func stop() async {
    tasks.cancel()
    let control = control
    mesh.eventLoop.execute { control.value.stopTicking() }
    mesh.shutDown()
    await listener.close()
    await office.close()
  }

  private static func listen(
    _ configuration: NodeConfiguration, _ keytab: NodeCredentials, _ loop: any EventLoop,
    _ hello: HelloDescription, _ addresses: MemberAddresses, _ handler: @escaping SessionHandlerFactory,
    _ logger: Logger, _ audit: AuditLog
  ) async throws -> SessionListener {
    let service = SessionListener.Service(
      principal: configuration.principal.text, credential: try keytab.acceptor(for: configuration.principal))
    var listening = SessionListener.Configuration(
      cluster: configuration.cluster, services: [service], logger: logger
    ) { hello.description }
    listening.limits = Descriptors.fitted(configuration.sessionLimits, logger)
    // Whoever else was let in is an administrator.
    let realm = configuration.realm
    listening.isNode = {
      AuthorityPeer.admitted($0.peer, realm: realm, administrators: []) == .node
    }
    listening.members = addresses
    listening.observe = { audit.record(AuditEvent($0)) }
    let address = NodeAddress(host: configuration.listen.host, port: Int(configuration.listen.port))
    return try await SessionListener.bind(
      to: address, group: loop, configuration: listening, handler: handler)
  }
}
