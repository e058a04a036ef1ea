import COpenSSL

/// Random bytes for keys, nonces and salts, from OpenSSL's generator for secrets.
public enum SecureRandom {
  /// Returns `count` random bytes. Stops the process if there is no randomness: nothing may go on without.
  ///
  /// - Precondition: `count` is not negative. It is never a peer's number.
  public static func bytes(_ count: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: count) { output, initialized in
      fill(UnsafeMutableRawBufferPointer(output))
      initialized = count
    }
  }

  /// Fills `output` with random bytes.
  public static func fill(_ output: UnsafeMutableRawBufferPointer) {
    guard let start = output.baseAddress, output.count > 0 else { return }
    SecureHeap.prepare()
    guard RAND_priv_bytes_ex(nil, start, output.count, 0) == 1 else {
      stopForBrokenOpenSSL("draw random bytes")
    }
  }

  /// Returns 64 random bits.
  public static func integer() -> UInt64 {
    var value: UInt64 = 0
    withUnsafeMutableBytes(of: &value) { fill($0) }
    return value
  }
}
