import CKerberos
import Glibc

/// A service ticket that is over soon, in a cache that says otherwise.
///
/// libkrb5 does not present a ticket that it knows to have expired, so no honest cache shows what an acceptor does
/// with one. But when a ticket ends stands in a cache twice: sealed in the ticket, for the service, and beside it,
/// for the client, where nobody authenticates it. Here the second is moved; the library then presents the ticket.
public struct OutlivedTicket: Sendable {
  /// For `InitiatorCredential.fromCache`.
  public let cache: String
  /// When the ticket really ends, in seconds since 1970. Acceptors go on for the realm's clock skew.
  public let end: Int64

  /// Gets a ticket of so many seconds straight for a service, by a password.
  /// - Parameters:
  ///   - client, service: principals with their realm.
  ///   - path: of the cache, which is made.
  ///   - claimed: seconds from now at which the cache says that the ticket ends.
  public init(
    of client: String, password: String, for service: String, seconds: Int32, in path: String,
    claimed: Int64 = 3_600
  ) throws {
    var context: krb5_context?
    try Self.check(krb5_init_context(&context), "a context", nil)
    defer { krb5_free_context(context) }
    var principal: krb5_principal?
    try Self.check(krb5_parse_name(context, client, &principal), client, context)
    defer { krb5_free_principal(context, principal) }

    var options: UnsafeMutablePointer<krb5_get_init_creds_opt>?
    try Self.check(krb5_get_init_creds_opt_alloc(context, &options), "options", context)
    defer { krb5_get_init_creds_opt_free(context, options) }
    krb5_get_init_creds_opt_set_tkt_life(options, seconds)
    var ticket = krb5_creds()
    try Self.check(
      krb5_get_init_creds_password(
        context, &ticket, principal, password, nil, nil, 0, service, options),
      "a ticket of \(client) for \(service)", context)
    defer { krb5_free_cred_contents(context, &ticket) }
    end = Int64(UInt32(bitPattern: ticket.times.endtime))

    ticket.times.endtime = krb5_timestamp(truncatingIfNeeded: Int64(time(nil)) + claimed)
    cache = "FILE:\(path)"
    var stored: krb5_ccache?
    try Self.check(krb5_cc_resolve(context, cache, &stored), cache, context)
    defer { krb5_cc_close(context, stored) }
    try Self.check(krb5_cc_initialize(context, stored, principal), cache, context)
    try Self.check(krb5_cc_store_cred(context, stored, &ticket), cache, context)
  }

  private static func check(_ code: krb5_error_code, _ what: String, _ context: krb5_context?) throws {
    guard code != 0 else { return }
    let text = krb5_get_error_message(context, code)
    defer { krb5_free_error_message(context, text) }
    throw FixtureError("\(what): \(text.map { String(cString: $0) } ?? "code \(code)")")
  }
}

extension KerberosFixture {
  /// A new person's ticket of a second for a service of this realm, in a cache that claims an hour.
  public func outlivedTicket(of user: String, for service: String) throws -> OutlivedTicket {
    try OutlivedTicket(
      of: principal(user), password: addUser(user), for: principal(service), seconds: 1,
      in: path("\(user).outlived.ccache"))
  }
}
