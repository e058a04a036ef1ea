import Kerberos
import Synchronization

/// The tokens that GSSAPI has refused because they had been seen before, so that one who goes on sending them costs no
/// Kerberos and no thread.
///
/// It only ever says again what the replay cache has said: a token that was seen once is refused for good, as a replay
/// and later by its age. What is forgotten here is refused there.
final class ReplayedTokens: Sendable {
  private struct Generations {
    var young: [Int: KerberosError] = [:]
    var old: [Int: KerberosError] = [:]
  }

  private let generations = Mutex(Generations())
  private let limit: Int

  /// - Parameter limit: tokens a generation, of which there are two; some 200 bytes each.
  init(limit: Int = 4_096) { self.limit = limit }

  func add(_ token: [UInt8], to service: String, _ error: KerberosError) {
    let place = Self.place(of: token, service)
    generations.withLock { generations in
      if generations.young.count >= limit {
        generations.old = generations.young
        generations.young = [:]
      }
      generations.young[place] = error
    }
  }

  /// The error with which this token was refused; nil: not known to be a replay.
  func refusal(of token: [UInt8], to service: String) -> KerberosError? {
    let place = Self.place(of: token, service)
    return generations.withLock { $0.young[place] ?? $0.old[place] }
  }

  /// 64 bits of SipHash under a key of this process (Aumasson and Bernstein 2012): nobody can aim at an honest token.
  private static func place(of token: [UInt8], _ service: String) -> Int {
    var hasher = Hasher()
    hasher.combine(service)
    token.withUnsafeBytes { hasher.combine(bytes: $0) }
    return hasher.finalize()
  }
}
