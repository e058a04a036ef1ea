import COpenSSL

/// A private key on the curve P-256: an election key, or a key of a certificate authority.
public struct P256PrivateKey: Sendable {
  public let publicKey: P256PublicKey
  let key: OwnedPointer

  /// Makes a new key.
  public static func generate() throws(CryptographyError) -> P256PrivateKey {
    SecureHeap.prepare()
    let context = try require(EVP_PKEY_CTX_new_from_name(nil, "EC", nil), "start making a P-256 key")
    defer { EVP_PKEY_CTX_free(context) }
    try check(EVP_PKEY_keygen_init(context), "start making a P-256 key")
    try check(EVP_PKEY_CTX_set_group_name(context, "P-256"), "choose P-256")
    var key: OpaquePointer?
    try check(EVP_PKEY_generate(context, &key), "make a P-256 key")
    return try P256PrivateKey(OwnedPointer(key, free: EVP_PKEY_free, "make a P-256 key"))
  }

  /// Reads an unencrypted private key in PEM (PKCS#8 or SEC 1). Never asks for a passphrase.
  ///
  /// - Throws: `invalidEncoding` if it is none, longer than 16 KiB, or not of the named curve P-256.
  public init(pem: String) throws(CryptographyError) {
    SecureHeap.prepare()
    let key = readPEM(pem, free: EVP_PKEY_free) { keyval_read_private_key($0) }
    defer { keepAlive(key) }
    guard let key, EVP_PKEY_is_a(key.pointer, "EC") == 1 else {
      throw .invalidEncoding("this is not an unencrypted P-256 private key in PEM")
    }
    // A file may pair a private number with another key's public point.
    let context = try require(EVP_PKEY_CTX_new_from_pkey(nil, key.pointer, nil), "check a key")
    defer { EVP_PKEY_CTX_free(context) }
    guard EVP_PKEY_pairwise_check(context) == 1 else {
      ERR_clear_error()
      throw .invalidEncoding("the private key does not fit its public key")
    }
    try self.init(key)
  }

  private init(_ key: OwnedPointer) throws(CryptographyError) {
    defer { keepAlive(key) }
    publicKey = try P256PublicKey(der: encodeDER("encode a public key") { i2d_PUBKEY(key.pointer, $0) })
    self.key = key
  }

  /// The key in PEM (PKCS#8, not encrypted): a secret. Keep it out of logs, and in files of mode 0600 only.
  public var pem: String { String(decoding: pemBytes, as: UTF8.self) }

  /// The same for who zeroes it (`cleanse`) when it has been used.
  public var pemBytes: [UInt8] {
    writePEMBytes("encode a private key") { buffer in
      PEM_write_bio_PKCS8PrivateKey(buffer, key.pointer, nil, nil, 0, nil, nil)
    }
  }

  /// Signs with ECDSA and SHA-256; the signature is DER of at most 72 bytes, different each time.
  public func sign(_ message: [UInt8]) throws(CryptographyError) -> [UInt8] {
    let context = try require(EVP_MD_CTX_new(), "start signing")
    defer { EVP_MD_CTX_free(context) }
    try check(
      EVP_DigestSignInit_ex(context, nil, "SHA2-256", nil, nil, key.pointer, nil), "start signing")
    var signature = [UInt8](repeating: 0, count: 128)
    var length = signature.count
    try check(EVP_DigestSign(context, &signature, &length, message, message.count), "sign")
    signature.removeLast(signature.count - length)
    return signature
  }

  /// Makes a request for a certificate on this key (PKCS#10, RFC 2986) in DER.
  ///
  /// - Parameter subject: the principal that asks, at most 255 bytes.
  /// - Throws: `invalidValue` if the subject is empty or too long.
  public func certificateRequest(subject: String) throws(CryptographyError) -> [UInt8] {
    let request = try OwnedPointer(X509_REQ_new(), free: X509_REQ_free, "make a request")
    let name = try DistinguishedName.make(commonName: subject)
    defer {
      keepAlive(request)
      keepAlive(name)
    }
    try check(X509_REQ_set_version(request.pointer, 0), "make a request")
    try check(X509_REQ_set_subject_name(request.pointer, name.pointer), "set a subject")
    try check(X509_REQ_set_pubkey(request.pointer, key.pointer), "set a public key")
    guard X509_REQ_sign(request.pointer, key.pointer, EVP_sha256()) > 0 else {
      throw openSSLFailure("sign a request")
    }
    return try encodeDER("encode a request") { i2d_X509_REQ(request.pointer, $0) }
  }
}

extension P256PrivateKey: CustomStringConvertible, CustomReflectable {
  /// Names the public half; the private one is never printed, nor shown to `dump`.
  public var description: String { "P256PrivateKey(of \(publicKey))" }
  public var customMirror: Mirror { Mirror(self, children: [:]) }
}
