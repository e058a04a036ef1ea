import Kerberos
import KerberosFixture

/// The realm of these tests: alice, four drones and a database node.
struct TestRealm: Sendable {
  let fixture: KerberosFixture
  private let keytabs: [String: String]
  private let aliceCache: String

  /// Made once; a failure fails every test that needs it, with its reason.
  private static let made = Result { try TestRealm() }
  static var shared: TestRealm { get throws { try made.get() } }

  private init() throws {
    fixture = try KerberosFixture()
    var keytabs: [String: String] = [:]
    for node in 1...4 { keytabs["keyval-drone/d\(node)"] = try fixture.addDrone("d\(node)") }
    let database = try fixture.addDatabase("db1")
    for role in ["keyval-database", "keyval-command"] { keytabs["\(role)/db1"] = database }
    self.keytabs = keytabs
    try fixture.addUser("alice")
    aliceCache = try fixture.cache(of: "alice")
  }

  func principal(_ name: String) -> String { fixture.principal(name) }

  func acceptor(_ name: String) throws -> AcceptorCredential {
    try fixture.acceptor(name, keytab: keytabs[name] ?? "")
  }

  func initiator(_ name: String) throws -> InitiatorCredential {
    guard let keytab = keytabs[name] else { return try .fromCache(name: aliceCache) }
    return try .fromKeytab(keytab: keytab, principal: principal(name))
  }

  /// A commander's ticket for one service, as an election gives it.
  func commanderTicket(term: UInt64, service: String) throws -> InitiatorCredential {
    let commander = try fixture.appoint(term: term)
    return try OfficeTicket.obtain(
      office: fixture.officePrincipal(term), certificatePEM: commander.ticketCertificatePEM,
      keyPEM: commander.key.pemBytes, service: principal(service), armor: nil)
  }

  /// A cache that does not exist.
  func noTicket() throws(KerberosError) -> InitiatorCredential {
    try .fromCache(name: "FILE:\(fixture.path("no-such-cache"))")
  }
}
