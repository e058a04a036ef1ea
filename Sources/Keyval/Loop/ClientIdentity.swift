import Kerberos
import Synchronization

/// Who a client is: the principal of the first ticket that it finds, for as long as it lives.
///
/// The credential cache is the user's, who may `kinit` as somebody else meanwhile. A client that took that up would be
/// two principals at a time, one on the sessions that are open and another on those to come. So it is an error instead,
/// which says whose the cache is now, and goes away when the cache is the first one's again.
final class ClientIdentity: Sendable {
  private let cache: String?
  private let first = Mutex<InitiatorCredential?>(nil)

  /// - Parameter cache: name of the credential cache; nil: the default one.
  init(cache: String?) { self.cache = cache }

  /// The credential to dial with. Blocks while it looks into the cache.
  /// - Throws: `KerberosError`: `noTicket` or `ticketExpired` before there was a first ticket. Later the credential
  ///   itself throws when it is used, also `otherPrincipal`.
  func credential() throws(KerberosError) -> InitiatorCredential {
    try first.withLock { first throws(KerberosError) in
      if let first { return first }
      let found = try InitiatorCredential.fromCache(name: cache)
      first = found
      return found
    }
  }
}
