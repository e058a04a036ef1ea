import COpenSSL

/// Authenticated encryption of one message under a key of its own, as a grant is sealed.
///
/// For a stream of messages under one key use `AEADCipher`, which is keyed once.
public enum AEAD {
  /// Seals `plaintext`; the result is the ciphertext followed by its tag of 16 bytes.
  ///
  /// - Parameters:
  ///   - key: 32 bytes.
  ///   - nonce: 12 bytes, never used before under this key.
  /// - Throws: `wrongKeyLength`, `wrongNonceLength`, `inputTooLarge`, `openSSL`.
  public static func seal(
    suite: CipherSuite, key: SecretBytes, nonce: [UInt8], associatedData: [UInt8], plaintext: [UInt8]
  ) throws(CryptographyError) -> [UInt8] {
    let cipher = try AEADCipher(suite: suite, key: key, direction: .seal)
    var output = [UInt8](repeating: 0, count: plaintext.count + suite.tagLength)
    let result = nonce.withUnsafeBytes { nonce in
      associatedData.withUnsafeBytes { associatedData in
        plaintext.withUnsafeBytes { plaintext in
          output.withUnsafeMutableBytes { output in
            Result { () throws(CryptographyError) in
              try cipher.seal(
                nonce: nonce, associatedData: associatedData, plaintext: plaintext, into: output)
            }
          }
        }
      }
    }
    _ = try result.get()
    return output
  }

  /// Opens what `seal` made, and returns the plaintext.
  ///
  /// - Throws: `authenticationFailed` for anything that was not sealed with exactly these inputs;
  ///   `wrongKeyLength`, `wrongNonceLength`, `inputTooLarge`, `openSSL`.
  public static func open(
    suite: CipherSuite, key: SecretBytes, nonce: [UInt8], associatedData: [UInt8], ciphertext: [UInt8]
  ) throws(CryptographyError) -> [UInt8] {
    let cipher = try AEADCipher(suite: suite, key: key, direction: .open)
    guard ciphertext.count >= suite.tagLength else { throw .authenticationFailed }
    var output = [UInt8](repeating: 0, count: ciphertext.count - suite.tagLength)
    let result = nonce.withUnsafeBytes { nonce in
      associatedData.withUnsafeBytes { associatedData in
        ciphertext.withUnsafeBytes { ciphertext in
          output.withUnsafeMutableBytes { output in
            Result { () throws(CryptographyError) in
              try cipher.open(
                nonce: nonce, associatedData: associatedData, ciphertext: ciphertext, into: output)
            }
          }
        }
      }
    }
    _ = try result.get()
    return output
  }

  /// The same under a key in an array, which stays the caller's to `cleanse`: for tests and test vectors.
  public static func seal(
    suite: CipherSuite, key: [UInt8], nonce: [UInt8], associatedData: [UInt8], plaintext: [UInt8]
  ) throws(CryptographyError) -> [UInt8] {
    try seal(
      suite: suite, key: SecretBytes(copying: key), nonce: nonce, associatedData: associatedData,
      plaintext: plaintext)
  }

  /// The same under a key in an array, which stays the caller's to `cleanse`: for tests and test vectors.
  public static func open(
    suite: CipherSuite, key: [UInt8], nonce: [UInt8], associatedData: [UInt8], ciphertext: [UInt8]
  ) throws(CryptographyError) -> [UInt8] {
    try open(
      suite: suite, key: SecretBytes(copying: key), nonce: nonce, associatedData: associatedData,
      ciphertext: ciphertext)
  }
}
