import Audit
import Cluster
import Cryptography
import Database
import Kerberos
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import Sessions
import Storage
import Synchronization
import Transport

/// A database as a running service.
public struct DatabaseNode: Service {
  private let configuration: NodeConfiguration
  private let logger: Logger
  private let hurry: Hurry

  /// - Parameter hurry: ends the wait for drones that still hand over what they have.
  public init(configuration: NodeConfiguration, logger: Logger? = nil, hurry: Hurry = Hurry()) {
    self.configuration = configuration
    self.hurry = hurry
    self.logger = logger ?? NodeLogging.logger(for: configuration)
  }

  /// Runs until graceful shutdown, or until the store turns out to be damaged.
  /// - Throws: `NodeError` when it cannot start or go on, `KerberosError` for its keytab, `TransportError` for
  ///   its address.
  public func run() async throws {
    let audit = try AuditLog.open(configuration, logger)
    let loops = configuration.loops ?? min(4, System.coreCount)
    let group = MultiThreadedEventLoopGroup(numberOfThreads: loops)
    let controlGroup = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let signal = StopSignal()
    let outcome: Result<Void, any Error>
    do {
      let database = try await RunningDatabase(
        configuration, group: group, controlLoop: controlGroup.next(), signal: signal, logger: logger,
        audit: audit)
      await signal.wait()
      logger.notice("stopping")
      let deserted = await database.awaitDrones(hurry, signal)
      await database.stop()
      let error = signal.error ?? Self.failure(without: deserted, configuration)
      outcome = error.map { .failure($0) } ?? .success(())
    } catch {
      outcome = .failure(error)
    }
    try? await group.shutdownGracefully()
    try? await controlGroup.shutdownGracefully()
    await audit.close()
    try outcome.get()
  }
}

extension DatabaseNode {
  /// Why the process ends with a status that says so; nil when every drone had handed over what it had.
  fileprivate static func failure(
    without drones: [Principal], _ configuration: NodeConfiguration
  ) -> NodeError? {
    guard !drones.isEmpty else { return nil }
    return .cutShort(
      subject: "\(configuration.principal)",
      problem: "ended although \(names(drones)) had not handed over what the database may lack",
      remedy: "Nothing is lost while they run, or drones that shadow them: start the database again.")
  }

  fileprivate static func names(_ drones: [Principal]) -> String {
    drones.map(\.description).joined(separator: ", ")
  }
}

/// Where the node is reached: known for certain once it listens, if any free port was asked for.
private final class KnownEndpoint: Sendable {
  private let stored: Mutex<Endpoint>
  init(_ endpoint: Endpoint) { stored = Mutex(endpoint) }

  var value: Endpoint {
    get { stored.withLock { $0 } }
    set { stored.withLock { $0 = newValue } }
  }
}

/// The parts of a database, put together and running.
private struct RunningDatabase: Sendable {
  private let listener: SessionListener
  private let mesh: PeerMesh
  private let control: DatabaseControlReference
  private let threads: StoreThreads
  private let tasks = RepeatedTasks()
  private let logger: Logger

  init(
    _ configuration: NodeConfiguration, group: MultiThreadedEventLoopGroup, controlLoop: any EventLoop,
    signal: StopSignal, logger: Logger, audit: AuditLog
  ) async throws {
    guard let authority = configuration.authority else {
      preconditionFailure("a database's configuration always names the authority")
    }
    let identity = DatabaseIdentity(
      cluster: configuration.cluster, database: configuration.principal,
      command: try Principal(role: .command, node: configuration.name, realm: configuration.realm),
      authority: authority.principal, incarnation: Incarnation(SecureRandom.integer()))
    let credentials = try NodeCredentials(configuration)
    self.logger = logger
    threads = try await StoreThreads.opening(configuration)
    do {
      control = try await Self.makeControl(
        configuration, identity, threads, on: controlLoop, signal: signal, logger, audit)
      let addresses = MemberAddresses()
      mesh = try await Self.makeMesh(
        configuration, identity, authority, credentials, addresses, control, on: controlLoop, logger)
      listener = try await Self.listen(
        configuration, identity, credentials, addresses, mesh, control, group: group, logger, audit)
      let endpoint = configuration.endpoint(boundPort: UInt16(truncatingIfNeeded: listener.address.port))
      control.execute { $0.handle(.listening(endpoint)) }
      startTicking(control)
      logger.notice(
        "database started",
        metadata: [
          NodeLogging.Key.principal: "\(identity.database)", NodeLogging.Key.address: "\(endpoint)",
          "incarnation": "\(identity.incarnation)",
        ])
    } catch {
      await threads.stop(logger)
      throw error
    }
  }

  /// What drones have acknowledged may be in their memories alone, and they may be about to end as well: waits until
  /// they have handed it over, up to a limit.
  /// - Returns: those that had not.
  func awaitDrones(_ hurry: Hurry, _ signal: StopSignal) async -> [Principal] {
    control.execute { $0.handle(.stopRequested) }
    var nextLine = NodeClock.now()
    while signal.error == nil, !Task.isCancelled {
      let control = control
      guard
        let (end, awaited) = try? await control.eventLoop.submit({
          (control.here.endsWithout, control.here.awaitedDrones)
        }).get()
      else { break }
      if let deserted = end ?? (hurry.isAsked ? awaited : nil) {
        if !deserted.isEmpty {
          logger.error("ends without drones", metadata: ["drones": "\(DatabaseNode.names(deserted))"])
        }
        return deserted
      }
      if !awaited.isEmpty, NodeClock.now() >= nextLine {
        nextLine = NodeClock.now() + 5_000
        logger.notice(
          "waits for drones before it ends", metadata: ["drones": "\(DatabaseNode.names(awaited))"])
      }
      try? await Task.sleep(for: .milliseconds(10))
    }
    return []
  }

  /// Answers nothing more, ends the sessions, and closes the store once it is through with what it does.
  func stop() async {
    tasks.cancel()
    mesh.shutDown()
    await listener.close()
    control.execute { $0.disconnect() }
    await threads.stop(logger)
  }

  private static func makeControl(
    _ configuration: NodeConfiguration, _ identity: DatabaseIdentity, _ threads: StoreThreads,
    on loop: any EventLoop, signal: StopSignal, _ logger: Logger, _ audit: AuditLog
  ) async throws -> DatabaseControlReference {
    let standing = try threads.standing()
    let membershipVerifier = try configuration.membershipVerifier()
    let memberships = MembershipStore(directory: configuration.directory, verifier: membershipVerifier)
    let core = DatabaseCore(
      identity: identity, timing: configuration.timing, verifier: try configuration.electionVerifier(),
      membershipVerifier: membershipVerifier, term: standing.term, keys: standing.keys,
      members: try memberships.load(), backlog: threads.store.backlog, mark: threads.store.mark,
      receiptKey: standing.receiptKey,
      patience: configuration.patience)
    return try await loop.submit {
      DatabaseControlReference(
        DatabaseControl(
          core: core, threads: threads, memberships: memberships, loop: loop, logger: logger,
          audit: audit, stop: signal.fail))
    }.get()
  }

  private static func makeMesh(
    _ configuration: NodeConfiguration, _ identity: DatabaseIdentity, _ authority: RegisteredNode,
    _ credentials: NodeCredentials, _ addresses: MemberAddresses, _ control: DatabaseControlReference,
    on loop: any EventLoop, _ logger: Logger
  ) async throws -> PeerMesh {
    var dialer = SessionDialer(cluster: configuration.cluster)
    dialer.members = addresses
    let meshing = PeerMesh.Configuration(dialer: dialer, logger: logger) { _ throws(KerberosError) in
      try credentials.initiator()
    }
    return try await loop.submit {
      let mesh = PeerMesh(on: loop, meshing) { event in control.here.receive(event) }
      mesh.setAddresses(configuration.authorityAddresses, of: authority.principal.text)
      control.here.connect(mesh)
      return mesh
    }.get()
  }

  private static func listen(
    _ configuration: NodeConfiguration, _ identity: DatabaseIdentity, _ credentials: NodeCredentials,
    _ addresses: MemberAddresses, _ mesh: PeerMesh, _ control: DatabaseControlReference,
    group: MultiThreadedEventLoopGroup, _ logger: Logger, _ audit: AuditLog
  ) async throws -> SessionListener {
    let services = [
      SessionListener.Service(
        principal: identity.database.text, credential: try credentials.acceptor(for: identity.database)),
      SessionListener.Service(
        principal: identity.command.text, policy: .command,
        credential: try credentials.acceptor(for: identity.command)),
    ]
    let known = KnownEndpoint(configuration.endpoint(boundPort: configuration.listen.port))
    var listening = SessionListener.Configuration(
      cluster: configuration.cluster, services: services, logger: logger
    ) {
      NodeDescription(
        cluster: configuration.cluster, realm: configuration.realm,
        principals: services.map(\.principal), role: "database", softwareVersion: NodeVersion.text,
        address: "\(known.value)")
    }
    listening.limits = Descriptors.fitted(configuration.sessionLimits, logger)
    // A database lets in nobody else.
    listening.isNode = { _ in true }
    listening.members = addresses
    listening.observe = { audit.record(AuditEvent($0)) }
    let address = NodeAddress(host: configuration.listen.host, port: Int(configuration.listen.port))
    let peers = mesh.acceptingHandler
    let listener = try await SessionListener.bind(to: address, group: group, configuration: listening) {
      session, loop in
      switch control.admit(session, at: identity, logger) {
      case .drone(let holder): StoreSession(holder: holder, control: control, logger: logger)
      case .commander, .authority: peers(session, loop)
      case nil: nil
      }
    }
    known.value = configuration.endpoint(boundPort: UInt16(truncatingIfNeeded: listener.address.port))
    return listener
  }

  private func startTicking(_ control: DatabaseControlReference) {
    control.execute { $0.startTicking() }
    // A fiftieth of a core at the most: a million rows of small values take about ten minutes.
    let scrubbing = control.eventLoop.scheduleRepeatedTask(initialDelay: .seconds(1), delay: .seconds(1)) {
      _ in
      control.here.scrub()
    }
    tasks.add(scrubbing)
  }
}
