import Glibc
import Kerberos
import RealmTemplates

/// A realm in a directory of this machine: its settings, its principals, and its daemons.
///
/// Changes go through kadmin.local, beside the database; they work whether or not the daemons run. The value
/// itself holds nothing open.
public struct Realm: Sendable {
  public let settings: RealmSettings
  public internal(set) var ports: RealmPorts
  public let layout: RealmLayout
  /// Whose files and daemons they are.
  public let owner: UnixUser

  /// The realm's name.
  public var name: String { settings.realm }
  public var authorityPrincipal: String { "keyval-authority/\(settings.authority)@\(name)" }

  /// An existing realm.
  /// - Throws: `ProvisioningError` when the directory holds none, and when somebody else can have changed what all nodes of
  ///   the realm believe.
  public static func open(
    directory: String, owner: UnixUser = .current
  ) throws(ProvisioningError) -> Realm {
    try SharedFiles(RealmLayout(directory: directory)).requireTrusted()
    let configuration = try RealmConfiguration.read(RealmLayout(directory: directory))
    return Realm(
      settings: configuration.settings, ports: configuration.ports, layout: configuration.layout, owner: owner
    )
  }

  var kadmin: KadminLocal { KadminLocal(layout: layout, realm: name, user: owner) }

  // MARK: Principals

  /// A person, who gets tickets by `kinit`.
  /// - Parameter name: without the realm; a name that begins with a node's role is refused.
  public func addUser(name: String, password: String) throws(ProvisioningError) {
    try PrincipalText.requireName(name)
    guard !name.hasPrefix("keyval-"), !name.hasPrefix("krbtgt"), !name.hasPrefix("kadmin") else {
      throw ProvisioningError(
        .input, "“\(name)” is no name for a person: it is kept for nodes and the realm.")
    }
    // A realm that was made before there were policies gets them with its next person.
    try addPolicies()
    var list = PrincipalList()
    try list.add(RealmTemplates.userPrincipals, ["NODE": name, "HOW": "password"]) { _ in .password(password)
    }
    try kadmin.run(list.commands)
  }

  /// Makes the policies of `Realm/policies` that are not there yet; those that are there stay as the operator left them.
  func addPolicies() throws(ProvisioningError) {
    let there = Set(try kadmin.run(["listpols"]).split(separator: "\n"))
    let missing = PrincipalList.policies.filter { !there.contains($0.name[...]) }
    guard !missing.isEmpty else { return }
    try kadmin.run(missing.map { "addpol \($0.options) \($0.name)" })
    let made = Set(try kadmin.run(["listpols"]).split(separator: "\n"))
    // The program does not confirm a policy as it confirms a principal.
    for policy in missing where !made.contains(policy.name[...]) {
      throw ProvisioningError(
        .program, "kadmin.local did not make the policy \(policy.name) in the realm \(name).")
    }
  }

  /// A database node, `keyval-database/NODE` and `keyval-command/NODE`, with random keys in a 0600 keytab.
  public func addDatabase(node: String, keytab: String) throws(ProvisioningError) {
    try add(RealmTemplates.databasePrincipals, node, "key", keytab: keytab)
  }

  /// A database node that enrolls: both principals with the same one-time password.
  public func addDatabase(
    node: String, oneTimePassword: String, expiresIn seconds: Int = 600
  ) throws(ProvisioningError) {
    try add(RealmTemplates.databasePrincipals, node, oneTimePassword, seconds)
  }

  /// A drone, with a random key in a 0600 keytab.
  public func addDrone(node: String, keytab: String) throws(ProvisioningError) {
    try add(RealmTemplates.dronePrincipals, node, "key", keytab: keytab)
  }

  /// A drone that enrolls. (Where the authority runs, `Kadmin.createNode` does the same over the network.)
  public func addDrone(
    node: String, oneTimePassword: String, expiresIn seconds: Int = 600
  ) throws(ProvisioningError) {
    try add(RealmTemplates.dronePrincipals, node, oneTimePassword, seconds)
  }

  /// Any other service principal, with a random key in a 0600 keytab.
  /// - Parameter attributes: as in the file `Realm/principals`.
  public func addService(
    name: String, attributes: [String] = ["+requires_preauth"], keytab: String
  ) throws(ProvisioningError) {
    var list = PrincipalList()
    try list.add(name, attributes, .keytab(keytab))
    try prepareKeytab(keytab)
    try kadmin.run(list.commands)
  }

  /// Runs commands of kadmin.local, for what the methods above do not do.
  @discardableResult
  package func administer(_ commands: [String]) throws(ProvisioningError) -> String {
    try kadmin.run(commands)
  }

  /// Clears the expiry of enrolled principals, as the authority does for drones.
  public func clearExpiry(of names: [String]) throws(ProvisioningError) {
    for name in names { try PrincipalText.requireName(name) }
    try kadmin.run(names.map { "modprinc -expire never \($0)" })
  }

  /// The trust by which principals of the realm `client` reach services of the realm `service`: to be made in
  /// both realms, with the same machine-made secret.
  public func addTrust(from client: String, to service: String, secret: String) throws(ProvisioningError) {
    try PrincipalText.requireRealm(client)
    try PrincipalText.requireRealm(service)
    var list = PrincipalList()
    try list.add("krbtgt/\(service)@\(client)", ["+requires_preauth"], .trust(secret))
    try kadmin.run(list.commands)
  }

  private func add(
    _ template: String, _ node: String, _ how: String, keytab: String
  ) throws(ProvisioningError) {
    try PrincipalText.requireComponent(node, "node name")
    var list = PrincipalList()
    try list.add(template, ["NODE": node, "HOW": how]) { _ in .keytab(keytab) }
    try prepareKeytab(keytab)
    try kadmin.run(list.commands)
  }

  private func add(
    _ template: String, _ node: String, _ password: String, _ seconds: Int
  ) throws(ProvisioningError) {
    try PrincipalText.requireComponent(node, "node name")
    var list = PrincipalList()
    try list.add(template, ["NODE": node, "HOW": "once"]) { _ in .once(password, seconds: seconds) }
    try kadmin.run(list.commands)
  }

  /// kadmin makes keytabs readable by the umask's grace; an empty 0600 one is there first.
  func prepareKeytab(_ path: String) throws(ProvisioningError) {
    guard access(path, F_OK) != 0 else { return }
    try RealmFile.write([5, 2], to: path, mode: 0o600, owner: owner)
  }

  // MARK: Tickets

  /// Gets a person's ticket by password, as `kinit` does (and by it), into a cache file.
  public func kinit(
    principal: String, password: String, cache: String, lifetime seconds: Int? = nil
  ) throws(ProvisioningError) {
    var words = [try Programs.kinit(), "-c", "FILE:\(cache)"]
    if let seconds { words += ["-l", "\(seconds)s"] }
    let outcome = try ProgramRun.run(
      words + [principal], environment: layout.clientEnvironment.merging(["LC_ALL": "C"]) { $1 }, user: owner,
      input: password + "\n")
    guard outcome.status == 0 else {
      let reason = outcome.output.split(separator: "\n").last.map(String.init) ?? "no reason given"
      throw ProvisioningError(.program, "kinit \(principal) failed: \(reason)")
    }
  }
}
