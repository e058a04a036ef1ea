import Cryptography

/// The key of one direction, with the counts that bound its use.
struct RecordState {
  private(set) var cipher: AEADCipher
  /// Records and plaintext bytes under the present key. The former is the number of the next record.
  private(set) var records: UInt64 = 0
  private(set) var bytes: UInt64 = 0

  private var secret: TrafficSecret
  private let suite: CipherSuite
  private let direction: AEADCipher.Direction
  private let nonce: NonceBuffer
  /// The last eight bytes of the IV, as they lie in memory.
  private var ivTail: UInt64 = 0

  init(
    secret: TrafficSecret, suite: CipherSuite, direction: AEADCipher.Direction
  ) throws(CryptographyError) {
    self.secret = secret
    self.suite = suite
    self.direction = direction
    nonce = NonceBuffer()
    cipher = try AEADCipher(suite: suite, key: secret.key(for: suite), direction: direction)
    loadInitializationVector()
  }

  /// The nonce of the next record, valid until the next call. `count(bytes:)` must follow before another.
  @inline(__always)
  func nextNonce() -> UnsafeRawBufferPointer {
    nonce.bytes.storeBytes(of: ivTail ^ records.bigEndian, toByteOffset: 4, as: UInt64.self)
    return UnsafeRawBufferPointer(nonce.bytes)
  }

  /// Counts a record whose nonce is thereby used up. The sender's limit (2^24) and the receiver's refusal of
  /// a record that does not open keep both sums far from their ends.
  @inline(__always)
  mutating func count(bytes count: Int) {
    records &+= 1
    bytes &+= UInt64(truncatingIfNeeded: count)
  }

  /// Whether one more record may be numbered under this key.
  func isExhausted(_ limits: RecordLimits) -> Bool { records >= limits.recordsPerKey }

  /// Ratchets to the next key (RFC 8446 §7.2, with a label of ours). The old one is forgotten.
  mutating func advanceKey() throws(CryptographyError) {
    secret = secret.next()
    cipher = try AEADCipher(suite: suite, key: secret.key(for: suite), direction: direction)
    loadInitializationVector()
    records = 0
    bytes = 0
  }

  private mutating func loadInitializationVector() {
    let iv = secret.initializationVector(for: suite)
    iv.withUnsafeBytes { iv in
      nonce.bytes.copyMemory(from: iv)
      ivTail = iv.loadUnaligned(fromByteOffset: 4, as: UInt64.self)
    }
  }
}

/// Twelve bytes of memory that stay where they are.
private final class NonceBuffer {
  let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: 12, alignment: 8)
  deinit { bytes.deallocate() }
}
