import CKerberos
import Glibc

/// Keytab files: long-term keys, so nobody but their owner may read them.
public enum Keytab {
  /// One key of a keytab, without the key.
  public struct Entry: Sendable, Hashable {
    public var principal: String
    public var version: UInt32
    public var encryptionType: Int32
  }

  /// Refuses a keytab that is missing, no plain file, another user's, or open to group or others.
  ///
  /// - Throws: `KerberosError` with reason `unusableFile`; the sentence says which command mends it.
  public static func checkPermissions(_ path: String) throws(KerberosError) {
    var status = stat()
    guard lstat(path, &status) == 0 else {
      let why = String(cString: strerror(errno))
      throw KerberosError(
        .unusableFile, code: errno,
        "The keytab \(path) cannot be used: \(why). Name the right file, or enroll this node.")
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw KerberosError(.unusableFile, "The keytab \(path) is no plain file: name the file itself.")
    }
    guard status.st_mode & 0o077 == 0 else {
      let mode = String(status.st_mode & 0o7777, radix: 8)
      throw KerberosError(
        .unusableFile,
        "The keytab \(path) can be read by others (mode \(mode)): whoever reads it is this node. "
          + "Type: chmod 600 \(path); if others may have read it, make a new key too.")
    }
    guard status.st_uid == geteuid() else {
      // A node that runs as another user would lose its keytab by a hasty chown.
      let how =
        geteuid() == 0
        ? " (setpriv --reuid=\(status.st_uid) --regid=\(status.st_gid) --clear-groups COMMAND)" : ""
      throw KerberosError(
        .unusableFile,
        "The keytab \(path) belongs to user \(status.st_uid), this process is user \(geteuid()): "
          + "run as its owner\(how); if the node is to run as user \(geteuid()) from now on, type: "
          + "chown \(geteuid()) \(path)")
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
