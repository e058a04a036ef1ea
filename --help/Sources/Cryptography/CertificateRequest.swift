import COpenSSL

/// A request for a certificate (PKCS#10, RFC 2986) that a peer sent, with its proof of possession checked.
public struct CertificateRequest: Sendable {
  /// The longest request that is looked at, in bytes.
  public static let maximumLength = maximumCertificateLength

  /// The key that the sender proved to hold.
  public let publicKey: P256PublicKey
  /// The principal that the sender says it is: a claim, which the caller compares with the session's peer.
  public let subject: String

  /// Reads and checks a request.
  ///
  /// Attributes are ignored: what stands in a certificate is the authority's decision alone.
  ///
  /// - Throws: `inputTooLarge`; `invalidEncoding` unless it is exactly one request on a P-256 key, signed by
  ///   that key with ECDSA and SHA-256, whose subject is one common name.
  public init(der: [UInt8]) throws(CryptographyError) {
    guard der.count <= Self.maximumLength else {
      throw .inputTooLarge(limit: Self.maximumLength, actual: der.count)
    }
    let request = decodeDER(der, free: X509_REQ_free) { d2i_X509_REQ(nil, $0, $1) }
    guard let request else { throw .invalidEncoding("this is not a certificate request in DER") }
    defer { keepAlive(request) }
    guard let keyInformation = X509_REQ_get_X509_PUBKEY(request.pointer) else {
      throw .invalidEncoding("the request carries no public key")
    }
    publicKey = try P256PublicKey(
      der: encodeDER("encode a public key") { i2d_X509_PUBKEY(keyInformation, $0) })
    guard let subject = DistinguishedName.soleCommonName(of: X509_REQ_get_subject_name(request.pointer))
    else { throw .invalidEncoding("the subject of a request must be one common name") }
    self.subject = subject
    defer { ERR_clear_error() }
    guard X509_REQ_get_signature_nid(request.pointer) == NID_ecdsa_with_SHA256,
      X509_REQ_verify(request.pointer, publicKey.key.pointer) == 1
    else { throw .invalidEncoding("the request is not signed by the key that it carries") }
  }
}
