import CKerberos

/// The commander's ticket for a database's command service: by its election certificate, and only by it.
public enum OfficeTicket {
  /// An authentication exchange by PKINIT (RFC 4556) straight for the service: the KDC lets no
  /// ticket-granting ticket stand for it. Blocks for some 15 ms.
  ///
  /// The certificate has the office's secret in it. With `armor` the whole exchange is sealed under that credential's
  /// ticket (RFC 6113), so that nobody on the way to the KDC reads it.
  ///
  /// Certificate and key are lent to the library through anonymous memory files and never touch a disk. What was handed
  /// in is the caller's to zero.
  /// - Parameters:
  ///   - office: `keyval-commander/TERM@REALM`.
  ///   - service: `keyval-command/NODE@REALM`.
  ///   - armor: the holder's own, as a node; nil: what is sent can be read on the way.
  /// - Returns: a credential that lasts as long as its one ticket, a minute or so.
  /// - Throws: `KerberosError`: `certificateRefused` when the KDC refuses the certificate, `clientUnknown`
  ///   when the office is over, `policyRejects`, `certificateUnusable` when the library refuses its own
  ///   chain before it asks.
  public static func obtain(
    office: String, certificatePEM: [UInt8], keyPEM: [UInt8], service: String, armor: InitiatorCredential?
  ) throws(KerberosError) -> InitiatorCredential {
    try obtain(
      office: office, certificatePEM: certificatePEM, keyPEM: keyPEM, service: service, armor: armor,
      anchors: nil)
  }

  /// - Parameter anchors: a file of certificates that this side checks its own chain and the KDC's against,
  ///   instead of the realm's. Tests look past this side's check with it, at the KDC's.
  static func obtain(
    office: String, certificatePEM: [UInt8], keyPEM: [UInt8], service: String,
    armor: InitiatorCredential? = nil,
    anchors: String?
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
    var attributes = [("X509_user_identity", "FILE:\(certificate.path),\(key.path)")]
    if let anchors { attributes.append(("X509_anchors", "FILE:\(anchors)")) }
    for (attribute, value) in attributes {
      let code = krb5_get_init_creds_opt_set_pa(context.raw, options, attribute, value)
      try context.check(code, circumstances)
    }
    // Held until the exchange is over: the library finds the tickets by the cache's name.
    let armoring = try armor?.tickets()
    defer { withExtendedLifetime(armoring) {} }
    if let armoring {
      try context.check(
        krb5_get_init_creds_opt_set_fast_ccache_name(context.raw, options, armoring.name), circumstances)
      try context.check(
        krb5_get_init_creds_opt_set_fast_flags(context.raw, options, krb5_flags(KRB5_FAST_REQUIRED)),
        circumstances)
    }
    let exchange = try InitialTicket.Exchange(
      name, service: service, context, circumstances, options: options)
    return .fixed(try exchange.run())
  }
}
