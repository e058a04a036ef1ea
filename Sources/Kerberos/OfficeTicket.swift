import CKerberos
import Glibc

/// The commander's ticket for a database's command service: by its election certificate, and only by it.
public enum OfficeTicket {
  /// An authentication exchange by PKINIT (RFC 4556) straight for the service: the KDC lets no
  /// ticket-granting ticket stand for it. Blocks for some 15 ms.
  ///
  /// Certificate and key are lent to the library through anonymous memory files and never touch a disk.
  /// - Parameters:
  ///   - office: `keyval-commander/TERM@REALM`.
  ///   - service: `keyval-command/NODE@REALM`.
  /// - Returns: a credential that lasts as long as its one ticket, a minute or so.
  /// - Throws: `KerberosError`: `certificateRefused` when the KDC refuses the certificate, `clientUnknown`
  ///   when the office is over, `policyRejects`, `certificateUnusable` when the library refuses its own
  ///   chain before it asks.
  public static func obtain(
    office: String, certificatePEM: String, keyPEM: String, service: String
  ) throws(KerberosError) -> InitiatorCredential {
    let context = try KerberosContext()
    let name = try PrincipalName(office, in: context)
    let service = try canonicalPrincipalName(service)
    let circumstances = Circumstances(
      "Getting the office's ticket", client: name.text, service: service)
    let certificate = try MemoryFile(certificatePEM, named: "certificate")
    let key = try MemoryFile(keyPEM, named: "key")
    var options: UnsafeMutablePointer<krb5_get_init_creds_opt>?
    try context.check(krb5_get_init_creds_opt_alloc(context.raw, &options), circumstances)
    defer { krb5_get_init_creds_opt_free(context.raw, options) }
    let code = krb5_get_init_creds_opt_set_pa(
      context.raw, options, "X509_user_identity", "FILE:\(certificate.path),\(key.path)")
    try context.check(code, circumstances)
    let exchange = try InitialTicket.Exchange(
      name, service: service, context, circumstances, options: options)
    return .fixed(try exchange.run())
  }
}

/// A file without a name on any disk, readable by this process through /proc.
private struct MemoryFile: ~Copyable {
  let descriptor: Int32
  var path: String { "/proc/self/fd/\(descriptor)" }

  init(_ text: String, named name: String) throws(KerberosError) {
    descriptor = keyval_memory_file(name)
    guard descriptor >= 0 else {
      throw KerberosError(
        .unusableFile, code: errno,
        "No memory for the \(name): \(String(cString: strerror(errno))).")
    }
    let bytes = Array(text.utf8)
    let written = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    guard written == bytes.count else {
      throw KerberosError(.unusableFile, code: errno, "No memory for the \(name).")
    }
  }

  deinit { close(descriptor) }
}
