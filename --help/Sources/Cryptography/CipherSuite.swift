/// The ciphers that records and grants may be sealed with. The raw value is what stands on the wire.
public enum CipherSuite: UInt16, Sendable, CaseIterable {
  /// AES-256 in Galois/Counter Mode (NIST SP 800-38D).
  case aes256GCM = 1
  /// ChaCha20-Poly1305 (RFC 8439).
  case chaCha20Poly1305 = 2

  /// Bytes of a key, the same for every suite.
  public static let keyLength = 32
  /// Bytes of a nonce, and of the static IV that a nonce is made from.
  public static let ivLength = 12
  /// Bytes of the authentication tag that follows each ciphertext.
  public static let tagLength = 16

  public var keyLength: Int { Self.keyLength }
  public var ivLength: Int { Self.ivLength }
  public var tagLength: Int { Self.tagLength }

  /// The name by which OpenSSL fetches the cipher.
  var openSSLName: String {
    switch self {
    case .aes256GCM: "AES-256-GCM"
    case .chaCha20Poly1305: "ChaCha20-Poly1305"
    }
  }
}
