import CKerberos
import Glibc
import Synchronization

/// The right to initiate contexts as one principal, by a keytab or by a user's credential cache.
///
/// A keytab's tickets live in a cache in memory, and are got anew at half of their life: a node runs for months
/// on its keytab. Usable from many threads at once. May talk to the KDC when a context is started.
public final class InitiatorCredential: Sendable {
  /// The canonical client principal.
  public let principal: String

  private enum Source: Sendable {
    case keytab(String)
    case userCache(String?)
    case fixed
  }

  private struct State {
    var cache: TicketCache?
    var isRenewing = false
  }

  private let source: Source
  private let state: Mutex<State>

  private init(principal: String, source: Source, cache: TicketCache?) {
    self.principal = principal
    self.source = source
    state = Mutex(State(cache: cache))
  }

  /// Tickets by a keytab, got when first needed and renewed by themselves.
  ///
  /// - Throws: `KerberosError` when the keytab is open to others, unreadable, or lacks the principal's key.
  ///   The KDC is not asked yet.
  public static func fromKeytab(
    keytab: String, principal: String
  ) throws(KerberosError) -> InitiatorCredential {
    try Keytab.checkPermissions(keytab)
    let principal = try canonicalPrincipalName(principal)
    try Keytab.requireKey(of: principal, in: keytab)
    return InitiatorCredential(principal: principal, source: .keytab(keytab), cache: nil)
  }

  /// A user's tickets, from the named cache or, for nil, the default one. The cache is looked at again before
  /// each context, so a `kinit` in between counts, but it stays bound to the principal found now.
  ///
  /// A cache that has become another principal's gives no context: that is the reason `otherPrincipal`.
  ///
  /// - Throws: `KerberosError` with reason `noTicket`, `ticketExpired`, or `unusableFile`.
  public static func fromCache(name: String?) throws(KerberosError) -> InitiatorCredential {
    let cache = try TicketCache(existing: name)
    return InitiatorCredential(principal: cache.principal, source: .userCache(name), cache: cache)
  }

  /// Tickets in memory that are used as they are until they end.
  static func fixed(_ cache: TicketCache) -> InitiatorCredential {
    InitiatorCredential(principal: cache.principal, source: .fixed, cache: cache)
  }

  /// When the tickets in hand end, in seconds since 1970; nil before a keytab's first.
  public var expiry: Int64? { state.withLock { $0.cache?.expiry } }

  /// Throws the tickets in hand away, so that the next context asks the KDC anew: after an acceptor said that
  /// it has got a new key, the tickets for its old one are worthless. Does nothing to a user's cache.
  public func forgetTickets() {
    guard case .keytab = source else { return }
    state.withLock { $0.cache = nil }
  }

  /// Gets the first ticket now, so that a wrong keytab or an absent KDC shows at start.
  public func prepare() throws(KerberosError) { _ = try currentCache() }

  /// A GSSAPI credential on the present tickets, with the cache that must outlive it.
  func acquire(for service: String) throws(KerberosError) -> (credential: GSSCredential, cache: TicketCache) {
    let cache = try currentCache()
    do throws(KerberosError) {
      // By name: the library refuses a cache that has become another's since it was looked at.
      let credential = try GSSCredential(
        name: GSSName(principal: principal), store: [("ccache", cache.name)], usage: GSS_C_INITIATE,
        Circumstances(
          "Using the tickets of \(principal)", client: principal, service: service, file: cache.name))
      return (credential, cache)
    } catch {
      // Whose it is now is said where it can be.
      if error.reason == .otherPrincipal { _ = try currentCache() }
      throw error
    }
  }

  /// The cache with the present tickets, which must outlive their use.
  func tickets() throws(KerberosError) -> TicketCache { try currentCache() }

  private func currentCache() throws(KerberosError) -> TicketCache {
    switch source {
    case .userCache(let name):
      let cache = try TicketCache(existing: name)
      guard cache.principal == principal else {
        throw KerberosError(CacheChange(first: principal, now: cache.principal, cache: cache.name))
      }
      return cache
    case .fixed:
      guard let cache = state.withLock({ $0.cache }), cache.expiry > Int64(time(nil)) else {
        throw KerberosError(.ticketExpired, "The ticket of \(principal) has expired; get a new one.")
      }
      return cache
    case .keytab(let path):
      return try renewedCache(path)
    }
  }

  /// The cache in hand while it is in the first half of its life; afterwards one thread gets a new one while
  /// the others go on with the old, as long as it lasts.
  private func renewedCache(_ keytab: String) throws(KerberosError) -> TicketCache {
    let now = Int64(time(nil))
    let (held, mayUse) = state.withLock { state in
      guard let cache = state.cache, cache.expiry > now else {
        state.cache = nil
        return (nil as TicketCache?, false)
      }
      let isYoung = now - cache.obtained < (cache.expiry - cache.obtained) / 2
      let mayUse = isYoung || state.isRenewing
      if !mayUse { state.isRenewing = true }
      return (cache, mayUse)
    }
    if let held, mayUse { return held }
    do throws(KerberosError) {
      let fresh = try InitialTicket.byKeytab(keytab, principal: principal)
      state.withLock { state in
        state.cache = fresh
        state.isRenewing = false
      }
      return fresh
    } catch {
      state.withLock { $0.isRenewing = false }
      if let held { return held }
      throw error
    }
  }
}
