import Glibc
import Kerberos
import KerberosFixture
import Testing

@Suite("Credentials")
struct CredentialTests {
  let fixture: KerberosFixture
  init() throws { fixture = try sharedFixture() }

  @Test("no cache and an empty cache are both “no ticket”, with the line to type")
  func noTicket() throws {
    expectRefusal(.noTicket, saying: "kinit", "/nonexistent/cache") {
      try InitiatorCredential.fromCache(name: "FILE:/nonexistent/cache")
    }
    let empty = fixture.path(uniqueName("empty"))
    try #require(fopen(empty, "w").map { fclose($0) } == 0)
    #expect(throws: KerberosError.self) { try InitiatorCredential.fromCache(name: "FILE:\(empty)") }
  }

  @Test("an expired ticket is told from none, and names its owner")
  func expiredTicket() throws {
    let user = uniqueName("user")
    try fixture.addUser(user)
    let cache = try fixture.cache(of: user, lifetime: 2)
    let credential = try InitiatorCredential.fromCache(name: cache)
    let acceptor = try Pair(fixture).acceptor
    let isOver = try eventually {
      do {
        _ = try InitiatorCredential.fromCache(name: cache)
        return false
      } catch let error as KerberosError {
        return error.reason == .ticketExpired && "\(error)".contains("kinit \(user)@")
      }
    }
    #expect(isOver)
    // The credential made while the ticket was good does not help either.
    expectRefusal(.ticketExpired) { try Pair(credential, acceptor).request() }
  }

  @Test("a cache that has become somebody else's is not used under the old name")
  func changedCache() throws {
    let (first, second) = (uniqueName("user"), uniqueName("user"))
    for user in [first, second] { try fixture.addUser(user) }
    let cache = try fixture.cache(of: first)
    let credential = try InitiatorCredential.fromCache(name: cache)
    let other = try fixture.cache(of: second)
    #expect(rename(String(other.dropFirst(5)), String(cache.dropFirst(5))) == 0)
    let acceptor = try Pair(fixture).acceptor
    let error = expectRefusal(.otherPrincipal, saying: first, second, "kinit") {
      try Pair(credential, acceptor).request()
    }
    #expect(
      error?.change?.first == fixture.principal(first) && error?.change?.now == fixture.principal(second))
    // The first one's again: it goes on.
    let again = try fixture.cache(of: first)
    #expect(rename(String(again.dropFirst(5)), String(cache.dropFirst(5))) == 0)
    _ = try Pair(credential, acceptor).handshake()
  }

  @Test("a node whose keytab has become another node's dials as neither")
  func changedKeytab() throws {
    let (first, second) = (uniqueName("d"), uniqueName("d"))
    let keytab = try fixture.addDrone(first)
    let credential = try InitiatorCredential.fromKeytab(
      keytab: keytab, principal: fixture.principal("keyval-drone/\(first)"))
    let acceptor = try Pair(fixture).acceptor
    let kept = "\(keytab).kept"
    let others = try fixture.addDrone(second)
    #expect(rename(keytab, kept) == 0 && rename(others, keytab) == 0)
    expectRefusal(.unusableFile, saying: first, second, keytab) { try Pair(credential, acceptor).request() }
    #expect(rename(kept, keytab) == 0)
    let (_, accepting) = try Pair(credential, acceptor).handshake()
    #expect(try accepting.properties().peer == fixture.principal("keyval-drone/\(first)"))
  }

  @Test("a service that nobody knows and a realm that nobody knows are told apart")
  func unknownServices() throws {
    let credential = try Pair(fixture).initiator
    func dial(_ target: String) throws {
      _ = try SecurityContext.initiate(credential: credential, target: target, channelBinding: [])
        .step(token: nil)
    }
    let nobody = fixture.principal("keyval-drone/nobody")
    expectRefusal(.serviceUnknown, saying: nobody) { try dial(nobody) }
    expectRefusal(.wrongRealm, saying: "NOWHERE.TEST") { try dial("keyval-drone/d1@NOWHERE.TEST") }
    expectRefusal(.badArgument) { try dial("a@b@c") }
  }

  @Test("after a service's key has changed, the old ticket is refused and a new one works")
  func changedKey() throws {
    let service = "keyval-drone/\(uniqueName("d"))"
    let keytab = try fixture.addService(service)
    let drone = uniqueName("d")
    let initiator = try InitiatorCredential.fromKeytab(
      keytab: fixture.addDrone(drone), principal: fixture.principal("keyval-drone/\(drone)"))
    let old = Pair(initiator, try fixture.acceptor(service, keytab: keytab))
    _ = try old.handshake()

    let renewed = fixture.path("\(uniqueName("renewed")).keytab")
    try fixture.realm.administer(["ktadd -k \(renewed) \(service)"])
    #expect(chmod(renewed, 0o600) == 0)
    let pair = Pair(initiator, try fixture.acceptor(service, keytab: renewed))
    let (_, stale) = try pair.request()
    let error = expectRefusal(.wrongKeyVersion, saying: service, "kvno 1") { try pair.accept(stale) }
    #expect(error.map { "\($0)".contains("out of date") } == true)
    initiator.forgetTickets()
    _ = try pair.handshake()
  }

  @Test("the KDC's absence is named as such, and does not last longer than itself")
  func absentKDC() throws {
    let own = try KerberosFixture()
    let keytab = try own.addDrone("d1")
    let principal = own.principal("keyval-drone/d1")
    let initiator = try InitiatorCredential.fromKeytab(keytab: keytab, principal: principal)
    let acceptor = try own.acceptor("keyval-drone/d1", keytab: keytab)
    _ = try Pair(initiator, acceptor).handshake()
    own.stopDaemons()
    _ = try Pair(initiator, acceptor).handshake()  // tickets in hand go on
    initiator.forgetTickets()
    expectRefusal(.kdcUnreachable, saying: own.realmName) { try initiator.prepare() }
    expectRefusal(.kdcUnreachable, saying: own.realmName) { try own.kadmin().listOffices() }
    try own.restartDaemons()
    _ = try Pair(initiator, acceptor).handshake()
  }

  @Test(
    "a clock that is an hour off, either way, is told as one, with the difference, and gives no ticket",
    arguments: [3_600, -3_600])
  func clockDifference(offset: Int) throws {
    let other = try KerberosFixture(clockOffset: offset)
    let keytab = try other.addDrone("d1")
    let principal = other.principal("keyval-drone/d1")
    let credential = try InitiatorCredential.fromKeytab(keytab: keytab, principal: principal)
    let way = offset > 0 ? "ahead of this machine's" : "behind this machine's"
    let error = expectRefusal(.clockSkew, saying: principal, way, "NTP") { try credential.prepare() }
    #expect(error.map { "\($0)".contains(/\ (3599|3600|3601) s (ahead|behind)/) } == true)
    #expect(credential.expiry == nil)
  }

  @Test("people of a trusted realm come in under their own realm's name; without the trust they do not")
  func crossRealm() throws {
    let (home, abroad) = (try sharedFixture(), try KerberosFixture())
    try abroad.addUser("berta")
    let acceptor = try Pair(home).acceptor
    let berta = try InitiatorCredential.fromCache(name: abroad.cache(of: "berta"))
    expectRefusal(.wrongRealm, saying: abroad.realmName) { try Pair(berta, acceptor).request() }
    for realm in [home.realm, abroad.realm] {
      try realm.addTrust(from: abroad.realmName, to: home.realmName, secret: "the same in both realms")
    }
    let (_, accepting) = try Pair(berta, acceptor).handshake()
    #expect(try accepting.properties().peer == abroad.principal("berta"))

    // One way only: nobody of ours gets there.
    let there = try abroad.acceptor("keyval-drone/d1", keytab: abroad.addDrone("d1"))
    let ours = try Pair(home).initiator
    #expect(throws: KerberosError.self) { try Pair(ours, there).request() }
  }
}

@Suite("Keytabs")
struct KeytabTests {
  let fixture: KerberosFixture
  init() throws { fixture = try sharedFixture() }

  @Test("a keytab that others can read is refused everywhere, with the command that mends it")
  func openKeytab() throws {
    let drone = uniqueName("d")
    let keytab = try fixture.addDrone(drone)
    let name = "keyval-drone/\(drone)"
    for mode: mode_t in [0o640, 0o604, 0o660, 0o644] {
      #expect(chmod(keytab, mode) == 0)
      expectRefusal(.unusableFile, saying: keytab, "chmod 600", String(mode, radix: 8)) {
        try Keytab.checkPermissions(keytab)
      }
      expectRefusal(.unusableFile) { try fixture.acceptor(name, keytab: keytab) }
      expectRefusal(.unusableFile) {
        try InitiatorCredential.fromKeytab(keytab: keytab, principal: fixture.principal(name))
      }
      expectRefusal(.unusableFile) { try Kadmin(keytab: keytab, principal: fixture.principal(name)) }
    }
    for mode: mode_t in [0o600, 0o400] {
      #expect(chmod(keytab, mode) == 0)
      try Keytab.checkPermissions(keytab)
    }
  }

  @Test("a keytab that is opened to others while in use is refused at the next ticket")
  func openedLater() throws {
    let drone = uniqueName("d")
    let keytab = try fixture.addDrone(drone)
    let credential = try InitiatorCredential.fromKeytab(
      keytab: keytab, principal: fixture.principal("keyval-drone/\(drone)"))
    try credential.prepare()
    #expect(chmod(keytab, 0o644) == 0)
    credential.forgetTickets()
    expectRefusal(.unusableFile) { try credential.prepare() }
  }

  @Test("a missing keytab, a link, another principal's and another user's are refused by name")
  func unusable() throws {
    let drone = uniqueName("d")
    let keytab = try fixture.addDrone(drone)
    expectRefusal(.unusableFile, saying: "/nonexistent.keytab") {
      try Keytab.checkPermissions("/nonexistent.keytab")
    }
    let link = fixture.path(uniqueName("link"))
    #expect(symlink(keytab, link) == 0)
    expectRefusal(.unusableFile, saying: link) { try Keytab.checkPermissions(link) }
    let other = fixture.principal("keyval-drone/other")
    expectRefusal(.unusableFile, saying: other, "keyval-drone/\(drone)") {
      try fixture.acceptor("keyval-drone/other", keytab: keytab)
    }
    guard geteuid() == 0 else { return }
    #expect(chown(keytab, 65_534, 65_534) == 0)
    expectRefusal(.unusableFile, saying: "65534", "setpriv --reuid=65534") {
      try Keytab.checkPermissions(keytab)
    }
  }

  @Test("tickets that others can read, or can have put there, are refused: what we write would be theirs")
  func openCache() throws {
    let user = uniqueName("u")
    try fixture.addUser(user)
    let cache = try fixture.cache(of: user)
    let path = String(cache.dropFirst("FILE:".count))
    #expect(cache.hasPrefix("FILE:/"))
    _ = try InitiatorCredential.fromCache(name: cache)
    chmod(path, 0o644)
    expectRefusal(.unusableFile, saying: path, "chmod 600") { try InitiatorCredential.fromCache(name: cache) }
    chmod(path, 0o600)
    let folder = fixture.path(uniqueName("open"))
    #expect(mkdir(folder, 0o700) == 0 && rename(path, "\(folder)/cache") == 0)
    _ = try InitiatorCredential.fromCache(name: "\(folder)/cache")
    chmod(folder, 0o777)
    expectRefusal(.unusableFile, saying: folder, "kinit -c FILE:") {
      try InitiatorCredential.fromCache(name: "\(folder)/cache")
    }
    guard geteuid() == 0 else { return }
    chmod(folder, 0o700)
    #expect(chown("\(folder)/cache", 65_534, 65_534) == 0)
    expectRefusal(.unusableFile, saying: "belongs to user 65534") {
      try InitiatorCredential.fromCache(name: "\(folder)/cache")
    }
  }

  @Test("a file that is no keytab is refused")
  func damaged() throws {
    let path = fixture.path(uniqueName("damaged"))
    let file = try #require(fopen(path, "w"))
    fputs("this is no keytab", file)
    fclose(file)
    #expect(chmod(path, 0o600) == 0)
    expectRefusal(.unusableFile) { try Keytab.entries(path) }
  }
}
