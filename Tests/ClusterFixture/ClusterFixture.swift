import Cluster
import Glibc
import KerberosFixture
import Keyval
import LocalCluster
import Provisioning
import Synchronization

/// A real cluster for tests: KDC, kadmind, authority, database and drones, each a process of the built `keyval`
/// program, in a scratch directory on free loopback ports. Gone when it is torn down, when nobody refers to it
/// any more, and when the test process dies.
///
///     try await ClusterFixture.run { cluster in
///       let client = try cluster.client()
///       try await client.put("greeting", "hello")
///       try cluster.kill("d1")
///     }
///
/// Names of processes: `krb5kdc`, `kadmind`, `a1` (the authority), `a1-standby`, `db1`, `d1`, `d2`, …
public final class ClusterFixture: Sendable {
  public let directory: ClusterDirectory
  public let realmName: String
  /// The `keyval` program that the nodes run.
  public let program: String

  private let sites: any ClusterSites
  private let reservation: RealmReservation
  /// For files of a test, beside the cluster.
  public var scratch: String { reservation.directory }
  private let clients = Mutex<[KeyvalClient]>([])
  private let caches = Atomic<Int>(0)
  /// Changes of who runs, one at a time.
  private let changes = Mutex(())

  /// Starts a cluster and returns once it serves all slots; `alice` has a ticket.
  /// - Parameters:
  ///   - loops: event loops for data on each drone; nil: one a core.
  ///   - hasStandby: whether a second process stands by for the authority.
  ///   - memory: bytes that all drones together may hold; nil: as much as the machine lets them.
  ///   - sites: where the processes run. The fixture's own clients reach them on the loopback address only.
  ///   - ask: asks from elsewhere whether the cluster serves; nil: by a client of this process.
  ///   - tell: takes a line for each step of the start.
  public init(
    drones: Int = 3, loops: Int? = nil, hasStandby: Bool = false, memory: Int? = nil,
    logLevel: String = "info", program: String? = nil, sites: any ClusterSites = Loopback(),
    ask: (@Sendable (ClusterDirectory) async throws -> Bool)? = nil,
    tell: @escaping @Sendable (String) -> Void = { _ in }
  ) async throws {
    self.program = try program ?? Self.builtProgram()
    self.sites = sites
    reservation = try RealmReservation()
    directory = try ClusterDirectory(creating: "\(reservation.directory)/cluster")
    realmName = reservation.realm
    try reservation.publish(configuration: RealmLayout(directory: directory.realm).clientConfiguration)
    let plan = ClusterPlan(
      cluster: "test", realm: realmName, drones: drones, logLevel: logLevel, loops: loops,
      hasStandby: hasStandby, memory: memory)
    let probe = ServingProbe(directory)
    defer { probe.close() }
    do {
      let directory = directory
      let program = self.program
      try await withTaskExecutorPreference(OwnThread()) {
        _ = try await LocalCluster.start(
          plan, in: directory, program: program, sites: sites, reporter: StepReporter(tell),
          probe: { if let ask { try await ask(directory) } else { try await probe.ask() } })
      }
    } catch {
      let logs = Self.logs(in: directory)
      reservation.release()
      throw ClusterFixtureError("\(error)\n\(logs)")
    }
  }

  deinit { tearDown() }

  /// Clusters that starve each other fail tests that are right.
  private static let gate = Gate(2)

  /// Does something with a cluster when it is its turn: at most two at a time. A test's time limit counts its wait, which
  /// is for all the others; this one counts from when its turn has come.
  /// - Throws: what the body throws, or that its turn took longer than `limit`.
  public static func inTurn(within limit: Duration = .seconds(300), _ body: () async throws -> Void)
    async throws
  {
    await gate.enter()
    defer { gate.leave() }
    let began = ContinuousClock.now
    try await withTaskExecutorPreference(OwnThread()) { try await body() }
    let took = ContinuousClock.now - began
    guard took <= limit else {
      throw ClusterFixtureError("its turn took \(took), and has \(limit)")
    }
  }

  /// Starts a cluster for the time of the body; at most two at a time, the others wait. When the body throws, the
  /// error carries the ends of all logs.
  public static func run(
    drones: Int = 3, loops: Int? = nil, hasStandby: Bool = false, memory: Int? = nil,
    logLevel: String = "info", within limit: Duration = .seconds(300),
    _ body: (ClusterFixture) async throws -> Void
  ) async throws {
    try await inTurn(within: limit) {
      let cluster = try await ClusterFixture(
        drones: drones, loops: loops, hasStandby: hasStandby, memory: memory, logLevel: logLevel)
      defer { cluster.tearDown() }
      do {
        try await body(cluster)
      } catch {
        throw ClusterFixtureError("\(error)\n\(cluster.logs())")
      }
    }
  }

  /// Ends everything, stopped processes too, and removes the directory. Harmless to repeat.
  public func tearDown() {
    for client in clients.withLock({ $0 }) { client.close() }
    changes.withLock { _ in
      for process in (try? ClusterRecord.load(from: directory))?.processes ?? [] {
        process.identity.send(signal: SIGKILL)
        _ = process.identity.wait()
      }
      reservation.release()
    }
  }

  // MARK: Processes

  public var processes: [ClusterRecord.Process] {
    get throws { try ClusterRecord.load(from: directory).processes }
  }

  public func processes(of role: ProcessRole) throws -> [ClusterRecord.Process] {
    try processes.filter { $0.role == role }
  }

  public func process(_ name: String) throws -> ClusterRecord.Process {
    guard let process = try processes.first(where: { $0.name == name }) else {
      throw ClusterFixtureError("there is no process \(name)")
    }
    return process
  }

  /// Ends a process as a crash would, and waits until it is gone.
  public func kill(_ name: String) throws {
    let identity = try process(name).identity
    identity.send(signal: SIGKILL)
    _ = identity.wait()
  }

  /// Asks a process to end, and waits for it. Its exit status; nil if it was ended by a signal.
  @discardableResult
  public func terminate(_ name: String, within limit: Duration = .seconds(30)) async throws -> Int32? {
    try process(name).identity.send(signal: SIGTERM)
    return try await awaitEnd(of: name, within: limit)
  }

  /// Waits for the end of a process that was asked to. Its exit status; nil if it was ended by a signal.
  public func awaitEnd(of name: String, within limit: Duration = .seconds(30)) async throws -> Int32? {
    let identity = try process(name).identity
    var status: Int32?
    try await eventually("\(name) ends after SIGTERM", within: limit) {
      status = identity.reap()
      guard status == nil else { return true }
      return Glibc.kill(identity.pid, 0) != 0
    }
    guard let status, status & 0x7F == 0 else { return nil }
    return status >> 8 & 0xFF
  }

  /// Stops a process in its tracks (SIGSTOP), and waits until it is stopped.
  public func suspend(_ name: String) throws {
    let identity = try process(name).identity
    var status: Int32 = 0
    guard identity.send(signal: SIGSTOP), waitpid(identity.pid, &status, WUNTRACED) == identity.pid else {
      throw ClusterFixtureError("\(name) cannot be stopped: it does not run")
    }
  }

  public func resume(_ name: String) throws { try process(name).identity.send(signal: SIGCONT) }

  /// Starts an ended process again, with the configuration and the address it had.
  public func restart(_ name: String) throws {
    try changes.withLock { _ in
      _ = try LocalCluster.restart(name, in: directory, program: program, sites: sites)
    }
  }

  /// Enrolls a further drone with a one-time password and starts it; returns before it serves.
  public func addDrone(_ name: String) throws {
    try changes.withLock { _ in
      _ = try LocalCluster.addDrone(name, in: directory, program: program, sites: sites)
    }
  }

  // MARK: Clients

  /// What a client is told. A cache from `cache(of:)`; without one, alice's ticket.
  public func clientConfiguration(cache: String? = nil) throws -> ClientConfiguration {
    var configuration = try ClientConfiguration.load(path: directory.clientConfiguration)
    configuration.credentialCache = cache ?? aliceCache
    return configuration
  }

  /// A client with a ticket, by default alice's. Closed with the cluster.
  public func client(
    cache: String? = nil, deadline: Duration = .seconds(30), suspicion: Duration = .milliseconds(750)
  ) throws -> KeyvalClient {
    var configuration = try clientConfiguration(cache: cache)
    configuration.deadline = deadline
    configuration.suspicion = suspicion
    let client = try KeyvalClient(configuration: configuration)
    clients.withLock { $0.append(client) }
    return client
  }

  /// What KRB5CCNAME would be: alice's ticket.
  public var aliceCache: String { "FILE:\(directory.cache(of: "alice"))" }

  /// Adds a person to the realm and gets a ticket for him. The cache's name.
  public func cache(of user: String, lifetime seconds: Int? = nil) throws -> String {
    let password = OneTimePasswords.draw()
    try realm().addUser(name: user, password: password)
    let path = "\(scratch)/\(user).\(caches.add(1, ordering: .relaxed).newValue).ccache"
    try Realm.open(directory: directory.realm).kinit(
      principal: principal(user), password: password, cache: path, lifetime: seconds)
    return "FILE:\(path)"
  }

  // MARK: The realm

  public func principal(_ name: String) -> String { "\(name)@\(realmName)" }

  /// The realm, to be changed beside its daemons.
  public func realm() throws -> Realm {
    var status = stat()
    guard stat(RealmLayout(directory: directory.realm).settings, &status) == 0 else {
      throw ClusterFixtureError("there is no realm in \(directory.realm)")
    }
    return try Realm.open(
      directory: directory.realm, owner: UnixUser(uid: status.st_uid, gid: status.st_gid))
  }

  /// What the KDC wrote about every request; refusals stand there with their reasons.
  public var kdcLog: String { TextFile.read(RealmLayout(directory: directory.realm).kdcLog) ?? "" }

  // MARK: Logs

  /// The time of day as logs have it, in UTC.
  public static var clock: String {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    let day = now.tv_sec % 86_400
    let parts = [day / 3600, day / 60 % 60, day % 60].map { $0 < 10 ? "0\($0)" : "\($0)" }
    return "\(parts.joined(separator: ":")).\(now.tv_nsec / 1_000_000)"
  }

  /// What a process has written so far.
  public func log(of name: String) -> String { TextFile.read(directory.log(of: name)) ?? "" }

  /// The ends of all logs.
  public func logs(lines: Int = 150) -> String { Self.logs(in: directory, lines: lines) }

  private static func logs(in directory: ClusterDirectory, lines: Int = 40) -> String {
    // Not by the record: a start that failed has removed it.
    let nodes = TextFile.names(in: directory.logs).filter { $0.hasSuffix(".log") }
    let files =
      nodes.map { (String($0.dropLast(4)), "\(directory.logs)/\($0)") }
      + [("krb5kdc", RealmLayout(directory: directory.realm).kdcLog)]
    return files.map { name, path in
      let tail = (TextFile.read(path) ?? "").split(separator: "\n").suffix(lines)
      return "--- the end of \(name)'s log\n" + tail.joined(separator: "\n")
    }.joined(separator: "\n")
  }

  /// A program beside the running one: test bundle and programs are built into the same directory.
  public static func builtProgram(_ name: String = "keyval") throws -> String {
    guard let own = realpath("/proc/self/exe", nil) else {
      throw ClusterFixtureError("the running program cannot be found")
    }
    defer { free(own) }
    let folder = String(cString: own).split(separator: "/").dropLast().joined(separator: "/")
    let program = "/\(folder)/\(name)"
    guard access(program, X_OK) == 0 else {
      throw ClusterFixtureError("\(program) is not there; the test target must depend on \(name)")
    }
    return program
  }
}

/// What a test asked of a cluster that it cannot give.
public struct ClusterFixtureError: Error, CustomStringConvertible {
  public let description: String
  public init(_ description: String) { self.description = description }
}
