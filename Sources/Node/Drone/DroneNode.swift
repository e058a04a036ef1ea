import Audit
import Cluster
import Drone
import Journal
import Kerberos
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import Sessions
import Transport

/// A drone as a running service.
public struct DroneNode: Service {
  private let configuration: NodeConfiguration
  private let logger: Logger
  private let hurry: Hurry

  /// - Parameter hurry: ends the wait for a database that does not have everything yet.
  public init(configuration: NodeConfiguration, logger: Logger? = nil, hurry: Hurry = Hurry()) {
    self.configuration = configuration
    self.hurry = hurry
    self.logger = logger ?? NodeLogging.logger(for: configuration)
  }

  /// Runs until graceful shutdown.
  /// - Throws: `NodeError` when it cannot start or go on, `KerberosError` for its keytab, `TransportError` for
  ///   its address.
  public func run() async throws {
    // Before anything is heard: two processes of one drone would read each other's journals.
    let lock = try JournalLock(directory: configuration.directory, principal: configuration.principal)
    defer { withExtendedLifetime(lock) {} }
    let audit = try AuditLog.open(configuration, logger)
    let dataGroup = MultiThreadedEventLoopGroup(numberOfThreads: configuration.loops ?? System.coreCount)
    let controlGroup = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let signal = StopSignal()
    let outcome: Result<Void, any Error>
    do {
      let drone = try await RunningDrone(
        configuration, dataGroup: dataGroup, controlLoop: controlGroup.next(), signal: signal, logger: logger,
        audit: audit)
      await signal.wait()
      logger.notice("stopping")
      let unsaved = await drone.stop(hurry)
      let error = signal.error ?? unsaved?.failure(of: configuration.principal)
      outcome = error.map { .failure($0) } ?? .success(())
    } catch {
      outcome = .failure(error)
    }
    try? await dataGroup.shutdownGracefully()
    try? await controlGroup.shutdownGracefully()
    await audit.close()
    try outcome.get()
  }
}

/// The parts of a drone, put together and running.
private struct RunningDrone: Sendable {
  private let listener: SessionListener
  private let mesh: PeerMesh
  private let loops: [DataLoopReference]
  private let tasks: RepeatedTasks
  private let control: NIOLoopBound<DroneControl>
  private let controlLoop: any EventLoop
  private let directory: String
  private let logger: Logger

  init(
    _ configuration: NodeConfiguration, dataGroup: MultiThreadedEventLoopGroup, controlLoop: any EventLoop,
    signal: StopSignal, logger: Logger, audit: AuditLog
  ) async throws {
    guard let authority = configuration.authority else {
      preconditionFailure("a drone's configuration always names the authority")
    }
    self.logger = logger
    self.controlLoop = controlLoop
    directory = configuration.directory
    // Of a life that was killed while it waited.
    EndingFile(directory: directory).remove()
    let verifier = try configuration.electionVerifier()
    let votes = VoteStore(directory: configuration.directory)
    let promise = try votes.load()
    let membershipVerifier = try configuration.membershipVerifier()
    let memberships = MembershipStore(directory: configuration.directory, verifier: membershipVerifier)
    let members = try memberships.load()
    let gate = MemberGate(members)
    if let members, !members.contains(configuration.principal) {
      logger.error(
        "this drone was removed from the cluster by an administrator; it serves nothing",
        metadata: ["version": "\(members.version)"])
    }
    let keytab = try NodeCredentials(configuration)
    let office = OfficeCredential()
    let hello = HelloDescription(configuration)
    let wiring = SessionWiring(
      realm: configuration.realm, authority: authority.principal, members: gate, logger: logger)
    let addresses = MemberAddresses()
    listener = try await Self.listen(
      configuration, keytab, dataGroup, hello, wiring, addresses, logger, audit)

    let identity = DroneCore.Identity(
      principal: configuration.principal, incarnation: Incarnation(.random(in: .min ... .max)),
      endpoint: configuration.endpoint(boundPort: UInt16(listener.address.port)),
      cluster: configuration.cluster,
      authority: authority.principal)
    hello.setAddress(identity.endpoint)
    let dataLoops = Array(dataGroup.makeIterator())
    let pulse = LoopPulse(loops: dataLoops.count)
    let control = try await controlLoop.submit {
      let control = DroneControl(
        identity: identity, timing: configuration.timing, verifier: verifier,
        membershipVerifier: membershipVerifier, authority: authority,
        authorityAddresses: configuration.authorityAddresses, promise: promise, votes: votes,
        members: members, memberships: memberships, gate: gate, pulse: pulse,
        shadows: configuration.shadows, officeCredential: office, hello: hello, logger: logger,
        audit: audit, stop: signal.fail)
      return NIOLoopBound(control, eventLoop: controlLoop)
    }.get()
    self.control = control
    var dialling = SessionDialer(cluster: configuration.cluster)
    dialling.members = addresses
    let dialer = dialling
    loops = try await Self.makeLoops(
      dataLoops, identity, configuration, pulse, control, controlLoop, logger, audit)
    let orders = SessionOrders(register: listener.register, logger: logger, audit: audit)
    try await Self.connect(loops, dialer, keytab.initiator, orders, logger)

    var meshing = PeerMesh.Configuration(dialer: dialer, logger: logger) { target throws(KerberosError) in
      let own = try keytab.initiator()
      return target.hasPrefix(Role.command.rawValue) ? try office.ticket(for: target, armor: own) : own
    }
    meshing.accepts = { wiring.admission(of: $0)?.isNode ?? false }
    let configured = meshing
    let loops = loops
    mesh = try await controlLoop.submit {
      let mesh = PeerMesh(on: controlLoop, configured) { control.value.receive($0) }
      control.value.connect(mesh: mesh, loops: loops)
      return mesh
    }.get()
    wiring.connect(loops: loops, peers: mesh.acceptingHandler)
    tasks = RepeatedTasks()
    startTicking(control, controlLoop, configuration.timing)
    logger.notice(
      "drone started",
      metadata: [
        NodeLogging.Key.principal: "\(identity.principal)", NodeLogging.Key.address: "\(identity.endpoint)",
        "incarnation": "\(identity.incarnation)", "loops": "\(loops.count)",
        "memory": "\(configuration.memory)",
      ])
  }

  /// - Returns: what the database does not have, where somebody would not wait for it.
  func stop(_ hurry: Hurry) async -> HandoverReport? {
    let unsaved = await retire(hurry)
    tasks.cancel()
    let control = control
    controlLoop.execute { control.value.stopTicking() }
    mesh.shutDown()
    for loop in loops { loop.execute { $0.handle(.stopped) } }
    await listener.close()
    return unsaved
  }

  private func retire(_ hurry: Hurry) async -> HandoverReport? {
    let (control, controlLoop) = (control, controlLoop)
    // Before the data loops are told: what they are given to open by then they hand over, too.
    try? await controlLoop.submit { control.value.end() }.get()
    var handover = Handover(loops: loops, directory: directory, logger: logger) {
      (try? await controlLoop.submit { control.value.orphanCount }.get()) ?? nil
    }
    if let unsaved = await handover.store(hurry) {
      logger.error(
        "ends although the database does not have everything",
        metadata: [NodeLogging.Key.reason: "\(unsaved.sentence)"])
      return unsaved
    }
    controlLoop.execute { control.value.retire() }
    await handover.give(hurry) {
      (try? await controlLoop.submit { control.value.hasGivenAll }.get()) ?? true
    }
    return nil
  }

  private static func listen(
    _ configuration: NodeConfiguration, _ keytab: NodeCredentials, _ group: MultiThreadedEventLoopGroup,
    _ hello: HelloDescription, _ wiring: SessionWiring, _ addresses: MemberAddresses, _ logger: Logger,
    _ audit: AuditLog
  ) async throws -> SessionListener {
    let service = SessionListener.Service(
      principal: configuration.principal.text, credential: try keytab.acceptor(for: configuration.principal))
    var listening = SessionListener.Configuration(
      cluster: configuration.cluster, services: [service], logger: logger
    ) { hello.description }
    listening.limits = Descriptors.fitted(configuration.sessionLimits, logger)
    listening.isNode = { wiring.admission(of: $0)?.isNode ?? false }
    listening.members = addresses
    listening.observe = { audit.record(AuditEvent($0)) }
    let address = NodeAddress(host: configuration.listen.host, port: Int(configuration.listen.port))
    return try await SessionListener.bind(to: address, group: group, configuration: listening) {
      wiring.handler(for: $0, on: $1)
    }
  }

  private static func makeLoops(
    _ eventLoops: [any EventLoop], _ identity: DroneCore.Identity, _ configuration: NodeConfiguration,
    _ pulse: LoopPulse, _ control: NIOLoopBound<DroneControl>, _ controlLoop: any EventLoop, _ logger: Logger,
    _ audit: AuditLog
  ) async throws -> [DataLoopReference] {
    let loopBounds = bounds(of: configuration, loops: eventLoops.count)
    let journals = JournalDirectory(
      directory: configuration.directory, principal: configuration.principal, life: identity.incarnation,
      bounds: .init(for: loopBounds), logger: logger)
    var losses: [JournalLoss] = []
    let stands = try journals.stands { losses.append($0) }
    let lost = JournalLoss.merged(losses)
    let placement = LoopPlacement(count: eventLoops.count)
    let (memory, budget, shared) = (DroneMemory(), SharedBudget(), SharedPartitions())
    var references: [DataLoopReference] = []
    for (index, eventLoop) in eventLoops.enumerated() {
      let own = stands.filter { placement.loop(of: $0.partition) == index }
      let reference = try await eventLoop.submit {
        let (journal, file) = try journals.begin(index, own)
        return DataLoopReference(
          DataLoop(
            index: index, of: placement.count, eventLoop: eventLoop, identity: identity,
            timing: configuration.timing,
            level: configuration.level, bounds: loopBounds, memory: memory, budget: budget,
            journal: (journal, file), stands: own, losses: index == 0 ? lost : [],
            shared: shared, pulse: pulse, logger: logger, audit: audit,
            report: { event in controlLoop.execute { control.value.handle(event) } },
            askStatus: { reply in controlLoop.execute { reply(control.value.status()) } },
            administer: { order, name, caller, reply in
              controlLoop.execute { reply(control.value.administer(order, name, by: caller)) }
            }))
      }.get()
      references.append(reference)
    }
    try journals.removeOthers(than: placement.count)
    return references
  }

  /// Each loop has its share.
  private static func bounds(of configuration: NodeConfiguration, loops: Int) -> DataBounds {
    var bounds = DataBounds()
    bounds.backlog = configuration.backlogBytes / loops
    bounds.backlogTime = Int64(configuration.backlogMilliseconds)
    // Each may have to keep what others, of the same settings, are behind.
    bounds.tail = max(bounds.tail, bounds.backlog * 2)
    bounds.memory = configuration.memory
    return bounds
  }

  private static func connect(
    _ loops: [DataLoopReference], _ dialer: SessionDialer,
    _ credential: @escaping InitiatorCredentialProvider, _ orders: SessionOrders, _ logger: Logger
  ) async throws {
    for reference in loops {
      try await reference.eventLoop.submit {
        let loop = reference.here
        let link = DatabaseLink(
          dataLoop: loop, dialer: dialer, credential: credential, logger: logger)
        loop.connect(loops: loops, database: link, sessionOrders: orders) { peer in
          ShadowLink(to: peer, of: loop, dialer: dialer, credential: credential, logger: logger)
        }
      }.get()
    }
  }

  private func startTicking(
    _ control: NIOLoopBound<DroneControl>, _ controlLoop: any EventLoop, _ timing: Timing
  ) {
    controlLoop.execute { control.value.startTicking() }
    for loop in loops {
      tasks.add(
        loop.eventLoop.scheduleRepeatedTask(initialDelay: .zero, delay: .milliseconds(timing.heartbeat)) {
          _ in loop.here.tick()
        })
    }
  }
}
