import Cryptography
import Glibc
import KerberosFixture
import Synchronization
import Testing

@testable import Kerberos

/// What the KDC lets an office do, and nobody else. Each test has an office of its own in one shared realm.
@Suite("The office's ticket")
struct OfficeTests {
  let fixture: KerberosFixture
  /// A database's command service, shared by the tests.
  let command: AcceptorCredential

  private static let database = Result { try sharedFixture().addDatabase("office-tests") }

  init() throws {
    fixture = try sharedFixture()
    command = try fixture.acceptor("keyval-command/office-tests", keytab: Self.database.get())
  }

  private func ticket(
    _ term: UInt64, _ commander: Commander, for service: String? = nil, anchors: String? = nil
  ) throws -> InitiatorCredential {
    try OfficeTicket.obtain(
      office: fixture.officePrincipal(term), certificatePEM: commander.ticketCertificatePEM,
      keyPEM: commander.key.pemBytes, service: service ?? command.principal, anchors: anchors)
  }

  private var grantingTicket: String { fixture.principal("krbtgt/\(fixture.realmName)") }

  @Test("the certificate of the term gives a ticket of a minute, marked as a commander's")
  func honest() throws {
    let commander = try fixture.appoint(term: 1_701)
    let (_, accepting) = try Pair(ticket(1_701, commander), command).handshake()
    let properties = try accepting.properties()
    #expect(properties.peer == fixture.officePrincipal(1_701))
    #expect(properties.local == command.principal)
    #expect(properties.authenticationIndicators == ["commander"])
    #expect(properties.expiry <= Int64(time(nil)) + 60 + 30)
    #expect(properties.expiry > Int64(time(nil)) + 60)
  }

  @Test("the certificate's key is not left in any file")
  func noFiles() throws {
    let commander = try fixture.appoint(term: 1_702)
    _ = try ticket(1_702, commander)
    // Other tests hold theirs at this moment: it is this key that must be nowhere.
    #expect(!memoryFiles().contains { $0.contains(commander.key.pem) })
  }

  /// The contents of the anonymous memory files that this process has open.
  private func memoryFiles() -> [String] {
    (0..<1024).compactMap { descriptor in
      var target = [UInt8](repeating: 0, count: 256)
      let length = readlink("/proc/self/fd/\(descriptor)", &target, target.count)
      guard length > 0, String(decoding: target[..<length], as: UTF8.self).contains("memfd:") else {
        return nil
      }
      var bytes = [UInt8](repeating: 0, count: 1 << 14)
      let count = pread(Int32(descriptor), &bytes, bytes.count, 0)
      return count > 0 ? String(decoding: bytes[..<count], as: UTF8.self) : nil
    }
  }

  // MARK: The KDC's refusals

  @Test("a deposed commander's certificate gives no ticket: the office is gone")
  func deposed() throws {
    let old = try fixture.appoint(term: 1_710)
    _ = try ticket(1_710, old)
    _ = try fixture.appoint(term: 1_711)
    try fixture.kadmin().deleteOffice(term: 1_710)
    let error = expectRefusal(.clientUnknown, saying: fixture.officePrincipal(1_710), "not found") {
      try ticket(1_710, old)
    }
    #expect(error?.code == KerberosErrorCode.kerberos(6))
  }

  @Test("a ticket-granting ticket, even one got by the certificate, opens no command service")
  func byGrantingTicket() throws {
    let commander = try fixture.appoint(term: 1_720)
    let granting = try ticket(1_720, commander, for: grantingTicket)
    let error = expectRefusal(.policyRejects, saying: command.principal) {
      try Pair(granting, command).request()
    }
    #expect(error?.code == KerberosErrorCode.kerberos(12))
    #expect(fixture.kdcLog.contains("TGT BASED NOT ALLOWED"))
  }

  @Test("a drone's keytab gives no command ticket, neither by its ticket-granting ticket nor directly")
  func byKeytab() throws {
    let drone = uniqueName("d")
    let keytab = try fixture.addDrone(drone)
    let principal = fixture.principal("keyval-drone/\(drone)")
    let credential = try InitiatorCredential.fromKeytab(keytab: keytab, principal: principal)
    expectRefusal(.policyRejects, saying: principal) { try Pair(credential, command).request() }
    let error = expectRefusal(.policyRejects, saying: principal, command.principal) {
      try InitialTicket.byKeytab(keytab, principal: principal, service: command.principal)
    }
    #expect(error?.code == KerberosErrorCode.kerberos(12))
    #expect(fixture.kdcLog.contains("HIGHER_AUTHENTICATION_REQUIRED"))
  }

  @Test("a user's password gives no command ticket")
  func byPassword() throws {
    let user = uniqueName("user")
    try fixture.addUser(user)
    let credential = try InitiatorCredential.fromCache(name: fixture.cache(of: user))
    expectRefusal(.policyRejects) { try Pair(credential, command).request() }
  }

  @Test("another term's certificate is refused: its name is not the office's")
  func otherTerm() throws {
    _ = try fixture.appoint(term: 1_730)
    let error = expectRefusal(.certificateRefused, saying: "Client name mismatch") {
      try ticket(1_730, fixture.certify(term: 1_731))
    }
    #expect(error?.code == KerberosErrorCode.kerberos(75))
  }

  @Test(
    "whoever has the election CA's key alone certifies himself in vain: the KDC asks for the office's secret")
  func thiefOfTheAuthority() throws {
    let commander = try fixture.appoint(term: 1_736)
    func attempt(_ certificate: ElectionCertificate, _ key: P256PrivateKey) throws -> InitiatorCredential {
      try OfficeTicket.obtain(
        office: fixture.officePrincipal(1_736), certificatePEM: certificate.pemBytes, keyPEM: key.pemBytes,
        service: command.principal, armor: nil)
    }
    // The same CA, office, term and winner, another key; then everything that anybody can know of the real one: its
    // public certificate, and its key's fingerprint where the secret belongs.
    let own = try P256PrivateKey.generate()
    let print = commander.key.publicKey.fingerprint
    let thief = try fixture.certify(term: 1_736)
    let forged = [
      (thief.certificate, thief.key),
      (try fixture.ticketCertificate(term: 1_736, key: own.publicKey, secret: print), own),
      (
        try fixture.ticketCertificate(term: 1_736, key: own.publicKey, secret: own.publicKey.fingerprint), own
      ),
    ]
    for (certificate, key) in forged {
      let error = expectRefusal(.certificateRefused, saying: "Certificate mismatch") {
        try attempt(certificate, key)
      }
      #expect(error?.code == KerberosErrorCode.kerberos(66))
    }
    // Nor is the public certificate of the real one of any use to himself.
    expectRefusal(.certificateRefused, saying: "Certificate mismatch") {
      try attempt(commander.certificate, commander.key)
    }
    _ = try attempt(commander.ticketCertificate, commander.key)
  }

  @Test(
    "an office that its maker left without a rule gives nobody a ticket, and is made whole by the next try")
  func officeWithoutRule() throws {
    let commander = try fixture.certify(term: 1_737)
    let fingerprint = commander.key.publicKey.fingerprint
    let kadmin = try fixture.kadmin()
    try kadmin.createOffice(term: 1_737, keyFingerprint: fingerprint)
    // As after the first of the three steps.
    try fixture.realm.administer([
      "delstr keyval-commander/1737 pkinit_cert_match", "modprinc -allow_tix keyval-commander/1737",
    ])
    expectRefusal(.clientLocked) { try ticket(1_737, commander) }
    expectRefusal(.clientUnknown) { try kadmin.officeSecret(term: 1_737) }
    #expect(try kadmin.createOffice(term: 1_737, keyFingerprint: fingerprint) == .existed)
    let secret = try kadmin.officeSecret(term: 1_737)
    var admitted = commander
    admitted.ticketCertificate = try fixture.ticketCertificate(
      term: 1_737, key: commander.key.publicKey, secret: secret)
    _ = try ticket(1_737, admitted)
    // The next one leaves what is there.
    try kadmin.createOffice(term: 1_737, keyFingerprint: fingerprint)
    #expect(try kadmin.officeSecret(term: 1_737) == secret)
  }

  @Test("who listens between the commander and the KDC does not read the office's secret")
  func listener() throws {
    let own = try KerberosFixture()
    _ = try own.addDatabase("db1")
    let drone = try InitiatorCredential.fromKeytab(
      keytab: own.addDrone("d1"), principal: own.principal("keyval-drone/d1"))
    try drone.prepare()
    let commander = try own.appoint(term: 1)
    let secret = try own.kadmin().officeSecret(term: 1).map { byte in
      let digits = String(byte, radix: 16)
      return digits.count == 1 ? "0" + digits : digits
    }.joined()
    let heard = Heard()
    let relay = try SlowRelay(to: own.realm.ports.kdc, bytes: heard.add) { _ in }
    try relay.insert(into: own.realm.layout.clientConfiguration, for: own.realm.ports.kdc)
    func ticket(_ armor: InitiatorCredential?) throws {
      _ = try OfficeTicket.obtain(
        office: own.officePrincipal(1), certificatePEM: commander.ticketCertificatePEM,
        keyPEM: commander.key.pemBytes, service: own.principal("keyval-command/db1"), armor: armor)
    }
    try ticket(drone)
    #expect(heard.count > 0 && !heard.contains(secret))
    // Without the armor it would be there to be read.
    try ticket(nil)
    #expect(heard.contains(secret))
  }

  @Test("a certificate with another key is refused: the request is not signed by it")
  func otherKey() throws {
    let commander = try fixture.appoint(term: 1_735)
    let error = expectRefusal(.certificateRefused) {
      try OfficeTicket.obtain(
        office: fixture.officePrincipal(1_735), certificatePEM: commander.ticketCertificatePEM,
        keyPEM: P256PrivateKey.generate().pemBytes, service: command.principal, armor: nil)
    }
    #expect(error?.code == KerberosErrorCode.kerberos(64))
  }

  @Test(
    "another CA's certificate is refused by this side first, and by the KDC where this side is talked round")
  func otherAuthority() throws {
    _ = try fixture.appoint(term: 1_740)
    let now = Int64(time(nil))
    let other = try CertificateAuthority.create(
      name: "Keyval election CA", realm: fixture.realmName, notBefore: now - 3_600, notAfter: now + 7_200)
    let forged = try fixture.certify(term: 1_740, by: other)
    expectRefusal(.certificateUnusable, saying: "own certificate") { try ticket(1_740, forged) }

    let both = fixture.path(uniqueName("anchors"))
    let file = try #require(fopen(both, "w"))
    fputs(try other.certificatePEM + fixture.certificateAuthority().certificatePEM, file)
    fclose(file)
    let error = expectRefusal(.certificateRefused, saying: "Can't verify certificate") {
      try ticket(1_740, forged, anchors: both)
    }
    #expect(error?.code == KerberosErrorCode.kerberos(70))
  }

  @Test("an expired certificate is refused by this side first")
  func expiredHere() throws {
    _ = try fixture.appoint(term: 1_750)
    expectRefusal(.certificateUnusable, saying: "expired") {
      try ticket(1_750, fixture.certify(term: 1_750, from: -100, until: -50))
    }
  }

  /// Both sides look at the same clock here, so the signed request is held back until it is too late.
  @Test("a certificate that expires on the way is refused by the KDC itself")
  func expiredAtKDC() throws {
    let own = try KerberosFixture()
    _ = try own.addDatabase("db1")
    _ = try own.appoint(term: 1)
    let commander = try own.certify(term: 1, until: 3)
    let notAfter = time(nil) + 3
    let relay = try SlowRelay(to: own.realm.ports.kdc) { size in
      if size > 1_000 { while time(nil) <= notAfter { usleep(10_000) } }
    }
    try relay.insert(into: own.realm.layout.clientConfiguration, for: own.realm.ports.kdc)
    let error = expectRefusal(.certificateRefused, saying: "Invalid certificate") {
      try OfficeTicket.obtain(
        office: own.officePrincipal(1), certificatePEM: commander.ticketCertificatePEM,
        keyPEM: commander.key.pemBytes,
        service: own.principal("keyval-command/db1"), armor: nil)
    }
    #expect(error?.code == KerberosErrorCode.kerberos(71))
  }

  @Test(
    "a certificate of the CA is worth nothing where the never-matching rule stands: at everybody but offices")
  func neverMatching() throws {
    // The CA names offices only, so the rule is put on one to see that it is obeyed …
    let commander = try fixture.appoint(term: 1_760)
    _ = try ticket(1_760, commander)
    try fixture.realm.administer(["setstr keyval-commander/1760 pkinit_cert_match \"<SUBJECT>^never$\""])
    let error = expectRefusal(.certificateRefused, saying: "Certificate mismatch") {
      try ticket(1_760, commander)
    }
    #expect(error?.code == KerberosErrorCode.kerberos(66))

    // … and then everybody else is seen to have it, made by whichever way.
    let node = fixture.principal("keyval-drone/\(uniqueName("n"))")
    try fixture.kadmin().createNode(principal: node, oneTimePassword: OneTimePassword.generate())
    try fixture.addUser(uniqueName("user"))
    let names = try fixture.realm.administer(["listprincs"]).split(separator: "\n").map(String.init)
      .filter { $0.contains("@\(fixture.realmName)") && !$0.contains(" ") }
    #expect(names.contains(node) && names.contains { $0.hasPrefix("kadmin/admin") })
    for name in names where !name.hasPrefix("keyval-commander/") {
      let strings = try fixture.realm.administer(["getstrs \(name)"])
      #expect(strings.contains("pkinit_cert_match: <SUBJECT>^never$"), "\(name)")
    }
  }

  @Test("an office is no service, and its tickets can be neither renewed nor passed on")
  func confinedOffice() throws {
    _ = try fixture.appoint(term: 1_770)
    let credential = try Pair(fixture).initiator
    #expect(throws: KerberosError.self) {
      try SecurityContext.initiate(
        credential: credential, target: fixture.officePrincipal(1_770), channelBinding: []
      ).step(token: nil)
    }
    let shown = try fixture.realm.administer(["getprinc keyval-commander/1770"])
    for words in [
      "DISALLOW_SVR", "DISALLOW_FORWARDABLE", "DISALLOW_RENEWABLE", "DISALLOW_PROXIABLE",
      "DISALLOW_POSTDATED", "REQUIRES_PRE_AUTH", "Number of keys: 0", "Maximum ticket life: 0 days 00:01:00",
    ] { #expect(shown.contains(words), "\(words)") }
  }

  @Test("everybody else sees the indicator of a commander that comes by other ways, and can refuse it")
  func indicatorElsewhere() throws {
    let commander = try fixture.appoint(term: 1_780)
    let drone = try Pair(fixture).acceptor
    let (_, accepting) = try Pair(ticket(1_780, commander, for: grantingTicket), drone).handshake()
    #expect(try accepting.properties().authenticationIndicators == ["commander"])
  }
}

/// What went over a relay.
private final class Heard: Sendable {
  private let bytes = Mutex<[UInt8]>([])
  func add(_ more: [UInt8]) { bytes.withLock { $0 += more } }
  var count: Int { bytes.withLock { $0.count } }

  func contains(_ text: String) -> Bool {
    let wanted = Array(text.utf8)
    return bytes.withLock { bytes in
      bytes.indices.contains { bytes[$0...].starts(with: wanted) }
    }
  }
}
