/// Why a cryptographic operation was refused. No case carries a key, a plaintext or a peer's bytes.
public enum CryptographyError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The tag does not fit: key, nonce, associated data or ciphertext differ from what was sealed.
  case authenticationFailed
  /// A key of the wrong number of bytes (the caller's fault).
  case wrongKeyLength(expected: Int, actual: Int)
  /// A nonce of the wrong number of bytes (the caller's fault).
  case wrongNonceLength(expected: Int, actual: Int)
  /// The output buffer cannot hold the result (the caller's fault).
  case bufferTooSmall(needed: Int, actual: Int)
  /// An input above the stated limit, in bytes.
  case inputTooLarge(limit: Int, actual: Int)
  /// A cipher keyed for one direction was used in the other (the caller's fault).
  case wrongDirection
  /// The peer's X25519 key is of low order: the shared secret would be known to everybody.
  case weakSharedSecret
  /// Bytes that are no key, request or certificate of the kind that is accepted; the text says which rule.
  case invalidEncoding(String)
  /// A value that may not stand in a certificate (realm, principal, term, validity); the text says why.
  case invalidValue(String)
  /// OpenSSL refused an operation that does not depend on the input: memory, or a provider is missing.
  case openSSL(operation: String, reason: String)

  public var description: String {
    switch self {
    case .authenticationFailed:
      "The sealed bytes do not authenticate: they were altered, or sealed with another key or nonce."
    case .wrongKeyLength(let expected, let actual):
      "A key must have \(expected) bytes, this one has \(actual)."
    case .wrongNonceLength(let expected, let actual):
      "A nonce must have \(expected) bytes, this one has \(actual)."
    case .bufferTooSmall(let needed, let actual):
      "The result needs a buffer of \(needed) bytes, this one has \(actual)."
    case .inputTooLarge(let limit, let actual):
      "At most \(limit) bytes are accepted here, these are \(actual)."
    case .wrongDirection:
      "A cipher keyed for sealing cannot open, nor the other way round."
    case .weakSharedSecret:
      "The peer sent an X25519 key of low order: no secret can be agreed with it."
    case .invalidEncoding(let rule):
      "Not an acceptable encoding: \(rule)."
    case .invalidValue(let rule):
      "Not an acceptable value: \(rule)."
    case .openSSL(let operation, let reason):
      "OpenSSL could not \(operation) (\(reason)): check that libcrypto 3 and its default provider are whole."
    }
  }
}
