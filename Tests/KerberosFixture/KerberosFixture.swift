import Cryptography
import Glibc
import Kerberos
import Provisioning
import Synchronization

/// A real realm for tests: krb5kdc and kadmind on free loopback ports, in a scratch directory, up in a fifth of
/// a second; gone when closed, when nobody refers to it any more, and when the test process dies.
///
/// Any number of them live side by side in one process, under different realm names: `KRB5_CONFIG` is set once,
/// before the first, to a list of files that the fixtures then fill in. So give principals with their realms,
/// as the fixture's methods do. For child processes, pass `environment`.
public final class KerberosFixture: Sendable {
  public let realm: Realm
  /// Scratch space of this fixture, removed with it.
  public let directory: String

  private struct Running {
    var daemons: RealmDaemons?
    var passwords: [String: String] = [:]
  }
  private let running: Mutex<Running>
  private let watcher: Watcher

  /// One realm for all tests of the process that need nothing special.
  public static let shared = Result { try KerberosFixture() }

  /// - Parameters:
  ///   - clockOffset: seconds by which the KDC's clock differs from this machine's.
  ///   - clockSkew: seconds by which tickets outlive themselves, at the KDC and in child processes that get
  ///     `environment`. In the test process itself, the first fixture's holds for all.
  public init(clockOffset: Int = 0, clockSkew: Int = 30) throws {
    let slot = try Slots.take()
    // Whatever fails from here on, the watcher cleans up after it.
    let watcher = try Watcher(slot)
    var realm = try RealmCreation.create(
      RealmSettings(realm: slot.realm, clockSkew: clockSkew), directory: "\(slot.directory)/realm")
    let daemons = try realm.start(clockOffset: clockOffset)
    try watcher.look(after: daemons)
    try Slots.publish(realm.layout.clientConfiguration, in: slot)
    directory = slot.directory
    self.realm = realm
    self.watcher = watcher
    running = Mutex(Running(daemons: daemons))
  }

  deinit { close() }

  /// Stops the daemons and removes the directory. Harmless to repeat.
  public func close() {
    stopDaemons()
    watcher.dismiss()
  }

  /// Takes KDC and kadmind away, as a failure would.
  public func stopDaemons() {
    let daemons = running.withLock { running in
      let daemons = running.daemons
      running.daemons = nil
      return daemons
    }
    daemons?.stop()
  }

  /// Brings them back on the same ports.
  public func restartDaemons() throws {
    stopDaemons()
    var again = realm
    let daemons = try again.start()
    guard again.ports == realm.ports else {
      daemons.stop()
      throw FixtureError("The KDC's port was taken while it was away.")
    }
    try watcher.look(after: daemons)
    running.withLock { $0.daemons = daemons }
  }

  // MARK: Names and files

  public var realmName: String { realm.name }
  public func principal(_ name: String) -> String { "\(name)@\(realmName)" }
  public func path(_ name: String) -> String { "\(directory)/\(name)" }
  /// For processes that tests start.
  public var environment: [String: String] { realm.layout.clientEnvironment }
  /// What the KDC wrote about every request; refusals stand there with their reasons.
  public var kdcLog: String { (try? RealmText.read(realm.layout.kdcLog)) ?? "" }

  // MARK: Principals and tickets

  /// A person with a password; returns it.
  @discardableResult
  public func addUser(_ name: String) throws -> String {
    let password = OneTimePassword.generate()
    try realm.addUser(name: name, password: password)
    running.withLock { $0.passwords[name] = password }
    return password
  }

  /// A file cache with the ticket of a person that `addUser` made, for `InitiatorCredential.fromCache`.
  public func cache(of user: String, lifetime seconds: Int? = nil) throws -> String {
    guard let password = running.withLock({ $0.passwords[user] }) else {
      throw FixtureError("There is no user \(user).")
    }
    let path = path("\(user).\(UInt32.random(in: 0 ... .max)).ccache")
    try realm.kinit(principal: principal(user), password: password, cache: path, lifetime: seconds)
    return "FILE:\(path)"
  }

  /// A service with a random key; returns the keytab's path.
  public func addService(
    _ name: String, attributes: [String] = ["+requires_preauth"]
  ) throws -> String {
    let keytab = keytabPath(name)
    try realm.addService(name: name, attributes: attributes, keytab: keytab)
    return keytab
  }

  /// A drone with a random key; returns the keytab's path.
  public func addDrone(_ node: String) throws -> String {
    let keytab = keytabPath("drone-\(node)")
    try realm.addDrone(node: node, keytab: keytab)
    return keytab
  }

  /// A database node's two principals; returns the path of their keytab.
  public func addDatabase(_ node: String) throws -> String {
    let keytab = keytabPath("database-\(node)")
    try realm.addDatabase(node: node, keytab: keytab)
    return keytab
  }

  private func keytabPath(_ name: String) -> String {
    path(name.split(separator: "/").joined(separator: "-") + ".keytab")
  }

  /// An acceptor for a service whose keytab the fixture made.
  public func acceptor(_ name: String, keytab: String) throws -> AcceptorCredential {
    try AcceptorCredential(
      keytab: keytab, principal: principal(name),
      replayCache: path(name.split(separator: "/").joined(separator: "-") + ".rcache"))
  }

  // MARK: The authority's tools

  public func kadmin() throws -> Kadmin {
    try Kadmin(keytab: realm.layout.authorityKeytab, principal: realm.authorityPrincipal)
  }

  /// The membership's private key.
  public func membershipKey() throws -> P256PrivateKey {
    try P256PrivateKey(pem: RealmText.read(realm.layout.membershipKey))
  }

  /// The realm's election CA, with its key.
  public func certificateAuthority() throws -> CertificateAuthority {
    try CertificateAuthority(
      certificatePEM: RealmText.read(realm.layout.anchors), keyPEM: RealmText.read(realm.layout.electionCAKey)
    )
  }
}

/// What a test asked of a fixture that it cannot give.
public struct FixtureError: Error, CustomStringConvertible {
  public let description: String
  init(_ description: String) { self.description = description }
}

/// Small files of the fixture.
enum RealmText {
  static func read(_ path: String) throws -> String {
    guard let file = fopen(path, "re") else { throw FixtureError("\(path) cannot be read.") }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 14)
    while case let count = fread(&chunk, 1, chunk.count, file), count > 0 { bytes += chunk[..<count] }
    return String(decoding: bytes, as: UTF8.self)
  }
}
