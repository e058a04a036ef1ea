import CKerberos
import Glibc
import LocalTrust

/// A keytab being written beside its final place: a 0600 file that takes the name at once when it is whole,
/// and vanishes when it is not.
final class KeytabDraft {
  private let path: String
  private let draft: String
  private var isCommitted = false

  /// Makes the draft, with what the keytab held before.
  ///
  /// - Throws: `unusableFile` when the directory cannot be written to or the existing keytab is open to others.
  init(_ path: String) throws(KerberosError) {
    self.path = path
    draft = "\(path).new.\(getpid())"
    var held: [UInt8] = [5, 2]  // the version of the file format
    do throws(TrustError) {
      try TrustedPath.checkFolder(TrustedPath.folder(of: path), .passable)
    } catch {
      throw KerberosError(.unusableFile, "The keytab \(path) cannot be written: its folder \(error)")
    }
    if access(path, F_OK) == 0 {
      try Keytab.checkPermissions(path)
      held = try Self.read(path)
    }
    // Exclusive: nobody may have put a file of theirs in its place. One left by a crash goes first.
    unlink(draft)
    let file = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard file >= 0 else { throw Self.failure("be written", path) }
    defer { close(file) }
    let written = held.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
    held.withUnsafeMutableBytes { explicit_bzero($0.baseAddress!, $0.count) }
    guard written == held.count else { throw Self.failure("be written", path) }
  }

  deinit { if !isCommitted { unlink(draft) } }

  func add(
    _ principal: String, version: krb5_kvno, key: krb5_keyblock, in context: KerberosContext
  ) throws(KerberosError) {
    let circumstances = Circumstances("Writing the keytab", client: principal, file: path)
    let name = try PrincipalName(principal, in: context)
    var keytab: krb5_keytab?
    try context.check(krb5_kt_resolve(context.raw, "WRFILE:\(draft)", &keytab), circumstances)
    defer { krb5_kt_close(context.raw, keytab) }
    var entry = krb5_keytab_entry()
    entry.principal = name.raw
    entry.vno = version
    entry.key = key
    entry.timestamp = krb5_timestamp(truncatingIfNeeded: time(nil))
    try context.check(krb5_kt_add_entry(context.raw, keytab, &entry), circumstances)
  }

  /// Gives the draft the keytab's name, on disk.
  func commit() throws(KerberosError) {
    let file = open(draft, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
    guard file >= 0 else { throw Self.failure("be written", path) }
    defer { close(file) }
    guard fsync(file) == 0, rename(draft, path) == 0 else { throw Self.failure("be written", path) }
    isCommitted = true
    let parent = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
    let directory = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard directory >= 0 else { return }
    fsync(directory)
    close(directory)
  }

  private static func read(_ path: String) throws(KerberosError) -> [UInt8] {
    let file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
    guard file >= 0 else { throw failure("be read", path) }
    defer { close(file) }
    let largest = 1 << 20
    let bytes = [UInt8](unsafeUninitializedCapacity: largest) { buffer, count in
      count = max(0, Glibc.read(file, buffer.baseAddress, largest))
    }
    guard bytes.count >= 2, bytes.count < largest else {
      throw KerberosError(.unusableFile, "\(path) is no keytab: move it away and enroll again.")
    }
    return bytes
  }

  private static func failure(_ what: String, _ path: String) -> KerberosError {
    let code = errno
    return KerberosError(
      .unusableFile, code: code,
      "The keytab \(path) cannot \(what): \(String(cString: strerror(code))). "
        + "Check that its directory exists and belongs to this user.")
  }
}
