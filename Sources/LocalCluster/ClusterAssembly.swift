import Glibc
import Kerberos
import Provisioning
import RealmTemplates

/// One start of a cluster, step by step. Belongs to the task that runs it.
final class ClusterAssembly {
  private let plan: ClusterPlan
  private let sites: any ClusterSites
  private let directory: ClusterDirectory
  private let reporter: StepReporter
  private let users: ClusterUsers
  private let program: NodeProgram
  private let ports = FreePorts()
  private(set) var record: ClusterRecord

  init(
    _ plan: ClusterPlan, in directory: ClusterDirectory, program: String, sites: any ClusterSites,
    reporter: StepReporter
  ) throws(LocalClusterError) {
    guard ClusterPlan.droneRange.contains(plan.drones) else {
      throw LocalClusterError(
        .input, "a local cluster has 1 to \(ClusterPlan.droneRange.upperBound) drones, not \(plan.drones)")
    }
    // Before anything is changed there.
    try Self.requireNoStranger(in: directory)
    self.plan = plan
    self.sites = sites
    self.directory = directory
    self.reporter = reporter
    users = try ClusterUsers(of: directory)
    record = ClusterRecord(cluster: plan.cluster, realm: plan.realm)
    // Others may pass, not look: the nodes' users have directories of their own in here.
    if users.daemons.isOther, chmod(directory.path, 0o711) != 0 {
      throw .system("cannot open \(directory.path) to the nodes' users", code: errno)
    }
    self.program = try NodeProgram.prepare(program, for: users.daemons, in: directory)
  }

  func run(probe: LocalCluster.Probe) async throws {
    try prepareDirectory()
    var realm = try await makeRealm()
    try ServingWait.checkCancelled()
    try await reporter.step("krb5kdc and kadmind of \(plan.realm)") { try startDaemons(&realm) }
    try ServingWait.checkCancelled()
    try await enroll(in: realm)
    try await reporter.step("authority, database and \(count(plan.drones, "drone"))") {
      try startNodes(realm)
    }
    try await getTicket(in: realm)
    try await reporter.step("election, and all slots served") {
      try await ServingWait(directory: directory).run(record.processes, probe)
    }
  }

  /// Ends what this start began. What it wrote stays for inspection. A cluster that was there before may have taken
  /// writes already: its drones have time to hand them over, but nothing is left running.
  func takeDown(isHurried: @escaping @Sendable () -> Bool) {
    ports.release()
    let manner = StopManner(afterwards: .end, tell: reporter.remark, isHurried: isHurried)
    guard (try? OrderlyStop(directory: directory, manner: manner).run(&record)) == nil else { return }
    ProcessRoster.stop(record.processes)
    record.processes = []
    try? record.save(to: directory)
  }

  // MARK: Realm

  /// A directory with something else in it is left as it is: neither opened to the nodes' users nor marked as a cluster's.
  private static func requireNoStranger(in directory: ClusterDirectory) throws(LocalClusterError) {
    guard !ClusterRecord.isThere(in: directory),
      let stranger = directory.contents().first(where: { $0 != "lock" && $0 != "program" })
    else { return }
    throw LocalClusterError(
      .input,
      "\(directory.path) is no cluster's directory: it holds \(stranger); choose an empty one or a new one")
  }

  /// Clears away a start that did not come to its end: a node that is half enrolled cannot be enrolled again.
  private func prepareDirectory() throws(LocalClusterError) {
    if ClusterRecord.isThere(in: directory), access(directory.password(of: plan.user), F_OK) != 0 {
      try directory.removeAll([directory.realm, directory.nodes])
    }
    try record.save(to: directory)
    try makeDirectories()
  }

  private func makeDirectories() throws(LocalClusterError) {
    guard mkdir(directory.nodes, 0o711) == 0 || errno == EEXIST else {
      throw .system("cannot make the directory \(directory.nodes)", code: errno)
    }
    guard mkdir(directory.logs, 0o700) == 0 || errno == EEXIST else {
      throw .system("cannot make the directory \(directory.logs)", code: errno)
    }
    for node in [plan.authority] + [plan.standby].compactMap({ $0 }) + plan.others {
      try directory.make(directory.node(node.name), for: users.node(node))
    }
  }

  private func makeRealm() async throws -> Realm {
    let owner = users.daemons.unix
    if access(RealmLayout(directory: directory.realm).settings, F_OK) == 0 {
      let realm = try Realm.open(directory: directory.realm, owner: owner)
      record.realm = realm.name
      try RealmCreation.makeMembershipKey(of: realm, authorityOwner: users.authority.unix)
      try RealmCreation.renewPlaces(of: realm)
      try RealmCreation.renewRules(of: realm)
      return realm
    }
    return try await reporter.step("realm \(plan.realm) in \(directory.realm)") {
      try RealmCreation.create(
        RealmSettings(
          realm: plan.realm, host: sites.address(of: RealmDaemon.kdc.rawValue), authority: plan.authority.name
        ),
        directory: directory.realm, owner: owner, authorityOwner: users.authority.unix)
    }
  }

  private func startDaemons(_ realm: inout Realm) throws {
    let daemons = try sites.at(RealmDaemon.kdc.rawValue) { try realm.start() }
    let host = realm.settings.host
    try add(.kdc, .kdc, daemons.kdc, at: "\(host):\(realm.ports.kdc)")
    try add(.kadmind, .kadmind, daemons.kadmind, at: "\(host):\(realm.ports.kadmind)")
  }

  private func add(
    _ role: ProcessRole, _ daemon: RealmDaemon, _ identity: ProcessIdentity, at address: String
  ) throws(LocalClusterError) {
    record.processes.append(
      .init(role: role, name: daemon.rawValue, address: address, identity: identity))
    try record.save(to: directory)
  }

  // MARK: Nodes

  /// Gives every node that has no keytab yet its key.
  private func enroll(in realm: Realm) async throws {
    let newcomers = plan.others.filter { access(directory.keytab(of: $0.name), F_OK) != 0 }
    guard !newcomers.isEmpty else { return }
    try await reporter.step("\(count(newcomers.count, "node")) enrolled by one-time passwords") {
      try ServingWait.checkCancelled()
      try starter(realm).enroll(newcomers)
    }
  }

  private func startNodes(_ realm: Realm) throws {
    let authority = try address(of: plan.authority)
    let standby = try plan.standby.map(address(of:))
    let others = try plan.others.map(address(of:))
    // The standby last, so that as a rule it stands by.
    let all = [authority] + others + [standby].compactMap { $0 }
    let contact = NodeFile.Authority(
      principal: authority.plan.principal(in: realm.name), address: authority.address,
      standby: standby?.address)
    try writeAccessList(realm)
    for node in all {
      try starter(realm).write(nodeFile(node, authority: contact, realm), for: node.plan)
    }
    try writeClientFile(authority: contact, seeds: others.filter { $0.plan.role == .drone }, realm)
    ports.release()
    for node in all {
      try ServingWait.checkCancelled()
      let name = node.plan.name
      let identity = try starter(realm).launch(node.plan)
      record.processes.append(
        .init(role: node.plan.role, name: name, address: node.address, identity: identity))
      try record.save(to: directory)
    }
  }

  private func address(of node: NodePlan) throws -> NodeAddress {
    NodeAddress(plan: node, address: "\(sites.address(of: node.name)):\(try ports.draw())")
  }

  private func nodeFile(
    _ node: NodeAddress, authority: NodeFile.Authority, _ realm: Realm
  ) -> NodeFile {
    let isAuthority = node.plan.role == .authority
    // The standby is the same principal on the same register.
    let name = isAuthority ? plan.authority.name : node.plan.name
    var file = NodeFile(
      cluster: plan.cluster, realm: realm.name, name: name, listen: node.address,
      keytab: isAuthority ? realm.layout.authorityKeytab : directory.keytab(of: name),
      directory: directory.data(of: name), anchors: realm.layout.anchors,
      membership: realm.layout.membershipPublicKey, log: .init(level: plan.logLevel),
      heartbeat: plan.heartbeat)
    if node.plan.role == .drone {
      file.loops = plan.loops
      file.shadows = plan.shadows
      file.sessions = plan.sessions.map(NodeFile.Sessions.init(ofPrincipal:))
      file.memory = plan.memory.map { max(1 << 20, $0 / plan.drones) }
    }
    if isAuthority {
      file.ca = .init(certificate: realm.layout.anchors, key: realm.layout.electionCAKey)
      file.membershipKey = realm.layout.membershipKey
      file.administrators = ["\(plan.user)@\(realm.name)"]
      file.access = directory.accessList
    } else {
      file.authority = authority
    }
    return file
  }

  /// Once: what its owner has written there since stays.
  private func writeAccessList(_ realm: Realm) throws(LocalClusterError) {
    guard access(directory.accessList, F_OK) != 0 else { return }
    guard
      let text = RealmTemplates.render(
        RealmTemplates.accessList, ["USER": plan.user, "REALM": realm.name])
    else { throw LocalClusterError(.input, "the template of the access list has a place that nothing fills") }
    try replaceFile(directory.accessList, with: text, mode: 0o644)
  }

  private func writeClientFile(
    authority: NodeFile.Authority, seeds: [NodeAddress], _ realm: Realm
  ) throws(LocalClusterError) {
    let file = ClientFile(
      cluster: plan.cluster, realm: realm.name, anchors: realm.layout.anchors,
      seeds: seeds.map { .init(principal: $0.plan.principal(in: realm.name), address: $0.address) },
      authority: authority, suspicion: plan.heartbeat.map { $0 * 3 })
    try replaceFile(directory.clientConfiguration, with: prettyJSON(file), mode: 0o644)
  }

  private func starter(_ realm: Realm) -> NodeStarter {
    NodeStarter(directory: directory, users: users, program: program, realm: realm, sites: sites)
  }

  // MARK: The first user, and the first answer

  private func getTicket(in realm: Realm) async throws {
    try ServingWait.checkCancelled()
    let path = directory.password(of: plan.user)
    try await reporter.step("a ticket for \(plan.user)@\(realm.name)") {
      if access(path, F_OK) != 0 {
        let password = OneTimePassword.generate()
        try realm.addUser(name: plan.user, password: password)
        try replaceFile(path, with: password + "\n", mode: 0o600)
      }
      guard let password = try readTrustedFile(path, .secret).split(separator: "\n").first else {
        throw LocalClusterError(.input, "\(path) holds no password")
      }
      // The ticket is the caller's, no node's.
      try sites.at(plan.user) {
        try Realm.open(directory: directory.realm).kinit(
          principal: "\(plan.user)@\(realm.name)", password: String(password),
          cache: directory.cache(of: plan.user))
      }
    }
  }

  private func count(_ number: Int, _ thing: String) -> String {
    "\(number) \(thing)\(number == 1 ? "" : "s")"
  }
}

private struct NodeAddress {
  let plan: NodePlan
  let address: String
}
