import CKerberos
import Glibc

/// How a node comes by its own key, and changes it.
public enum Enrollment {
  /// Turns a one-time password into a random key in a keytab that only this process's user may read.
  ///
  /// Asks the realm's admin server, as a principal that changes its own key. The password is worth nothing
  /// afterwards. Everything that can be checked beforehand (directory, permissions, an existing keytab) is
  /// checked before the key is changed; the keytab appears whole or not at all. Keys of other principals in an
  /// existing keytab stay.
  ///
  /// - Throws: `KerberosError`: `preauthenticationFailed` for a wrong or used password, `clientExpired` when
  ///   its ten minutes are over, `unusableFile` for the keytab.
  public static func complete(
    principal: String, password: String, keytabPath: String
  ) throws(KerberosError) {
    let principal = try canonicalPrincipalName(principal)
    try replaceKey(
      of: principal, by: .password(password), in: keytabPath, keepOld: false,
      Circumstances("Enrolling \(principal)", client: principal, service: "kadmin/changepw"))
  }

  /// Gives a node that has a key a further one, newest last; the old one stays for running sessions and
  /// tickets.
  public static func rotate(principal: String, keytabPath: String) throws(KerberosError) {
    let principal = try canonicalPrincipalName(principal)
    try Keytab.checkPermissions(keytabPath)
    try replaceKey(
      of: principal, by: .keytab(keytabPath), in: keytabPath, keepOld: true,
      Circumstances(
        "Changing the key of \(principal)", client: principal, service: "kadmin/changepw", file: keytabPath))
  }

  private static func replaceKey(
    of principal: String, by secret: KadminSession.Secret, in path: String, keepOld: Bool,
    _ circumstances: Circumstances
  ) throws(KerberosError) {
    let draft = try KeytabDraft(path)
    try KadminSession.run(
      as: principal, by: secret, service: "kadmin/changepw", circumstances
    ) { session throws(KerberosError) in
      try session.randomizeKey(of: principal, keepOld: keepOld) { keys, version throws(KerberosError) in
        for index in keys.indices {
          try draft.add(principal, version: version, key: keys[index], in: session.context)
        }
      }
    }
    try draft.commit()
  }
}
