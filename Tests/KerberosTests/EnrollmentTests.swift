import Glibc
import Kerberos
import KerberosFixture
import Testing

@Suite("Enrollment")
struct EnrollmentTests {
  let fixture: KerberosFixture
  init() throws { fixture = try sharedFixture() }

  /// A registered node that has not enrolled yet.
  private func register(expiresIn seconds: Int64 = 600) throws -> (name: String, password: String) {
    let name = fixture.principal("keyval-drone/\(uniqueName("n"))")
    let password = OneTimePassword.generate()
    try fixture.kadmin().createNode(principal: name, oneTimePassword: password, expiresIn: seconds)
    return (name, password)
  }

  private func mode(_ path: String) -> UInt32 {
    var status = stat()
    return stat(path, &status) == 0 ? status.st_mode & 0o7777 : 0
  }

  @Test("a one-time password becomes a key in a 0600 keytab, and is dead from then on")
  func complete() throws {
    let (name, password) = try register()
    let keytab = fixture.path("\(uniqueName("n")).keytab")
    try Enrollment.complete(principal: name, password: password, keytabPath: keytab)
    #expect(mode(keytab) == 0o600)
    let entry = try #require(Keytab.entries(keytab).first)
    #expect(entry.principal == name && entry.version == 2 && entry.encryptionType == 20)
    try InitiatorCredential.fromKeytab(keytab: keytab, principal: name).prepare()
    expectRefusal(.preauthenticationFailed, saying: name) {
      try Enrollment.complete(principal: name, password: password, keytabPath: keytab)
    }
    try InitiatorCredential.fromKeytab(keytab: keytab, principal: name).prepare()
  }

  @Test("the one-time password gives no ticket, and a wrong one no key")
  func passwordAlone() throws {
    let (name, password) = try register()
    let cache = fixture.path(uniqueName("cache"))
    #expect(throws: (any Error).self) {
      try fixture.realm.kinit(principal: name, password: password, cache: cache)
    }
    #expect(fixture.kdcLog.contains("REQUIRED PWCHANGE: \(name)"))
    let keytab = fixture.path("\(uniqueName("n")).keytab")
    expectRefusal(.preauthenticationFailed, saying: name) {
      try Enrollment.complete(principal: name, password: "wrong", keytabPath: keytab)
    }
    #expect(access(keytab, F_OK) != 0)
    try Enrollment.complete(principal: name, password: password, keytabPath: keytab)
  }

  @Test("an unused password dies with its principal's expiry")
  func expiry() throws {
    let (name, password) = try register(expiresIn: 1)
    let keytab = fixture.path("\(uniqueName("n")).keytab")
    let fixture = fixture
    let isOver = eventually { fixture.kdcLog.contains("CLIENT EXPIRED: \(name)") || attempt(name) }
    #expect(isOver)
    expectRefusal(.clientExpired, saying: name) {
      try Enrollment.complete(principal: name, password: password, keytabPath: keytab)
    }
  }

  /// Asks the KDC with a wrong password, which uses nothing up.
  private func attempt(_ name: String) -> Bool {
    do throws(KerberosError) {
      try Enrollment.complete(principal: name, password: "wrong", keytabPath: fixture.path(uniqueName("x")))
      return false
    } catch { return error.reason == .clientExpired }
  }

  @Test("clearing the expiry keeps an enrolled node beyond it; it may be repeated")
  func clearing() throws {
    let (name, password) = try register(expiresIn: 3)
    let keytab = fixture.path("\(uniqueName("n")).keytab")
    try Enrollment.complete(principal: name, password: password, keytabPath: keytab)
    let (other, _) = try register(expiresIn: 3)
    for _ in 0..<2 { try fixture.kadmin().clearExpiry(principal: name) }
    #expect(eventually { attempt(other) })  // what was registered after it has expired
    try InitiatorCredential.fromKeytab(keytab: keytab, principal: name).prepare()
  }

  @Test("a keytab that cannot be written, or is open to others, is refused before the password is used up")
  func unwritable() throws {
    let (name, password) = try register()
    expectRefusal(.unusableFile, saying: "/nonexistent/n.keytab") {
      try Enrollment.complete(principal: name, password: password, keytabPath: "/nonexistent/n.keytab")
    }
    let keytab = try fixture.addDrone(uniqueName("d"))
    #expect(chmod(keytab, 0o644) == 0)
    expectRefusal(.unusableFile, saying: keytab, "chmod 600") {
      try Enrollment.complete(principal: name, password: password, keytabPath: keytab)
    }
    #expect(chmod(keytab, 0o600) == 0)
    try Enrollment.complete(principal: name, password: password, keytabPath: keytab)
  }

  @Test("a database's two principals enroll with one password into one keytab")
  func database() throws {
    let node = uniqueName("db")
    let password = OneTimePassword.generate()
    try fixture.realm.addDatabase(node: node, oneTimePassword: password)
    let keytab = fixture.path("\(node).keytab")
    let names = ["keyval-database/\(node)", "keyval-command/\(node)"].map(fixture.principal)
    for name in names { try Enrollment.complete(principal: name, password: password, keytabPath: keytab) }
    try fixture.realm.clearExpiry(of: ["keyval-database/\(node)", "keyval-command/\(node)"])
    #expect(try Keytab.entries(keytab).map(\.principal) == names)
    #expect(mode(keytab) == 0o600)
    let commander = try fixture.appoint(term: 3_001)
    let ticket = try OfficeTicket.obtain(
      office: fixture.officePrincipal(3_001), certificatePEM: commander.ticketCertificatePEM,
      keyPEM: commander.key.pemBytes, service: names[1], armor: nil)
    _ = try Pair(ticket, fixture.acceptor("keyval-command/\(node)", keytab: keytab)).handshake()
  }

  @Test("rotation adds a key and keeps the old one for the tickets that are out")
  func rotation() throws {
    let (name, password) = try register()
    let keytab = fixture.path("\(uniqueName("n")).keytab")
    try Enrollment.complete(principal: name, password: password, keytabPath: keytab)
    try fixture.kadmin().clearExpiry(principal: name)
    let acceptor = try fixture.acceptor(String(name.prefix { $0 != "@" }), keytab: keytab)
    let pair = Pair(try Pair(fixture).initiator, acceptor)
    _ = try pair.handshake()
    try Enrollment.rotate(principal: name, keytabPath: keytab)
    #expect(try Keytab.entries(keytab).map(\.version) == [2, 3])
    #expect(mode(keytab) == 0o600)
    _ = try pair.handshake()  // its ticket is for the old key
    let node = try InitiatorCredential.fromKeytab(keytab: keytab, principal: name)
    _ = try Pair(node, acceptor).handshake()  // and this one for the new, without a restart
  }

  @Test("a node's name is registered once")
  func twice() throws {
    let (name, _) = try register()
    expectRefusal(.alreadyExists, saying: name) {
      try fixture.kadmin().createNode(principal: name, oneTimePassword: OneTimePassword.generate())
    }
  }

  @Test("one-time passwords have 128 bits and more, and never repeat")
  func passwords() {
    let passwords = (0..<1_000).map { _ in OneTimePassword.generate() }
    #expect(Set(passwords).count == 1_000)
    #expect(passwords.allSatisfy { $0.filter { $0 != "-" }.count == 26 })
  }
}
