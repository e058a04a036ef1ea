import COpenSSL

/// HMAC (RFC 2104) with SHA-384. Compare what it returns with `constantTimeEqual`, never with `==`.
public enum HMACSHA384 {
  public static let length = SHA384.length

  /// Returns the MAC of `data`, 48 bytes. Any length of `key` is accepted, none as well.
  public static func authenticate(key: [UInt8], data: [UInt8]) -> [UInt8] {
    key.withUnsafeBytes { authenticate(key: $0, data: data) }
  }

  /// The same under a key that is kept as a secret. The MAC is none.
  public static func authenticate(key: SecretBytes, data: [UInt8]) -> [UInt8] {
    key.withUnsafeBytes { authenticate(key: $0, data: data) }
  }

  private static func authenticate(key: UnsafeRawBufferPointer, data: [UInt8]) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: length) { output, count in
      data.withUnsafeBytes { authenticate(key: key, data: [$0], into: UnsafeMutableRawBufferPointer(output)) }
      count = length
    }
  }

  /// Writes the MAC of the parts, one after the other, into 48 bytes.
  static func authenticate(
    key: UnsafeRawBufferPointer, data: [UnsafeRawBufferPointer], into output: UnsafeMutableRawBufferPointer
  ) {
    guard let context = EVP_MAC_CTX_new(algorithm.pointer) else {
      stopForBrokenOpenSSL("allocate an HMAC context")
    }
    defer { EVP_MAC_CTX_free(context) }
    var isDone = setKey(key, of: context)
    for part in data where !part.isEmpty {
      isDone = isDone && EVP_MAC_update(context, part.bindMemory(to: UInt8.self).baseAddress, part.count) == 1
    }
    var count = 0
    let start = output.bindMemory(to: UInt8.self).baseAddress
    guard isDone, EVP_MAC_final(context, start, &count, output.count) == 1, count == length else {
      stopForBrokenOpenSSL("compute an HMAC")
    }
  }

  private static func setKey(_ key: UnsafeRawBufferPointer, of context: OpaquePointer) -> Bool {
    let parameters = [keyval_sha384_parameter(), OSSL_PARAM_construct_end()]
    // A null key means "keep the key" to OpenSSL, so that an empty one must still point somewhere.
    guard let start = key.bindMemory(to: UInt8.self).baseAddress, !key.isEmpty else {
      return EVP_MAC_init(context, [0], 0, parameters) == 1
    }
    return EVP_MAC_init(context, start, key.count, parameters) == 1
  }

  /// `EVP_MAC` is immutable once fetched and OpenSSL lets threads share it, hence `@unchecked Sendable`.
  private struct Algorithm: @unchecked Sendable {
    let pointer: OpaquePointer
  }

  private static let algorithm: Algorithm = {
    guard let pointer = EVP_MAC_fetch(nil, "HMAC", nil) else { stopForBrokenOpenSSL("find HMAC") }
    return Algorithm(pointer: pointer)
  }()
}
