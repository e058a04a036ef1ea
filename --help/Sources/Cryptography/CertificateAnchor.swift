import COpenSSL

/// The certificate of an election CA that this node believes: read from the realm's configuration.
public struct CertificateAnchor: Sendable {
  /// The longest encoding that is looked at, in bytes.
  public static let maximumLength = maximumCertificateLength

  public let der: [UInt8]
  let certificate: OwnedPointer

  /// Reads one certificate in PEM.
  ///
  /// - Throws: `tooLarge`, `malformed`; `isNotAuthority` if it is not a self-signed CA; `wrongAlgorithm` if
  ///   its key is not of P-256.
  public init(pem: String) throws(CertificateError) {
    guard pem.utf8.count <= Self.maximumLength else {
      throw .tooLarge(limit: Self.maximumLength, actual: pem.utf8.count)
    }
    let certificate = readPEM(pem, free: X509_free) { keyval_read_certificate($0) }
    guard let certificate else { throw .malformed }
    try self.init(certificate)
  }

  /// Reads one certificate in DER. Throws as `init(pem:)` does.
  public init(der: [UInt8]) throws(CertificateError) {
    guard der.count <= Self.maximumLength else {
      throw .tooLarge(limit: Self.maximumLength, actual: der.count)
    }
    guard let certificate = decodeDER(der, free: X509_free, { d2i_X509(nil, $0, $1) }) else {
      throw .malformed
    }
    try self.init(certificate)
  }

  private init(_ certificate: OwnedPointer) throws(CertificateError) {
    defer {
      keepAlive(certificate)
      ERR_clear_error()
    }
    guard certificatePublicKey(certificate) != nil else { throw .wrongAlgorithm }
    // 1: an X.509 version 3 certificate whose basic constraints say that it is an authority.
    guard X509_check_ca(certificate.pointer) == 1, X509_self_signed(certificate.pointer, 1) == 1 else {
      throw .isNotAuthority
    }
    guard let der = try? encodeDER("encode a certificate", { i2d_X509(certificate.pointer, $0) }) else {
      throw .malformed
    }
    self.der = der
    self.certificate = certificate
  }

  /// The certificate in PEM, as MIT's `pkinit_anchors` wants it.
  public var pem: String { certificatePEM(certificate) }

  /// When it begins and ends, in seconds since 1970.
  public var notBefore: Int64? { CertificateTime.seconds(X509_get0_notBefore(certificate.pointer)) }
  public var notAfter: Int64? { CertificateTime.seconds(X509_get0_notAfter(certificate.pointer)) }
}

/// The public key of a certificate, if it is of P-256.
func certificatePublicKey(_ certificate: OwnedPointer) -> P256PublicKey? {
  defer { keepAlive(certificate) }
  guard let information = X509_get_X509_PUBKEY(certificate.pointer) else { return nil }
  let der = try? encodeDER("encode a public key") { i2d_X509_PUBKEY(information, $0) }
  return der.flatMap { try? P256PublicKey(der: $0) }
}

/// A certificate in PEM.
func certificatePEM(_ certificate: OwnedPointer) -> String {
  writePEM("encode a certificate") { PEM_write_bio_X509($0, certificate.pointer) }
}
