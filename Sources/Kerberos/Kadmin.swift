import CKerberos
import Glibc

/// What the authority does at kadmind: offices and nodes. Each call opens a connection of its own and blocks
/// for about 10 ms; calls from several threads wait for one another.
public final class Kadmin: Sendable {
  /// The administering principal, with its realm.
  public let principal: String
  private let keytab: String
  private let realm: String

  /// The type of the tagged data in which an office principal bears its key's fingerprint ("KV"). Types from
  /// 256 up are free for applications.
  static let fingerprintType: Int16 = 0x4b56

  /// - Throws: `KerberosError` when the keytab is open to others, unreadable, or lacks the principal's key.
  public init(keytab: String, principal: String) throws(KerberosError) {
    try Keytab.checkPermissions(keytab)
    let context = try KerberosContext()
    let name = try PrincipalName(principal, in: context)
    self.principal = name.text
    realm = name.realm
    try Keytab.requireKey(of: self.principal, in: keytab)
    self.keytab = keytab
  }

  public enum OfficeCreation: Sendable, Hashable {
    /// The office principal was made by this call.
    case created
    /// It was there already, with this very fingerprint: an earlier, perhaps interrupted, call made it.
    case existed
  }

  /// The office principal of a term: `keyval-commander/TERM@REALM`.
  public func officePrincipal(term: UInt64) -> String { "keyval-commander/\(term)@\(realm)" }

  /// Creates the keyless principal of an office, for one key only: a compare-and-set at the KDC's database.
  ///
  /// The election CA's key alone does not open it: the KDC takes a certificate only if its subject ends with a secret
  /// that is drawn here and kept at the KDC (`officeSecret`). The principal gets no ticket before it has that rule.
  ///
  /// - Parameter keyFingerprint: SHA-256 of the election key's SubjectPublicKeyInfo, 32 bytes.
  /// - Throws: `KerberosError`, reason `burnt` when the principal exists and bears another fingerprint or none:
  ///   this term can then never be certified.
  @discardableResult
  public func createOffice(
    term: UInt64, keyFingerprint: [UInt8]
  ) throws(KerberosError) -> OfficeCreation {
    guard keyFingerprint.count == 32 else {
      throw KerberosError(.badArgument, "A key's fingerprint has 32 bytes, not \(keyFingerprint.count).")
    }
    let office = officePrincipal(term: term)
    return try run("Creating the office \(office)", on: office) { session throws(KerberosError) in
      var tagged = keyFingerprint
      do throws(KerberosError) {
        try tagged.withUnsafeMutableBufferPointer { bytes throws(KerberosError) in
          try session.createKeyless(office, tagged: bytes)
        }
      } catch  where error.reason == .alreadyExists {
        let borne = try session.taggedData(of: office)
        guard borne == keyFingerprint else { throw Self.burnt(office, bears: borne != nil) }
        // Whoever made it may have been interrupted.
        if try session.string(of: office, Self.rule).flatMap(OfficeRule.secret(of:)) == nil {
          try session.setString(of: office, Self.rule, OfficeRule.draw())
        }
        try session.openOffice(office)
        return .existed
      }
      try session.setString(of: office, Self.rule, OfficeRule.draw())
      try session.openOffice(office)
      return .created
    }
  }

  /// The name of the string that says which certificates a principal may log in with.
  private static let rule = "pkinit_cert_match"

  /// What the KDC requires at the end of the subject of a certificate for a term's office. Nobody but the office's holder
  /// is told.
  /// - Throws: `KerberosError`, reason `clientUnknown` when there is no such office or its rule is another's.
  public func officeSecret(term: UInt64) throws(KerberosError) -> [UInt8] {
    let office = officePrincipal(term: term)
    let rule = try run("Reading the rule of \(office)", on: office) { session throws(KerberosError) in
      try session.string(of: office, Self.rule)
    }
    guard let secret = rule.flatMap(OfficeRule.secret(of:)) else {
      throw KerberosError(.clientUnknown, "\(office) has no rule that a certificate could fit.")
    }
    return secret
  }

  private static func burnt(_ office: String, bears: Bool) -> KerberosError {
    KerberosError(
      .burnt, code: krb5_error_code(truncatingIfNeeded: Int(KADM5_DUP)),
      "\(office) exists already and bears \(bears ? "another key's" : "no") fingerprint: this term is burnt. "
        + "Hold a ballot for a higher term.")
  }

  /// Deletes the office principal of a term; one that does not exist is deleted already.
  public func deleteOffice(term: UInt64) throws(KerberosError) {
    let office = officePrincipal(term: term)
    try run("Deleting the office \(office)", on: office) { session throws(KerberosError) in
      do throws(KerberosError) {
        try session.delete(office)
      } catch  where error.code == krb5_error_code(truncatingIfNeeded: Int(KADM5_UNK_PRINC)) {}
    }
  }

  /// The terms whose office principals exist, ascending. Names that are no canonical term are left out.
  public func listOffices() throws(KerberosError) -> [UInt64] {
    let offices = "keyval-commander/*@\(realm)"
    return try run("Listing the offices", on: offices) { session throws(KerberosError) in
      try session.principals(matching: offices)
    }.compactMap(term(of:)).sorted()
  }

  private func term(of principal: String) -> UInt64? {
    let prefix = "keyval-commander/"
    guard principal.hasPrefix(prefix), principal.hasSuffix("@\(realm)") else { return nil }
    let digits = principal.dropFirst(prefix.count).dropLast(realm.count + 1)
    guard let term = UInt64(digits), String(term) == digits else { return nil }
    return term
  }

  /// The fingerprint that a term's office bears; nil when it bears none.
  /// - Throws: `KerberosError`, reason `clientUnknown` when there is no such office.
  public func officeFingerprint(term: UInt64) throws(KerberosError) -> [UInt8]? {
    let office = officePrincipal(term: term)
    return try run("Reading the office \(office)", on: office) { session throws(KerberosError) in
      try session.taggedData(of: office)
    }
  }

  /// Creates a node's principal with a password that is good for one thing: making the node's own key.
  ///
  /// The password gets no ticket (`+needchange`), and the principal can never log in by a certificate.
  /// - Parameters:
  ///   - oneTimePassword: machine-made, 128 bits or more.
  ///   - expiresIn: seconds until the principal expires if nobody enrolls and clears the expiry.
  /// - Throws: `KerberosError`, reason `alreadyExists` or `notPermitted` among others.
  public func createNode(
    principal node: String, oneTimePassword: String, expiresIn: Int64 = 600
  ) throws(KerberosError) {
    let node = try canonicalPrincipalName(node)
    try run("Creating \(node)", on: node) { session throws(KerberosError) in
      // Locked until no certificate can stand for it: the two steps are not one.
      let attributes = KRB5_KDB_REQUIRES_PRE_AUTH | KRB5_KDB_REQUIRES_PWCHANGE
      try session.create(
        node, password: oneTimePassword, attributes: attributes | KRB5_KDB_DISALLOW_ALL_TIX,
        expiry: Int64(time(nil)) + expiresIn)
      try session.setString(of: node, Self.rule, "<SUBJECT>^never$")
      try session.modify(node, attributes: attributes)
    }
  }

  /// Clears the expiry of a node's principal, once the node has shown that it holds its own key. Harmless to
  /// repeat.
  public func clearExpiry(principal node: String) throws(KerberosError) {
    let node = try canonicalPrincipalName(node)
    try run("Clearing the expiry of \(node)", on: node) { session throws(KerberosError) in
      try session.modify(node, expiry: 0)
    }
  }

  private func run<R: Sendable>(
    _ action: String, on target: String,
    _ body: (borrowing KadminSession) throws(KerberosError) -> R
  ) throws(KerberosError) -> R {
    try Keytab.checkPermissions(keytab)
    return try KadminSession.run(
      as: principal, by: .keytab(keytab), service: "kadmin/admin",
      Circumstances(action, client: principal, service: target, file: keytab), body)
  }
}
