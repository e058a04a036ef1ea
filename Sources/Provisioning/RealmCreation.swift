import Cryptography
import Glibc
import Kerberos
import LocalTrust
import RealmTemplates

/// Makes a realm: the same steps for production, the demonstration and the tests.
public enum RealmCreation {
  private static let fiveMinutes: Int64 = 300
  private static let tenYears: Int64 = 10 * 365 * 86_400

  /// Makes a realm in a directory, which must not hold one yet. Takes a fifth of a second; no daemon runs yet.
  ///
  /// - Parameters:
  ///   - directory: absolute; made if missing. Its parents must let `owner` pass.
  ///   - owner: whose files and daemons they are; another user only when started as root.
  ///   - authorityOwner: as whom the authority will run, whose its keytab and the election CA's key are; nil: as
  ///     `owner`. A user of its own is better: nobody else then reads the key that appoints commanders.
  ///   - report: told each step before it begins.
  /// - Throws: `ProvisioningError`. What was made so far stays for inspection.
  public static func create(
    _ settings: RealmSettings, directory: String, owner: UnixUser = .current,
    authorityOwner: UnixUser? = nil, report: (String) -> Void = { _ in }
  ) throws(ProvisioningError) -> Realm {
    try settings.validate()
    try Programs.requireAll()
    let layout = RealmLayout(directory: directory)
    let authorityOwner = authorityOwner ?? owner
    for user in [owner, authorityOwner] where user.isOther && geteuid() != 0 {
      throw ProvisioningError(
        .input, "Only root can make a realm for another user, such as user \(user.uid).")
    }
    try makeDirectories(layout, owner, authorityOwner)
    let ports: RealmPorts
    if let fixed = settings.ports { ports = fixed } else { ports = try RealmPorts.free() }
    let realm = Realm(settings: settings, ports: ports, layout: layout, owner: owner)

    report("certificates: the election CA, and the KDC's by it; the key that signs membership lists")
    try makeCertificates(realm, authorityOwner)
    // A key of its own: the election CA's signs nothing but offices.
    try makeMembershipKey(of: realm, authorityOwner: authorityOwner)
    report("configuration of KDC, kadmind and clients")
    try RealmConfiguration(settings: settings, ports: ports, layout: layout).write(owner: owner)
    report("the KDC's database, under a random master key")
    try makeDatabase(realm)
    report("principals: the authority, and no certificate for anybody but offices")
    try makePrincipals(realm, authorityOwner)
    return realm
  }

  private static func makeDirectories(
    _ layout: RealmLayout, _ owner: UnixUser, _ authorityOwner: UnixUser
  ) throws(ProvisioningError) {
    guard layout.directory.hasPrefix("/") else {
      throw ProvisioningError(.input, "“\(layout.directory)” is not absolute: a realm's directory must be.")
    }
    // Paths stand in configuration files and command lines that have no way to quote all characters.
    guard layout.directory.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || "/._-+".contains($0)) })
    else {
      throw ProvisioningError(
        .input, "“\(layout.directory)” cannot hold a realm: use letters, digits, and ._-+ in its name.")
    }
    guard access(layout.settings, F_OK) != 0 else {
      throw ProvisioningError(.input, "\(layout.directory) holds a realm already: choose another directory.")
    }
    // Before anything is made or opened up there.
    try requireTrusted(TrustedPath.folder(of: layout.directory), .passable)
    // What everybody believes is ours: neither the daemons nor the authority can put something else in its place.
    try RealmFile.makeDirectory(layout.directory, mode: 0o755, owner: .current)
    try requireTrusted(layout.directory, .kept)
    try RealmFile.makeDirectory(layout.kdcDirectory, mode: 0o700, owner: owner)
    try RealmFile.makeDirectory(layout.authorityDirectory, mode: 0o700, owner: authorityOwner)
    try requireReach(layout.kdcDirectory, owner, "the realm's daemons run")
    try requireReach(layout.authorityDirectory, authorityOwner, "the authority runs")
  }

  private static func requireTrusted(
    _ directory: String, _ rule: TrustedPath.FolderRule
  ) throws(ProvisioningError) {
    do throws(TrustError) {
      try TrustedPath.checkFolder(directory, rule)
    } catch {
      throw ProvisioningError(error)
    }
  }

  private static func requireReach(
    _ directory: String, _ user: UnixUser, _ role: String
  ) throws(ProvisioningError) {
    guard user.isOther else { return }
    let test = try Programs.find("test", package: "coreutils")
    let outcome = try ProgramRun.run([test, "-x", directory], environment: [:], user: user)
    guard outcome.status == 0 else {
      throw ProvisioningError(
        .input,
        "User \(user.uid), as whom \(role), cannot reach \(directory): "
          + "choose a directory whose parents everybody may pass (chmod o+x).")
    }
  }

  private static func makeCertificates(
    _ realm: Realm, _ authorityOwner: UnixUser
  ) throws(ProvisioningError) {
    let now = Int64(time(nil))
    let (start, end) = (now - fiveMinutes, now + tenYears)
    let authority: CertificateAuthority
    let kdc: (certificatePEM: String, keyPEM: String)
    do throws(CryptographyError) {
      authority = try CertificateAuthority.create(
        name: "Keyval election CA", realm: realm.name, notBefore: start, notAfter: end)
      kdc = try authority.issueKDCCertificate(realm: realm.name, notBefore: start, notAfter: end)
    } catch {
      throw ProvisioningError(.program, "The realm's certificates cannot be made: \(error)")
    }
    let files: [(String, String, UInt32, UnixUser)] = [
      (authority.certificatePEM, realm.layout.anchors, 0o644, .current),
      (authority.keyPEM, realm.layout.electionCAKey, 0o600, authorityOwner),
      (kdc.certificatePEM, realm.layout.kdcCertificate, 0o600, realm.owner),
      (kdc.keyPEM, realm.layout.kdcKey, 0o600, realm.owner),
    ]
    for (text, path, mode, owner) in files {
      try RealmFile.write(text, to: path, mode: mode, owner: owner)
    }
  }

  /// Gives a realm that was made before there was one the key that signs membership lists.
  /// - Parameter authorityOwner: as whom the authority runs.
  public static func makeMembershipKey(
    of realm: Realm, authorityOwner: UnixUser
  ) throws(ProvisioningError) {
    guard access(realm.layout.membershipKey, F_OK) != 0 else { return }
    let key: P256PrivateKey
    do throws(CryptographyError) {
      key = try P256PrivateKey.generate()
    } catch {
      throw ProvisioningError(.program, "The membership key cannot be made: \(error)")
    }
    try RealmFile.write(
      key.publicKey.pem, to: realm.layout.membershipPublicKey, mode: 0o644, owner: .current)
    try RealmFile.write(key.pem, to: realm.layout.membershipKey, mode: 0o600, owner: authorityOwner)
  }

  /// Brings a realm that an earlier version made up to what this one needs of its KDC: `kdc.conf`, `kadm5.acl` and the
  /// policies. For a realm whose files nobody else changes, and whose daemons are started afterwards.
  public static func renewRules(of realm: Realm) throws(ProvisioningError) {
    try RealmConfiguration(settings: realm.settings, ports: realm.ports, layout: realm.layout)
      .writeRules(owner: realm.owner)
    try realm.addPolicies()
  }

  /// Has the files of a realm that was moved or copied name the directory that it is in now. What else stands in them,
  /// also by an operator's hand, stays. For a realm whose daemons do not run.
  public static func renewPlaces(of realm: Realm) throws(ProvisioningError) {
    try RealmConfiguration(settings: realm.settings, ports: realm.ports, layout: realm.layout)
      .renewPlaces(owner: realm.owner)
  }

  private static func makeDatabase(_ realm: Realm) throws(ProvisioningError) {
    // Nobody will ever type it: the stash holds the key. Twice, as the program asks.
    let master = OneTimePassword.generate()
    let outcome = try ProgramRun.run(
      [try Programs.databaseUtility(), "-r", realm.name, "create", "-s"],
      environment: realm.layout.serverEnvironment, user: realm.owner, input: "\(master)\n\(master)\n")
    guard outcome.status == 0 else {
      throw ProvisioningError(.program, "kdb5_util create failed: \(outcome.output)")
    }
  }

  private static func makePrincipals(_ realm: Realm, _ authorityOwner: UnixUser) throws(ProvisioningError) {
    // The realm's own principals first: K/M, krbtgt, kadmin/admin, kadmin/changepw and what else there is.
    let listed = try realm.kadmin.run(["listprincs"]).split(separator: "\n")
    var commands = listed.filter { $0.hasSuffix("@\(realm.name)") && !$0.contains(" ") }.map {
      "setstr \($0) \(PrincipalList.neverMatching)"
    }
    var list = PrincipalList()
    try list.add(RealmTemplates.principals, ["AUTHORITY_NODE": realm.settings.authority]) { _ in
      .keytab(realm.layout.keytabDraft)
    }
    try realm.prepareKeytab(realm.layout.keytabDraft)
    commands += list.commands
    try realm.kadmin.run(commands)
    try realm.addPolicies()
    // kadmin.local cannot write where only the authority may; nothing stays behind of what it wrote.
    try RealmFile.move(
      realm.layout.keytabDraft, of: realm.owner, to: realm.layout.authorityKeytab, owner: authorityOwner)
  }
}
