import CKerberos
import Synchronization

/// The right to accept contexts as one named service principal, by its keytab.
///
/// Bound to the name: a token for another principal whose key happens to be in the keytab is refused. The
/// keytab file is read again for every context, so that rotated keys are found without a restart. Usable from
/// many threads at once.
public final class AcceptorCredential: Sendable {
  /// The canonical service principal.
  public let principal: String
  public let keytab: String
  private let replayCache: String

  // MIT's library holds a credential's lock for the whole of an accept, so threads take one each.
  private struct Pool { var idle: [GSSCredential] = [] }
  private let pool = Mutex(Pool())
  private static let largestPool = 64

  /// - Parameters:
  ///   - keytab: path of a 0600 keytab of this process's user.
  ///   - principal: the service principal; without a realm the default realm is taken.
  ///   - replayCache: path of the replay cache file, made if missing (format file2, 5 µs a request). Processes
  ///     that accept for the same principal must share it.
  /// - Throws: `KerberosError` when the keytab is open to others, unreadable, or lacks the principal's key.
  public init(keytab: String, principal: String, replayCache: String) throws(KerberosError) {
    try Keytab.checkPermissions(keytab)
    self.keytab = keytab
    self.principal = try canonicalPrincipalName(principal)
    self.replayCache = replayCache
    try Keytab.requireKey(of: self.principal, in: keytab)
    give(back: try acquire())
  }

  /// A credential that no other thread uses; to be given back.
  func take() throws(KerberosError) -> GSSCredential {
    if let idle = pool.withLock({ pool in pool.idle.popLast() }) { return idle }
    return try acquire()
  }

  func give(back credential: GSSCredential) {
    pool.withLock { pool in
      if pool.idle.count < Self.largestPool { pool.idle.append(credential) }
    }
  }

  private func acquire() throws(KerberosError) -> GSSCredential {
    try GSSCredential(
      name: GSSName(principal: principal),
      store: [("keytab", "FILE:\(keytab)"), ("rcache", "file2:\(replayCache)")],
      usage: GSS_C_ACCEPT,
      Circumstances("Using the keytab of \(principal)", service: principal, file: keytab))
  }
}
