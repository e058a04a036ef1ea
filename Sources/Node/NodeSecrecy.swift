import Cryptography
import LocalTrust
import Logging

/// How well this process keeps its keys to itself.
public enum NodeSecrecy {
  /// Says once, at a node's start, what the system does not grant. It goes on without.
  public static func warn(_ logger: Logger) {
    if let shortcoming = SecureHeap.shortcoming { logger.warning("\(shortcoming)") }
    if !ProcessProtection.isInForce {
      logger.warning("other processes of this user may read this one's memory")
    }
  }
}
