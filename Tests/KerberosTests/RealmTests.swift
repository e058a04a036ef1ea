import Cryptography
import Foundation
import Glibc
import Kerberos
import KerberosFixture
import LocalTrust
import RealmTemplates
import Testing

@testable import Provisioning

@Suite("Making a realm")
struct RealmTests {
  private func scratch() throws -> String {
    try "\(sharedFixture().directory)/\(uniqueName("realm"))"
  }

  private func mode(_ path: String) -> UInt32 {
    var status = stat()
    return stat(path, &status) == 0 ? status.st_mode & 0o7777 : 0
  }

  @Test("keys, keytabs, stash and database are their owner's only; what clients need is everybody's")
  func permissions() throws {
    let realm = try RealmCreation.create(RealmSettings(realm: "MODES.TEST"), directory: scratch())
    for directory in [realm.layout.kdcDirectory, realm.layout.authorityDirectory] {
      #expect(mode(directory) == 0o700)
    }
    for file in ["stash", "principal", "kdc.key", "kdc.conf", "kadm5.acl"] {
      #expect(mode("\(realm.layout.kdcDirectory)/\(file)") == 0o600, "\(file)")
    }
    #expect(mode(realm.layout.electionCAKey) == 0o600)
    #expect(mode(realm.layout.authorityKeytab) == 0o600)
    #expect(mode(realm.layout.clientConfiguration) == 0o644)
    #expect(mode(realm.layout.anchors) == 0o644)
    #expect(mode(realm.layout.membershipKey) == 0o600)
    #expect(mode(realm.layout.membershipPublicKey) == 0o644)
    let key = try P256PrivateKey(pem: String(contentsOfFile: realm.layout.membershipKey, encoding: .utf8))
    let text = try String(contentsOfFile: realm.layout.membershipPublicKey, encoding: .utf8)
    #expect(try P256PublicKey(pem: text) == key.publicKey)
    try Keytab.checkPermissions(realm.layout.authorityKeytab)
  }

  @Test("a realm is found again by its directory, as it was made")
  func reopen() throws {
    let made = try RealmCreation.create(
      RealmSettings(realm: "AGAIN.TEST", authority: "a7", clockSkew: 17), directory: scratch())
    let found = try Realm.open(directory: made.layout.directory)
    #expect(found.settings == made.settings && found.ports == made.ports)
    #expect(found.authorityPrincipal == "keyval-authority/a7@AGAIN.TEST")
    #expect(throws: ProvisioningError.self) { try Realm.open(directory: "/nonexistent") }
  }

  @Test("a realm of an earlier version gets the rules and policies of this one, and keeps everything else")
  func renewed() throws {
    let realm = try RealmCreation.create(RealmSettings(realm: "OLDER.TEST"), directory: scratch())
    let layout = realm.layout
    let files = [layout.kdcProfile, layout.administrationList]
    let fresh = try files.map { try #require(text($0)) }
    let clients = try #require(text(layout.clientConfiguration))
    try write(fresh[1].replacing("  admi  ", with: "  adi  "), to: layout.administrationList)
    try realm.administer(["delpol -force people"])
    try RealmCreation.renewRules(of: realm)
    #expect(files.compactMap(text) == fresh)
    #expect(text(layout.clientConfiguration) == clients)
    for file in files { #expect(mode(file) == 0o600) }
    #expect(try realm.administer(["listpols"]).contains("people"))
  }

  @Test("a directory that holds a realm is left alone")
  func twice() throws {
    let directory = try scratch()
    _ = try RealmCreation.create(RealmSettings(realm: "TWICE.TEST"), directory: directory)
    #expect(throws: ProvisioningError.self) {
      try RealmCreation.create(RealmSettings(realm: "TWICE.TEST"), directory: directory)
    }
  }

  @Test(
    "names that would mean something else in a configuration or a command are refused",
    arguments: ["", "a b", "a\nb", "X;Y", "-X", "{", "a\"b"])
  func badNames(name: String) throws {
    let directory = try scratch()
    #expect(throws: ProvisioningError.self) {
      try RealmCreation.create(RealmSettings(realm: name), directory: directory)
    }
    #expect(access(directory, F_OK) != 0)
    let fixture = try sharedFixture()
    #expect(throws: ProvisioningError.self) { try fixture.realm.addUser(name: name, password: "x") }
    #expect(throws: ProvisioningError.self) {
      try fixture.realm.addDrone(node: name, keytab: fixture.path("x.keytab"))
    }
  }

  @Test("people get no names of nodes")
  func reservedNames() throws {
    let realm = try sharedFixture().realm
    for name in ["keyval-drone/d1", "keyval-commander/1", "krbtgt/X", "kadmin/admin"] {
      #expect(throws: ProvisioningError.self) { try realm.addUser(name: name, password: "x") }
    }
  }

  @Test("passwords with quotation marks, spaces and other letters work; control characters are refused")
  func passwords() throws {
    let fixture = try sharedFixture()
    for password in ["two words", "a\"quoted\"one", "Füße & co", "$HOME `id` \\n"] {
      let user = uniqueName("user")
      try fixture.realm.addUser(name: user, password: password)
      let cache = fixture.path(uniqueName("cache"))
      try fixture.realm.kinit(principal: fixture.principal(user), password: password, cache: cache)
      #expect(throws: ProvisioningError.self) {
        try fixture.realm.kinit(principal: fixture.principal(user), password: password + "x", cache: cache)
      }
    }
    #expect(throws: ProvisioningError.self) {
      try fixture.realm.addUser(name: uniqueName("user"), password: "a\nb")
    }
  }

  @Test("who guesses a person's password is locked out with it after five tries; a node cannot be locked out")
  func lockout() throws {
    let fixture = try sharedFixture()
    let user = uniqueName("user")
    let password = try fixture.addUser(user)
    func kinit(_ word: String) throws {
      try fixture.realm.kinit(
        principal: fixture.principal(user), password: word, cache: fixture.path(uniqueName("cache")))
    }
    try kinit(password)
    for _ in 0..<4 { #expect(throws: ProvisioningError.self) { try kinit("wrong") } }
    try kinit(password)  // forgets the four
    for _ in 0..<5 { #expect(throws: ProvisioningError.self) { try kinit("wrong") } }
    let error = #expect(throws: ProvisioningError.self) { try kinit(password) }
    #expect(error.map { "\($0)" }?.contains("revoked") == true)
    try fixture.realm.administer(["modprinc -unlock \(user)"])
    try kinit(password)

    // A node: its old key is a wrong one, as often as one likes.
    let drone = uniqueName("d")
    let (keytab, name) = (try fixture.addDrone(drone), "keyval-drone/\(drone)")
    let newer = "\(keytab).newer"
    try fixture.realm.administer(["ktadd -k \(newer) \(name)"])
    #expect(chmod(newer, 0o600) == 0)
    let principal = fixture.principal(name)
    for _ in 0..<8 {
      expectRefusal(.preauthenticationFailed) {
        let old = try InitiatorCredential.fromKeytab(keytab: keytab, principal: principal)
        try old.prepare()
      }
    }
    try InitiatorCredential.fromKeytab(keytab: newer, principal: principal).prepare()
    #expect(try fixture.realm.administer(["getprinc \(name)"]).contains("Policy: [none]"))
    #expect(try fixture.realm.administer(["getprinc \(user)"]).contains("Policy: people"))
  }

  @Test("a user who exists already is an error, and keeps the password")
  func existingUser() throws {
    let fixture = try sharedFixture()
    let user = uniqueName("user")
    try fixture.addUser(user)
    #expect(throws: ProvisioningError.self) { try fixture.realm.addUser(name: user, password: "other") }
    _ = try fixture.cache(of: user)
  }

  @Test("drawn ports that are taken are drawn anew, fixed ones are an error")
  func takenPorts() throws {
    let other = try sharedFixture().realm
    var drawn = try RealmCreation.create(RealmSettings(realm: "DRAWN.TEST"), directory: scratch())
    // As if another process had been faster with the KDC's port.
    let settings = try #require(text(drawn.layout.settings))
    let profile = try #require(text(drawn.layout.kdcProfile))
    try write(settings.replacing("\(drawn.ports.kdc)", with: "\(other.ports.kdc)"), to: drawn.layout.settings)
    try write(
      profile.replacing("\(drawn.ports.kdc)", with: "\(other.ports.kdc)"), to: drawn.layout.kdcProfile)
    drawn = try Realm.open(directory: drawn.layout.directory)
    #expect(drawn.ports.kdc == other.ports.kdc)
    let daemons = try drawn.start()
    defer { daemons.stop() }
    #expect(drawn.ports.kdc != other.ports.kdc && daemons.areRunning)

    var fixed = try RealmCreation.create(
      RealmSettings(realm: "FIXED.TEST", ports: other.ports), directory: scratch())
    #expect {
      try fixed.start()
    } throws: { error in
      (error as? ProvisioningError)?.fault == .portTaken
    }
  }

  @Test("a KDC without its certificate is not taken for a realm that can elect")
  func withoutPKINIT() throws {
    var realm = try RealmCreation.create(RealmSettings(realm: "BROKEN.TEST"), directory: scratch())
    try write("no key", to: realm.layout.kdcKey)
    #expect {
      try realm.start()
    } throws: { error in
      "\(error)".contains("PKINIT")
    }
  }

  @Test("stopping ends both daemons, and stopping again is no error")
  func stopping() throws {
    var realm = try RealmCreation.create(RealmSettings(realm: "STOP.TEST"), directory: scratch())
    let daemons = try realm.start()
    #expect(daemons.areRunning)
    for _ in 0..<2 { daemons.stop() }
    #expect(kill(daemons.kdc.pid, 0) != 0 && kill(daemons.kadmind.pid, 0) != 0)
  }

  @Test("stopping lets those alone who have got the daemons' numbers since")
  func numbersOfOthers() throws {
    let null = open("/dev/null", O_RDWR | O_CLOEXEC)
    defer { close(null) }
    let others = try (0..<2).map { _ in
      try ChildProcess.spawn(
        ["/bin/sleep", "1000"], environment: [:], user: .current, input: null, output: null)
    }
    // As whom and what is the same; it began at another moment.
    let daemons = try others.map { other in
      let now = try #require(ProcessIdentity(pid: other.pid))
      return ProcessIdentity(
        pid: now.pid, startTime: now.startTime - 1, bootIdentifier: now.bootIdentifier, user: now.user,
        program: now.program)
    }
    let stale = RealmDaemons(kdc: daemons[0], kadmind: daemons[1])
    #expect(!stale.areRunning)
    stale.stop()
    for other in others {
      #expect(ProcessIdentity(pid: other.pid) != nil, "it was sent a signal")
      kill(other.pid, SIGKILL)
      #expect(other.wait() == 128 + SIGKILL, "by this test, and by nothing before")
    }
  }

  @Test("started as root, files and daemons are an unprivileged user's", .enabled(if: geteuid() == 0))
  func unprivileged() throws {
    let nobody = UnixUser(uid: 65_534, gid: 65_534)
    var template = Array("/tmp/keyval-test-nobody.XXXXXX".utf8CString)
    #expect(mkdtemp(&template) != nil)
    let parent = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    defer { _ = try? ProgramRun.run(["/bin/rm", "-rf", parent], environment: [:], user: .current) }

    // A parent that lets nobody pass is a clear error.
    expectProvisioningError(saying: "chmod o+x") {
      try RealmCreation.create(RealmSettings(realm: "NOBODY.TEST"), directory: "\(parent)/r", owner: nobody)
    }
    #expect(chmod(parent, 0o755) == 0)
    var realm = try RealmCreation.create(
      RealmSettings(realm: "NOBODY.TEST"), directory: "\(parent)/r", owner: nobody)
    let daemons = try realm.start()
    defer { daemons.stop() }
    try realm.addUser(name: "alice", password: "secret")
    for path in [
      realm.layout.electionCAKey, realm.layout.membershipKey,
      realm.layout.authorityKeytab, "\(realm.layout.kdcDirectory)/principal",
      "\(realm.layout.kdcDirectory)/stash", "/proc/\(daemons.kdc.pid)",
      "/proc/\(daemons.kadmind.pid)",
    ] {
      var status = stat()
      #expect(stat(path, &status) == 0 && status.st_uid == 65_534, "\(path)")
    }
    // What everybody believes, the daemons cannot change.
    for path in [
      realm.layout.directory, realm.layout.anchors, realm.layout.membershipPublicKey, realm.layout.settings,
      realm.layout.clientConfiguration,
    ] {
      var status = stat()
      #expect(stat(path, &status) == 0 && status.st_uid == 0 && status.st_mode & 0o022 == 0, "\(path)")
    }
  }

  @Test(
    "started as root, the authority's files can be another user's than the daemons'",
    .enabled(if: geteuid() == 0, "only root hands files to others"))
  func authorityOwner() throws {
    var template = Array("/tmp/keyval-test-owners.XXXXXX".utf8CString)
    #expect(mkdtemp(&template) != nil)
    let parent = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    defer { _ = try? ProgramRun.run(["/bin/rm", "-rf", parent], environment: [:], user: .current) }
    #expect(chmod(parent, 0o711) == 0)
    let (daemons, authority) = (UnixUser(uid: 61_190, gid: 61_190), UnixUser(uid: 61_191, gid: 61_191))
    let realm = try RealmCreation.create(
      RealmSettings(realm: "OWNERS.TEST"), directory: "\(parent)/r", owner: daemons, authorityOwner: authority
    )
    let layout = realm.layout
    for (path, user, mode) in [
      (layout.kdcDirectory, daemons, 0o700), (layout.kdcKey, daemons, 0o600),
      ("\(layout.kdcDirectory)/principal", daemons, 0o600), (layout.authorityDirectory, authority, 0o700),
      (layout.electionCAKey, authority, 0o600), (layout.authorityKeytab, authority, 0o600),
      (layout.membershipKey, authority, 0o600), (layout.membershipPublicKey, .current, 0o644),
      (layout.anchors, .current, 0o644), (layout.directory, .current, 0o755),
    ] {
      var status = stat()
      #expect(stat(path, &status) == 0 && status.st_uid == user.uid, "\(path)")
      #expect(status.st_mode & 0o777 == mode, "\(path)")
    }
    // As an earlier version left it: refused before anything starts, with one command that mends all of it.
    let shared = [
      layout.directory, layout.settings, layout.clientConfiguration, layout.anchors,
      layout.membershipPublicKey,
    ]
    for path in shared { #expect(lchown(path, daemons.uid, daemons.gid) == 0) }
    expectProvisioningError(saying: "chown root \(shared.joined(separator: " ")) (Or") {
      try Realm.open(directory: layout.directory, owner: daemons)
    }
    for path in shared { #expect(lchown(path, 0, 0) == 0) }
    #expect(try Realm.open(directory: layout.directory, owner: daemons).settings == realm.settings)
    #expect(chmod(layout.anchors, 0o664) == 0)
    expectProvisioningError(saying: "\(layout.anchors) can be written by others (mode 664)") {
      try Realm.open(directory: layout.directory, owner: daemons)
    }
    #expect(chmod(layout.anchors, 0o644) == 0)
    #expect(try Keytab.entries(layout.authorityKeytab).map(\.principal) == [realm.authorityPrincipal])
    #expect(access("\(layout.kdcDirectory)/authority.keytab.new", F_OK) != 0)
  }

  private func expectProvisioningError<R>(saying words: String, _ body: () throws -> R) {
    #expect { try body() } throws: { ($0 as? ProvisioningError)?.description.contains(words) == true }
  }

  private func text(_ path: String) -> String? {
    guard let file = fopen(path, "r") else { return nil }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 16)
    let count = fread(&bytes, 1, bytes.count, file)
    return String(decoding: bytes[..<count], as: UTF8.self)
  }

  private func write(_ text: String, to path: String) throws {
    let file = try #require(fopen(path, "w"))
    fputs(text, file)
    fclose(file)
  }
}

@Suite("Templates")
struct TemplateTests {
  @Test("places are filled, an “@” of its own stays, and an unknown place is refused")
  func rendering() {
    #expect(RealmTemplates.render("a@B@c", ["B": "x"]) == "axc")
    #expect(RealmTemplates.render("p/*@@REALM@ z", ["REALM": "R"]) == "p/*@R z")
    #expect(RealmTemplates.render("a@b.c @", [:]) == "a@b.c @")
    #expect(RealmTemplates.render("@NOBODY@", [:]) == nil)
    #expect(RealmTemplates.render("@A@@B@", ["A": "1", "B": "2"]) == "12")
  }

  @Test("every setting of every template has its reason above it")
  func reasons() {
    for template in [
      RealmTemplates.clientConfiguration, RealmTemplates.serverConfiguration, RealmTemplates.kdcProfile,
      RealmTemplates.administrationList, RealmTemplates.principals, RealmTemplates.databasePrincipals,
    ] {
      #expect(template.hasPrefix("# "))
      #expect(template.split(separator: "\n").filter { $0.contains("#") }.count >= 4)
    }
  }
}
