import CKerberos
import Glibc
import LocalTrust

/// A credential cache in memory, destroyed with this object; or the name of one that belongs to the user.
final class TicketCache: Sendable {
  /// The name as the library takes it, "MEMORY:…" or "FILE:…".
  let name: String
  /// The cache's client principal.
  let principal: String
  /// Seconds since 1970.
  let obtained: Int64
  /// When the ticket that opens the others ends, in seconds since 1970.
  let expiry: Int64
  private let isOwned: Bool

  /// A new cache in memory that `fill` initialises and puts tickets into.
  init(
    principal: String, in context: KerberosContext,
    fill: (krb5_ccache) throws(KerberosError) -> Int64
  ) throws(KerberosError) {
    var cache: krb5_ccache?
    let circumstances = Circumstances("Making a credential cache in memory", client: principal)
    try context.check(krb5_cc_new_unique(context.raw, "MEMORY", nil, &cache), circumstances)
    guard let cache else { throw KerberosError(.other, "No credential cache could be made in memory.") }
    do throws(KerberosError) {
      expiry = try fill(cache)
    } catch {
      krb5_cc_destroy(context.raw, cache)
      throw error
    }
    name = "MEMORY:" + String(cString: krb5_cc_get_name(context.raw, cache))
    self.principal = principal
    obtained = Int64(time(nil))
    isOwned = true
    krb5_cc_close(context.raw, cache)
  }

  /// The user's cache of this name, nil for the default one. Only looked into: nothing is asked of the KDC.
  ///
  /// - Throws: `noTicket` when there is no cache or nothing in it, `ticketExpired` when all of it is over,
  ///   `unusableFile` when somebody else may have put it there, or may read it.
  init(existing name: String?) throws(KerberosError) {
    let context = try KerberosContext()
    let shown = name ?? String(cString: krb5_cc_default_name(context.raw))
    var cache: krb5_ccache?
    let circumstances = Circumstances("Opening the credential cache", file: shown)
    try Self.requireOwn(shown)
    try context.check(krb5_cc_resolve(context.raw, shown, &cache), circumstances)
    guard let cache else { throw KerberosError(.noTicket, "There is no credential cache \(shown).") }
    defer { krb5_cc_close(context.raw, cache) }
    var client: krb5_principal?
    let code = krb5_cc_get_principal(context.raw, cache, &client)
    guard code == 0, let client else { throw Self.missing(code, shown, context) }
    let owner = PrincipalName(owning: client, in: context)
    principal = owner.text
    self.name = shown
    obtained = 0
    isOwned = false
    expiry = try Self.expiry(of: cache, owner, shown, context)
  }

  deinit {
    guard isOwned, let context = try? KerberosContext() else { return }
    var cache: krb5_ccache?
    if krb5_cc_resolve(context.raw, name, &cache) == 0 { krb5_cc_destroy(context.raw, cache) }
  }

  /// Tickets that somebody else put where ours are looked for would make us somebody else: what we write would be his.
  private static func requireOwn(_ name: String) throws(KerberosError) {
    let path = name.hasPrefix("FILE:") ? String(name.dropFirst(5)) : name
    // The other kinds are no files of this name: in memory, in the kernel, or with a daemon of the user's own.
    guard path.hasPrefix("/") || name.hasPrefix("FILE:") else { return }
    do throws(TrustError) {
      try TrustedPath.check(path, .secret)
    } catch {
      // The library has the words for one that is not there.
      if case .unreachable = error.fault { return }
      throw KerberosError(
        .unusableFile,
        "The credential cache \(error.path) \(error.problem). Get tickets of your own (kinit -c FILE:PATH); or: "
          + error.remedy)
    }
  }

  private static func missing(
    _ code: krb5_error_code, _ name: String, _ context: KerberosContext
  ) -> KerberosError {
    let circumstances = Circumstances("Reading the credential cache", file: name)
    let error = circumstances.error(code: code, message: context.message(for: code))
    if error.reason == .noTicket || error.code == ENOENT {
      return KerberosError(.noTicket, code: code, "There is no ticket (\(name)); type: kinit")
    }
    return unreadable(error, name, context)
  }

  /// Of a cache that is damaged, or only begun, new tickets make a new one.
  private static func unreadable(
    _ error: KerberosError, _ name: String, _ context: KerberosContext
  ) -> KerberosError {
    guard error.reason == .unusableFile else { return error }
    return KerberosError(
      .unusableFile, code: error.code,
      "The credential cache \(name) cannot be read (\(context.message(for: error.code))): it is damaged, or only a "
        + "part of it is there. For new tickets type: kinit")
  }

  /// The end of the ticket-granting ticket of the owner's realm, or, where there is none, of the longest
  /// service ticket.
  private static func expiry(
    of cache: krb5_ccache, _ owner: PrincipalName, _ name: String, _ context: KerberosContext
  ) throws(KerberosError) -> Int64 {
    let circumstances = Circumstances("Reading the credential cache", client: owner.text, file: name)
    var cursor: krb5_cc_cursor?
    do throws(KerberosError) {
      try context.check(krb5_cc_start_seq_get(context.raw, cache, &cursor), circumstances)
    } catch { throw unreadable(error, name, context) }
    defer { krb5_cc_end_seq_get(context.raw, cache, &cursor) }
    var granting: Int64?
    var longest: Int64?
    var ticket = krb5_creds()
    while krb5_cc_next_cred(context.raw, cache, &cursor, &ticket) == 0 {
      defer { krb5_free_cred_contents(context.raw, &ticket) }
      if krb5_is_config_principal(context.raw, ticket.server) != 0 { continue }
      let end = seconds(ticket.times.endtime)
      longest = max(longest ?? end, end)
      let service = PrincipalName.text(of: ticket.server, in: context)
      if service == "krbtgt/\(owner.realm)@\(owner.realm)" { granting = max(granting ?? end, end) }
    }
    guard let end = granting ?? longest else {
      throw KerberosError(.noTicket, "There is no ticket in \(name); type: kinit \(owner.text)")
    }
    guard end > Int64(time(nil)) else {
      throw KerberosError(
        .ticketExpired, "The ticket of \(owner.text) (\(name)) has expired; type: kinit \(owner.text)")
    }
    return end
  }

  /// A krb5 timestamp, which counts to 2106 as an unsigned number.
  static func seconds(_ time: krb5_timestamp) -> Int64 { Int64(UInt32(bitPattern: time)) }
}
