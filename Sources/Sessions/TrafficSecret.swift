import Cryptography

/// The secret of one direction of a session, from which its key and IV come (RFC 8446 §7.3, own labels).
struct TrafficSecret: Sendable {
  private let bytes: SecretBytes

  init(_ bytes: SecretBytes) { self.bytes = bytes }

  func key(for suite: CipherSuite) -> SecretBytes {
    KeySchedule.expandLabel(bytes, "key", length: suite.keyLength)
  }

  func initializationVector(for suite: CipherSuite) -> SecretBytes {
    KeySchedule.expandLabel(bytes, "iv", length: suite.ivLength)
  }

  /// The secret after a key update; the present one does not follow from it.
  func next() -> TrafficSecret {
    TrafficSecret(KeySchedule.expandLabel(bytes, "traffic update", length: bytes.count))
  }
}
