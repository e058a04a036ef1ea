import COpenSSL

/// A public key on the curve P-256 (secp256r1, RFC 5480), the only curve that Keyval signs with.
public struct P256PublicKey: Sendable {
  /// The SubjectPublicKeyInfo in DER, always 91 bytes: named curve, uncompressed point.
  public let der: [UInt8]
  let key: OwnedPointer

  /// Everything before the two coordinates: a key that is encoded in any other way is refused, so that equal
  /// keys always have equal encodings and fingerprints.
  private static let prefix: [UInt8] = [
    0x30, 0x59,  // SubjectPublicKeyInfo
    0x30, 0x13,  // AlgorithmIdentifier
    0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,  // id-ecPublicKey
    0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07,  // secp256r1
    0x03, 0x42, 0x00,  // BIT STRING without unused bits
    0x04,  // an uncompressed point
  ]
  private static let encodedLength = 91

  /// Reads a SubjectPublicKeyInfo.
  ///
  /// - Throws: `invalidEncoding` unless it is a point of P-256, uncompressed, with the curve's name.
  public init(der: [UInt8]) throws(CryptographyError) {
    guard der.count == Self.encodedLength, der.starts(with: Self.prefix) else {
      throw .invalidEncoding("a public key must be an uncompressed point of the named curve P-256")
    }
    let decoded = decodeDER(der, free: EVP_PKEY_free) { d2i_PUBKEY(nil, $0, $1) }
    guard let decoded, Self.isValid(decoded) else {
      throw .invalidEncoding("the public key is not a point of the curve P-256")
    }
    self.der = der
    key = decoded
  }

  /// Reads a SubjectPublicKeyInfo in PEM, at most 16 KiB.
  ///
  /// - Throws: `invalidEncoding` if it is none, or not a point of the named curve P-256.
  public init(pem: String) throws(CryptographyError) {
    let key = readPEM(pem, free: EVP_PKEY_free) { keyval_read_public_key($0) }
    defer { keepAlive(key) }
    guard let key, EVP_PKEY_is_a(key.pointer, "EC") == 1 else {
      throw .invalidEncoding("this is not a P-256 public key in PEM")
    }
    try self.init(der: encodeDER("encode a public key") { i2d_PUBKEY(key.pointer, $0) })
  }

  /// The SubjectPublicKeyInfo in PEM.
  public var pem: String {
    writePEM("encode a public key") { PEM_write_bio_PUBKEY($0, key.pointer) }
  }

  private static func isValid(_ key: OwnedPointer) -> Bool {
    guard let context = EVP_PKEY_CTX_new_from_pkey(nil, key.pointer, nil) else { return false }
    defer {
      keepAlive(key)
      EVP_PKEY_CTX_free(context)
      ERR_clear_error()
    }
    // Every point of P-256 is in the group (its cofactor is 1), so that being on the curve is enough: the
    // thorough check multiplies by the group's order and costs more than verifying a signature.
    return EVP_PKEY_public_check_quick(context) == 1
  }

  /// SHA-256 over the SubjectPublicKeyInfo, 32 bytes.
  public var fingerprint: [UInt8] { SHA256.hash(der) }

  /// Tells whether `signature` (ECDSA with SHA-256, DER) over `message` was made with this key's private half.
  ///
  /// Any bytes may be handed in. Note that ECDSA signatures are malleable: never use one as an identifier.
  public func verify(signature: [UInt8], over message: [UInt8]) -> Bool {
    guard !signature.isEmpty, let context = EVP_MD_CTX_new() else { return false }
    defer {
      EVP_MD_CTX_free(context)
      ERR_clear_error()
    }
    return EVP_DigestVerifyInit_ex(context, nil, "SHA2-256", nil, nil, key.pointer, nil) == 1
      && EVP_DigestVerify(context, signature, signature.count, message, message.count) == 1
  }
}

extension P256PublicKey: Hashable {
  public static func == (left: P256PublicKey, right: P256PublicKey) -> Bool { left.der == right.der }
  public func hash(into hasher: inout Hasher) { hasher.combine(der) }
}

extension P256PublicKey: CustomStringConvertible {
  /// The first bytes of the fingerprint, for logs.
  public var description: String { "P256PublicKey(\(hexadecimal(fingerprint.prefix(8)))…)" }
}

/// Lower-case hexadecimal digits of public bytes, for descriptions.
func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
  let digits = Array("0123456789abcdef")
  return String(bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
}
