import CKerberos
import Glibc
import LocalTrust

/// Keytab files: long-term keys, so nobody but their owner may read them.
public enum Keytab {
  /// One key of a keytab, without the key.
  public struct Entry: Sendable, Hashable {
    public var principal: String
    public var version: UInt32
    public var encryptionType: Int32
  }

  /// Refuses a keytab that is missing, no plain file, another user's, or open to group or others; and one on whose
  /// way somebody else than root or this user decides what is found.
  ///
  /// - Throws: `KerberosError` with reason `unusableFile`; the sentence says which command mends it.
  public static func checkPermissions(_ path: String) throws(KerberosError) {
    do throws(TrustError) {
      try TrustedPath.check(path, .secret)
    } catch {
      throw refusal(error, path)
    }
  }

  private static func refusal(_ error: TrustError, _ path: String) -> KerberosError {
    switch error.fault {
    case .readable(let mode) where error.step == path:
      KerberosError(
        .unusableFile,
        "The keytab \(path) can be read by others (mode \(String(mode, radix: 8))): whoever reads it is this node. "
          + "Type: chmod 600 \(path); if others may have read it, make a new key too.")
    case .foreignOwner(let user) where error.step == path:
      // A node that runs as another user would lose its keytab by a hasty chown.
      KerberosError(
        .unusableFile,
        "The keytab \(path) belongs to user \(user), this process is user \(geteuid()): run as its owner"
          + (geteuid() == 0 ? " (setpriv --reuid=\(user) --regid=\(user) --clear-groups COMMAND)" : "")
          + "; if the node is to run as user \(geteuid()) from now on, type: chown \(geteuid()) \(path)")
    case .unreachable(let code):
      KerberosError(
        .unusableFile, code: code,
        "The keytab \(path) \(error.problem). Name the right file, or enroll this node.")
    default:
      KerberosError(.unusableFile, "The keytab \(error)")
    }
  }

  /// The principals and key versions of a keytab, in file order.
  public static func entries(_ path: String) throws(KerberosError) -> [Entry] {
    let context = try KerberosContext()
    let circumstances = Circumstances("Reading the keytab", file: path)
    var keytab: krb5_keytab?
    try context.check(krb5_kt_resolve(context.raw, "FILE:\(path)", &keytab), circumstances)
    defer { krb5_kt_close(context.raw, keytab) }
    var cursor: krb5_kt_cursor?
    try context.check(krb5_kt_start_seq_get(context.raw, keytab, &cursor), circumstances)
    defer { krb5_kt_end_seq_get(context.raw, keytab, &cursor) }
    var entries: [Entry] = []
    while true {
      var entry = krb5_keytab_entry()
      let code = krb5_kt_next_entry(context.raw, keytab, &entry, &cursor)
      if code == krb5_error_code(truncatingIfNeeded: Int(KRB5_KT_END)) { return entries }
      try context.check(code, circumstances)
      entries.append(
        Entry(
          principal: PrincipalName.text(of: entry.principal, in: context), version: UInt32(entry.vno),
          encryptionType: entry.key.enctype))
      krb5_free_keytab_entry_contents(context.raw, &entry)
    }
  }

  /// Refuses a keytab that holds no key for the principal.
  static func requireKey(of principal: String, in path: String) throws(KerberosError) {
    let held = try entries(path)
    guard !held.contains(where: { $0.principal == principal }) else { return }
    let names = Set(held.map(\.principal)).sorted().joined(separator: ", ")
    throw KerberosError(
      .unusableFile,
      "The keytab \(path) holds no key of \(principal) "
        + (names.isEmpty ? "(it is empty)" : "(it holds \(names))")
        + ": name the right principal, or enroll this node.")
  }
}
