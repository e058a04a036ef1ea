import COpenSSL

/// One direction of authenticated encryption: the key is set once, each message brings its own nonce.
///
/// Keying a context costs several times what a short message costs, so a session keeps one of these for each
/// direction and key. It is not `Sendable`: one event loop owns it. The caller never repeats a nonce.
public final class AEADCipher {
  public enum Direction: Sendable {
    case seal
    case open
  }

  /// The longest message in bytes; far above any record, and low enough for OpenSSL's `int` lengths.
  public static let maximumMessageLength = 1 << 30

  public let suite: CipherSuite
  public let direction: Direction

  private let context: OpaquePointer
  /// One parameter, the tag, and the end mark. Only its data pointer changes from message to message.
  private let tagParameters: UnsafeMutablePointer<OSSL_PARAM>

  /// Keys a cipher.
  ///
  /// - Parameter key: 32 bytes. The array stays the caller's to `cleanse`; OpenSSL wipes its own schedule.
  /// - Throws: `wrongKeyLength`; `openSSL` if no provider has the cipher.
  public convenience init(suite: CipherSuite, key: [UInt8], direction: Direction) throws(CryptographyError) {
    let bytes = SecretBytes(copying: key)
    try self.init(suite: suite, key: bytes, direction: direction)
  }

  /// Keys a cipher with a secret of 32 bytes. What OpenSSL makes of it (its key schedule) is in ordinary memory, and is
  /// zeroed with the cipher.
  ///
  /// - Throws: `wrongKeyLength`; `openSSL` if no provider has the cipher.
  public init(suite: CipherSuite, key: SecretBytes, direction: Direction) throws(CryptographyError) {
    guard key.count == suite.keyLength else {
      throw .wrongKeyLength(expected: suite.keyLength, actual: key.count)
    }
    let cipher = try require(EVP_CIPHER_fetch(nil, suite.openSSLName, nil), "find \(suite.openSSLName)")
    defer { EVP_CIPHER_free(cipher) }
    let context = try require(EVP_CIPHER_CTX_new(), "allocate a cipher context")
    let result = key.withUnsafeBytes { key in
      switch direction {
      case .seal: EVP_EncryptInit_ex2(context, cipher, bytes(key), nil, nil)
      case .open: EVP_DecryptInit_ex2(context, cipher, bytes(key), nil, nil)
      }
    }
    guard result == 1 else {
      EVP_CIPHER_CTX_free(context)
      throw openSSLFailure("key \(suite.openSSLName)")
    }
    self.suite = suite
    self.direction = direction
    self.context = context
    tagParameters = .allocate(capacity: 2)
    tagParameters[0] = keyval_tag_parameter(CipherSuite.tagLength)
    tagParameters[1] = OSSL_PARAM_construct_end()
  }

  deinit {
    EVP_CIPHER_CTX_free(context)
    tagParameters.deallocate()
  }

  /// Encrypts `plaintext` into `output` and appends the tag of 16 bytes.
  ///
  /// - Parameters:
  ///   - nonce: 12 bytes, never used before under this key.
  ///   - plaintext: may begin exactly where `output` begins; otherwise the two do not overlap.
  ///   - output: at least 16 bytes longer than `plaintext`.
  /// - Returns: the number of bytes written, ciphertext and tag.
  /// - Throws: `wrongNonceLength`, `inputTooLarge`, `bufferTooSmall`, `wrongDirection`.
  public func seal(
    nonce: UnsafeRawBufferPointer, associatedData: UnsafeRawBufferPointer,
    plaintext: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
  ) throws(CryptographyError) -> Int {
    guard direction == .seal else { throw .wrongDirection }
    try checkLengths(nonce: nonce, associatedData: associatedData, message: plaintext.count)
    let length = plaintext.count + CipherSuite.tagLength
    guard output.count >= length, let start = output.baseAddress else {
      throw .bufferTooSmall(needed: length, actual: output.count)
    }
    var written: Int32 = 0
    try check(EVP_EncryptInit_ex2(context, nil, nil, bytes(nonce), nil), "set a nonce")
    if associatedData.count > 0 {
      try check(
        EVP_EncryptUpdate(context, nil, &written, bytes(associatedData), Int32(associatedData.count)),
        "authenticate associated data")
    }
    if plaintext.count > 0 {
      try check(
        EVP_EncryptUpdate(
          context, start.assumingMemoryBound(to: UInt8.self), &written, bytes(plaintext),
          Int32(plaintext.count)), "encrypt")
    }
    let tag = start + plaintext.count
    try check(
      EVP_EncryptFinal_ex(context, tag.assumingMemoryBound(to: UInt8.self), &written),
      "finish encrypting")
    tagParameters[0].data = tag
    try check(EVP_CIPHER_CTX_get_params(context, tagParameters), "read a tag")
    return length
  }

  /// Decrypts `ciphertext`, whose last 16 bytes are its tag, into `output`.
  ///
  /// If the tag does not fit, what had been decrypted is wiped before the error is thrown: unauthenticated
  /// plaintext never leaves this call (in place that destroys the ciphertext).
  ///
  /// - Parameters:
  ///   - ciphertext: may begin exactly where `output` begins; otherwise the two do not overlap.
  ///   - output: at least as long as the plaintext, 16 bytes less than `ciphertext`.
  /// - Returns: the number of plaintext bytes written.
  /// - Throws: `authenticationFailed`, for a ciphertext shorter than a tag as well; `wrongNonceLength`,
  ///   `inputTooLarge`, `bufferTooSmall`, `wrongDirection`.
  public func open(
    nonce: UnsafeRawBufferPointer, associatedData: UnsafeRawBufferPointer,
    ciphertext: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
  ) throws(CryptographyError) -> Int {
    guard direction == .open else { throw .wrongDirection }
    guard ciphertext.count >= CipherSuite.tagLength, let start = ciphertext.baseAddress else {
      throw .authenticationFailed
    }
    let length = ciphertext.count - CipherSuite.tagLength
    try checkLengths(nonce: nonce, associatedData: associatedData, message: length)
    guard output.count >= length else { throw .bufferTooSmall(needed: length, actual: output.count) }
    var written: Int32 = 0
    try check(EVP_DecryptInit_ex2(context, nil, nil, bytes(nonce), nil), "set a nonce")
    // The provider reads the tag and copies it: it never writes through this pointer.
    tagParameters[0].data = UnsafeMutableRawPointer(mutating: start + length)
    try check(EVP_CIPHER_CTX_set_params(context, tagParameters), "set a tag")
    if associatedData.count > 0 {
      try check(
        EVP_DecryptUpdate(context, nil, &written, bytes(associatedData), Int32(associatedData.count)),
        "authenticate associated data")
    }
    if length > 0, let plaintext = output.baseAddress?.assumingMemoryBound(to: UInt8.self) {
      try check(
        EVP_DecryptUpdate(
          context, plaintext, &written, start.assumingMemoryBound(to: UInt8.self), Int32(length)),
        "decrypt")
    }
    try finishOpening(wipingOnFailure: UnsafeMutableRawBufferPointer(rebasing: output.prefix(length)))
    return length
  }

  private func finishOpening(
    wipingOnFailure plaintext: UnsafeMutableRawBufferPointer
  ) throws(CryptographyError) {
    // Neither cipher has a last block to write, but OpenSSL wants somewhere to write it.
    var written: Int32 = 0
    var nothing: (UInt64, UInt64) = (0, 0)
    let result = withUnsafeMutableBytes(of: &nothing) { block in
      EVP_DecryptFinal_ex(context, block.baseAddress?.assumingMemoryBound(to: UInt8.self), &written)
    }
    guard result == 1 else {
      OPENSSL_cleanse(plaintext.baseAddress, plaintext.count)
      ERR_clear_error()
      throw .authenticationFailed
    }
  }

  private func checkLengths(
    nonce: UnsafeRawBufferPointer, associatedData: UnsafeRawBufferPointer, message: Int
  ) throws(CryptographyError) {
    guard nonce.count == CipherSuite.ivLength else {
      throw .wrongNonceLength(expected: CipherSuite.ivLength, actual: nonce.count)
    }
    let longest = max(message, associatedData.count)
    guard longest <= Self.maximumMessageLength else {
      throw .inputTooLarge(limit: Self.maximumMessageLength, actual: longest)
    }
  }
}

extension AEADCipher: CustomStringConvertible {
  /// Names the suite and the direction; a key is never printed.
  public var description: String { "AEADCipher(\(suite), \(direction))" }
}

@inline(__always)
private func bytes(_ buffer: UnsafeRawBufferPointer) -> UnsafePointer<UInt8>? {
  buffer.baseAddress?.assumingMemoryBound(to: UInt8.self)
}
