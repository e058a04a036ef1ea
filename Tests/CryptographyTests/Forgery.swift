import COpenSSL

@testable import Cryptography

/// Makes what the product refuses to make: certificates that break one rule each, signed by the real CA.
struct Forgery {
  static let realm = "KEYVAL.TEST"
  static let winner = "keyval-drone/d1@KEYVAL.TEST"
  /// 2027, in seconds since 1970: no test looks at the clock.
  static let now: Int64 = 1_800_000_000

  let certificate: CertificateAnchor
  let key: P256PrivateKey
  let authority: CertificateAuthority
  let winnersKey: P256PrivateKey

  init() throws {
    authority = try CertificateAuthority.create(
      name: "Keyval election CA", realm: Self.realm, notBefore: Self.now - 60,
      notAfter: Self.now + 1_000_000)
    certificate = authority.anchor
    key = try P256PrivateKey(pem: authority.keyPEM)
    winnersKey = try P256PrivateKey.generate()
  }

  /// A certificate that breaks no rule.
  func honest(term: UInt64 = 17, notBefore: Int64 = now - 10, notAfter: Int64 = now + 3_600) throws -> [UInt8]
  {
    try authority.issueElectionCertificate(
      publicKey: winnersKey.publicKey, term: term, winner: Self.winner, realm: Self.realm,
      notBefore: notBefore, notAfter: notAfter)
  }

  /// Changes an honest certificate and signs it again with the CA's key.
  func altered(
    digest: OpaquePointer? = nil, _ change: (OpaquePointer) throws -> Void
  ) throws -> [UInt8] {
    let honest = decodeDER(try honest(), free: X509_free) { d2i_X509(nil, $0, $1) }
    defer { keepAlive(honest) }
    let pointer = try require(honest, "decode").pointer
    try change(pointer)
    guard X509_sign(pointer, key.key.pointer, digest ?? EVP_sha256()) > 0 else {
      throw openSSLFailure("sign")
    }
    return try encodeDER("encode") { i2d_X509(pointer, $0) }
  }

  /// Makes a certificate from another template than the product's.
  func issued(
    template: String, serialNumber: CertificateBuilder.SerialNumber = .term(17), subject: String = winner
  ) throws -> [UInt8] {
    let builder = CertificateBuilder(
      serialNumber: serialNumber, subject: try DistinguishedName.make(commonName: subject),
      publicKey: winnersKey.publicKey, notBefore: Self.now - 10, notAfter: Self.now + 3_600,
      template: template, names: [("realm", Self.realm), ("term", "17")])
    let made = try builder.sign(issuer: certificate.certificate, key: key)
    return try encodeDER("encode") { i2d_X509(made.pointer, $0) }
  }

  /// A key of any algorithm.
  static func key(algorithm: String, curve: String?) throws -> OwnedPointer {
    let context = try require(EVP_PKEY_CTX_new_from_name(nil, algorithm, nil), "start")
    defer { EVP_PKEY_CTX_free(context) }
    try check(EVP_PKEY_keygen_init(context), "start")
    if let curve { try check(EVP_PKEY_CTX_set_group_name(context, curve), "curve") }
    var key: OpaquePointer?
    try check(EVP_PKEY_generate(context, &key), "generate")
    return try OwnedPointer(key, free: EVP_PKEY_free, "generate")
  }
}
