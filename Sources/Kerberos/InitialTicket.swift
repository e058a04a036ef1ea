import CKerberos
import Glibc

/// Exchanges with the KDC's authentication service (RFC 4120 section 3.1), into caches in memory.
enum InitialTicket {
  /// A ticket-granting ticket by a keytab. Blocks while it asks the KDC.
  /// - Parameter service: another service to get a ticket for, straight by the authentication service.
  static func byKeytab(
    _ path: String, principal: String, service: String? = nil
  ) throws(KerberosError) -> TicketCache {
    try Keytab.checkPermissions(path)
    // It may have become another node's since the credential was made; the library's words for that are few.
    try Keytab.requireKey(of: try canonicalPrincipalName(principal), in: path)
    let context = try KerberosContext()
    let circumstances = Circumstances(
      "Getting a ticket by the keytab", client: principal, service: service, file: path)
    let name = try PrincipalName(principal, in: context)
    var keytab: krb5_keytab?
    try context.check(krb5_kt_resolve(context.raw, "FILE:\(path)", &keytab), circumstances)
    defer { krb5_kt_close(context.raw, keytab) }
    let exchange = try Exchange(name, service: service, context, circumstances)
    try context.check(krb5_init_creds_set_keytab(context.raw, exchange.raw, keytab), circumstances)
    return try exchange.run()
  }

  /// How far the KDC's clock is ahead of this machine's, in seconds; nil when no KDC answers. Asks without
  /// proving anything: the KDC's refusal has its time.
  static func clockDifference(principal: String) -> Int64? {
    guard let context = try? KerberosContext(), let name = try? PrincipalName(principal, in: context),
      let exchange = try? Exchange(name, service: nil, context, Circumstances("Asking the KDC's clock"))
    else { return nil }
    _ = krb5_init_creds_get(context.raw, exchange.raw)
    guard let refusal = exchange.refusal else { return nil }
    return refusal.time - Int64(time(nil))
  }

  /// One exchange: made ready, run once.
  final class Exchange {
    let raw: krb5_init_creds_context
    let name: PrincipalName
    private let context: KerberosContext
    private var circumstances: Circumstances
    private let isByCertificate: Bool

    /// - Parameters:
    ///   - service: the service named in the request; nil for a ticket-granting ticket.
    ///   - options: those of PKINIT, for an exchange by certificate.
    init(
      _ name: PrincipalName, service: String?, _ context: KerberosContext,
      _ circumstances: Circumstances, options: UnsafeMutablePointer<krb5_get_init_creds_opt>? = nil
    ) throws(KerberosError) {
      var exchange: krb5_init_creds_context?
      let code = krb5_init_creds_init(
        context.raw, name.raw, nil, nil, 0, options, &exchange)
      try context.check(code, circumstances)
      guard let exchange else { throw KerberosError(.other, "No exchange with the KDC could be made.") }
      raw = exchange
      self.name = name
      self.context = context
      self.circumstances = circumstances
      isByCertificate = options != nil
      if let service {
        try context.check(krb5_init_creds_set_service(context.raw, exchange, service), circumstances)
      }
    }

    deinit { krb5_init_creds_free(context.raw, raw) }

    /// The KDC's last error answer: its code as a library code, and its clock.
    var refusal: (code: krb5_error_code, time: Int64)? {
      var answer: UnsafeMutablePointer<krb5_error>?
      guard krb5_init_creds_get_error(context.raw, raw, &answer) == 0, let answer else { return nil }
      defer { krb5_free_error(context.raw, answer) }
      return (
        KerberosErrorCode.kerberos(Int32(truncatingIfNeeded: answer.pointee.error)),
        TicketCache.seconds(answer.pointee.stime)
      )
    }

    func run() throws(KerberosError) -> TicketCache {
      let code = krb5_init_creds_get(context.raw, raw)
      guard code == 0 else { throw failure(code) }
      return try TicketCache(principal: name.text, in: context) { cache throws(KerberosError) in
        try context.check(krb5_cc_initialize(context.raw, cache, name.raw), circumstances)
        var ticket = krb5_creds()
        try context.check(krb5_init_creds_get_creds(context.raw, raw, &ticket), circumstances)
        defer { krb5_free_cred_contents(context.raw, &ticket) }
        try context.check(krb5_cc_store_cred(context.raw, cache, &ticket), circumstances)
        return TicketCache.seconds(ticket.times.endtime)
      }
    }

    private func failure(_ code: krb5_error_code) -> KerberosError {
      let message = context.message(for: code)
      var reason = KerberosErrorCode.reason(of: code)
      switch reason {
      case .clockSkew:
        let own = refusal.map { $0.time - Int64(time(nil)) }
        circumstances.clockDifference = own ?? clockDifference(principal: name.text)
        if circumstances.service == nil { circumstances.service = "the KDC of \(name.realm)" }
      case .preauthenticationFailed where isByCertificate && code != KerberosErrorCode.kerberos(24):
        reason = .certificateUnusable  // the library's verdict; the KDC's has number 24, or one of PKINIT's
      default: break
      }
      return circumstances.error(reason, code: code, message: message)
    }
  }
}
