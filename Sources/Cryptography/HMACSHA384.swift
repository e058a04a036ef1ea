import COpenSSL

/// HMAC (RFC 2104) with SHA-384. Compare what it returns with `constantTimeEqual`, never with `==`.
public enum HMACSHA384 {
  public static let length = SHA384.length

  /// Returns the MAC of `data`, 48 bytes. Any length of `key` is accepted, none as well.
  public static func authenticate(key: [UInt8], data: [UInt8]) -> [UInt8] {
    guard let context = EVP_MAC_CTX_new(algorithm.pointer) else {
      stopForBrokenOpenSSL("allocate an HMAC context")
    }
    defer { EVP_MAC_CTX_free(context) }
    var isDone = setKey(key, of: context) && EVP_MAC_update(context, data, data.count) == 1
    let mac = [UInt8](unsafeUninitializedCapacity: length) { output, count in
      isDone = isDone && EVP_MAC_final(context, output.baseAddress, &count, length) == 1
    }
    guard isDone, mac.count == length else { stopForBrokenOpenSSL("compute an HMAC") }
    return mac
  }

  private static func setKey(_ key: [UInt8], of context: OpaquePointer) -> Bool {
    let parameters = [keyval_sha384_parameter(), OSSL_PARAM_construct_end()]
    // A null key means "keep the key" to OpenSSL, so that an empty one must still point somewhere.
    guard key.isEmpty else { return EVP_MAC_init(context, key, key.count, parameters) == 1 }
    return EVP_MAC_init(context, [0], 0, parameters) == 1
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
