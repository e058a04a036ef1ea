import COpenSSL

/// A key pair for one X25519 agreement (RFC 7748). Made for one handshake and then forgotten.
public struct X25519KeyPair: Sendable {
  /// Bytes of a key, and of a shared secret.
  public static let length = 32

  /// The public key as it travels, 32 bytes.
  public let publicKey: [UInt8]
  private let key: OwnedPointer

  /// Makes a new pair from OpenSSL's own randomness. The private key is in the `SecureHeap` alone.
  public static func generate() throws(CryptographyError) -> X25519KeyPair {
    SecureHeap.prepare()
    let context = try require(EVP_PKEY_CTX_new_from_name(nil, "X25519", nil), "start making an X25519 key")
    defer { EVP_PKEY_CTX_free(context) }
    try check(EVP_PKEY_keygen_init(context), "start making an X25519 key")
    var key: OpaquePointer?
    try check(EVP_PKEY_generate(context, &key), "make an X25519 key")
    return try X25519KeyPair(OwnedPointer(key, free: EVP_PKEY_free, "make an X25519 key"))
  }

  /// Makes the pair of a known private key, for simulations and test vectors. (OpenSSL copies it to ordinary memory.)
  ///
  /// - Parameter privateKey: 32 bytes; any are valid, X25519 clamps them itself.
  /// - Throws: `wrongKeyLength`.
  public init(privateKey: [UInt8]) throws(CryptographyError) {
    guard privateKey.count == Self.length else {
      throw .wrongKeyLength(expected: Self.length, actual: privateKey.count)
    }
    try self.init(
      OwnedPointer(
        EVP_PKEY_new_raw_private_key_ex(nil, "X25519", nil, privateKey, privateKey.count),
        free: EVP_PKEY_free, "make an X25519 key"))
  }

  private init(_ key: OwnedPointer) throws(CryptographyError) {
    defer { keepAlive(key) }
    var publicKey = [UInt8](repeating: 0, count: Self.length)
    var length = Self.length
    try check(EVP_PKEY_get_raw_public_key(key.pointer, &publicKey, &length), "read an X25519 key")
    self.key = key
    self.publicKey = publicKey
  }

  /// Agrees on 32 secret bytes with the owner of `peerKey`.
  ///
  /// - Throws: `wrongKeyLength`; `weakSharedSecret` if the peer's key is of low order and the secret would be
  ///   all zeros (RFC 7748 §6.1): the peer's fault.
  public func sharedSecret(with peerKey: [UInt8]) throws(CryptographyError) -> SecretBytes {
    guard peerKey.count == Self.length else {
      throw .wrongKeyLength(expected: Self.length, actual: peerKey.count)
    }
    let peer = try OwnedPointer(
      EVP_PKEY_new_raw_public_key_ex(nil, "X25519", nil, peerKey, peerKey.count),
      free: EVP_PKEY_free, "read the peer's X25519 key")
    defer { keepAlive(peer) }
    let context = try require(EVP_PKEY_CTX_new_from_pkey(nil, key.pointer, nil), "start X25519")
    defer { EVP_PKEY_CTX_free(context) }
    try check(EVP_PKEY_derive_init(context), "start X25519")
    try check(EVP_PKEY_derive_set_peer(context, peer.pointer), "set the peer's X25519 key")
    var length = Self.length
    var result: Int32 = 0
    let secret = SecretBytes(count: Self.length) { output in
      result = EVP_PKEY_derive(context, output.bindMemory(to: UInt8.self).baseAddress, &length)
    }
    // OpenSSL refuses an all-zero result by itself; it is looked at here too, because safety hangs on it.
    guard result == 1, length == Self.length, secret != SecretBytes(count: Self.length, { _ in }) else {
      ERR_clear_error()
      throw .weakSharedSecret
    }
    return secret
  }
}

extension X25519KeyPair: CustomStringConvertible, CustomReflectable {
  /// Says what it is; the private key is never printed, nor shown to `dump`.
  public var description: String { "X25519KeyPair(private key withheld)" }
  public var customMirror: Mirror { Mirror(self, children: [:]) }
}
