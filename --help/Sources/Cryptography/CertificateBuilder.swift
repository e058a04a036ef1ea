import COpenSSL
import CertificateTemplates

/// What a certificate is made from, all that its template does not say.
struct CertificateBuilder {
  let serialNumber: SerialNumber
  let subject: OwnedPointer
  let publicKey: P256PublicKey
  /// Seconds since 1970.
  let notBefore: Int64
  let notAfter: Int64
  /// An OpenSSL configuration with a section `extensions`.
  let template: String
  /// What the template calls `${names::…}`: `checkRealm` has passed them, nothing in them is syntax.
  let names: [(name: String, value: String)]

  enum SerialNumber {
    case term(UInt64)
    /// 127 random bits with the highest one set: above every term.
    case random
  }

  /// Makes the certificate and signs it. `issuer` is `nil` for one that its own key signs.
  func sign(issuer: OwnedPointer?, key: P256PrivateKey) throws(CryptographyError) -> OwnedPointer {
    try CertificateTime.check(notBefore: notBefore, notAfter: notAfter)
    let certificate = try OwnedPointer(X509_new(), free: X509_free, "make a certificate")
    defer {
      keepAlive(certificate)
      keepAlive(issuer)
    }
    let pointer = certificate.pointer
    try check(X509_set_version(pointer, 2), "set the version")  // 2 says version 3
    try setSerialNumber(of: pointer)
    try check(X509_set_subject_name(pointer, subject.pointer), "set a subject")
    let issuerName = issuer.map { X509_get_subject_name($0.pointer) } ?? subject.pointer
    try check(X509_set_issuer_name(pointer, issuerName), "set an issuer")
    guard ASN1_TIME_set(X509_getm_notBefore(pointer), time_t(notBefore)) != nil,
      ASN1_TIME_set(X509_getm_notAfter(pointer), time_t(notAfter)) != nil
    else { throw openSSLFailure("set the validity") }
    try check(X509_set_pubkey(pointer, publicKey.key.pointer), "set a public key")
    try addExtensions(to: pointer, issuer: issuer?.pointer ?? pointer)
    guard X509_sign(pointer, key.key.pointer, EVP_sha256()) > 0 else {
      throw openSSLFailure("sign a certificate")
    }
    return certificate
  }

  private func setSerialNumber(of certificate: OpaquePointer) throws(CryptographyError) {
    guard let number = X509_get_serialNumber(certificate) else { throw openSSLFailure("set a serial number") }
    switch serialNumber {
    case .term(let term):
      try check(ASN1_INTEGER_set_uint64(number, term), "set a serial number")
    case .random:
      var bytes = SecureRandom.bytes(16)
      bytes[0] = bytes[0] & 0x7f | 0x40
      let integer = try require(BN_bin2bn(bytes, Int32(bytes.count), nil), "make a serial number")
      defer { BN_free(integer) }
      guard BN_to_ASN1_INTEGER(integer, number) != nil else { throw openSSLFailure("set a serial number") }
    }
  }

  private func addExtensions(
    to certificate: OpaquePointer, issuer: OpaquePointer
  ) throws(CryptographyError) {
    let values = names.map { "\($0.name) = \($0.value)\n" }.joined()
    let text = Array("[ names ]\n\(values)\n\(template)".utf8)
    let configuration = try require(NCONF_new(nil), "read a template")
    defer { NCONF_free(configuration) }
    // OpenSSL reads these bytes in place, so they must stay until it has loaded them.
    try text.withUnsafeBufferPointer { bytes throws(CryptographyError) in
      let buffer = try require(BIO_new_mem_buf(bytes.baseAddress, Int32(bytes.count)), "read a template")
      defer { BIO_free(buffer) }
      var line = 0
      guard NCONF_load_bio(configuration, buffer, &line) == 1 else {
        throw openSSLFailure("read line \(line) of a certificate template")
      }
    }
    var context = X509V3_CTX()
    X509V3_set_ctx(&context, issuer, certificate, nil, nil, 0)
    X509V3_set_nconf(&context, configuration)
    try check(
      X509V3_EXT_add_nconf(configuration, &context, "extensions", certificate),
      "make the extensions of a certificate template")
  }
}
