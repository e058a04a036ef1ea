import COpenSSL

/// A certificate that somebody shows to be believed the commander of a term. Nothing in it is believed, or
/// can be read, before `verify`.
public struct ElectionCertificate: Sendable {
  /// The longest encoding that is looked at, in bytes; real ones have half a KiB.
  public static let maximumLength = maximumCertificateLength

  /// The bytes as they were handed in.
  public let der: [UInt8]
  private let certificate: OwnedPointer

  /// What a certificate proves.
  public struct Verified: Sendable, Equatable {
    public let term: UInt64
    /// The drone that won, `keyval-drone/NODE@REALM`.
    public let winner: String
    /// The office, `keyval-commander/TERM@REALM`.
    public let office: String
    /// The election key, which signs slot maps.
    public let publicKey: P256PublicKey
    /// Seconds since 1970.
    public let notBefore: Int64
    public let notAfter: Int64
  }

  /// Reads a certificate, whoever issued it.
  ///
  /// - Throws: `tooLarge` above 16 KiB, before anything is decoded; `malformed`.
  public init(der: [UInt8]) throws(CertificateError) {
    guard der.count <= Self.maximumLength else {
      throw .tooLarge(limit: Self.maximumLength, actual: der.count)
    }
    guard let certificate = decodeDER(der, free: X509_free, { d2i_X509(nil, $0, $1) }) else {
      throw .malformed
    }
    self.der = der
    self.certificate = certificate
  }

  /// The certificate in PEM, as MIT's `X509_user_identity` wants it.
  public var pem: String { certificatePEM(certificate) }

  /// The same for who zeroes it (`cleanse`): a certificate for the KDC has a secret in it.
  public var pemBytes: [UInt8] {
    writePEMBytes("encode a certificate") { PEM_write_bio_X509($0, certificate.pointer) }
  }

  /// Checks everything that can be checked of a certificate alone, and returns what it proves.
  ///
  /// The caller still compares the winner with the session's peer, the realm with its own, and the term with
  /// the highest that it has stored.
  ///
  /// - Parameters:
  ///   - anchors: the election CAs of the realm; without any, nothing is believed.
  ///   - now: seconds since 1970; the certificate's first second is included, its last is not.
  /// - Throws: the first rule that it breaks. Apart from `isAuthority`, chain and validity come first: every
  ///   other error is one of a certificate that the CA did sign.
  public func verify(anchors: [CertificateAnchor], now: Int64) throws(CertificateError) -> Verified {
    defer { ERR_clear_error() }
    guard X509_check_ca(certificate.pointer) == 0 else { throw .isAuthority }
    try CertificateChain.verify(certificate, anchors: anchors, now: now)
    guard X509_get_version(certificate.pointer) == 2 else { throw .malformed }
    guard X509_get_signature_nid(certificate.pointer) == NID_ecdsa_with_SHA256,
      let publicKey = certificatePublicKey(certificate)
    else { throw .wrongAlgorithm }
    let term = try serialNumber()
    guard let winner = DistinguishedName.soleCommonName(of: X509_get_subject_name(certificate.pointer)),
      let realm = CertifiedNames.realm(ofDrone: winner)
    else { throw .wrongSubject }
    try checkExtensions(term: term, realm: realm)
    guard let notBefore = CertificateTime.seconds(X509_get0_notBefore(certificate.pointer)),
      let notAfter = CertificateTime.seconds(X509_get0_notAfter(certificate.pointer))
    else { throw .malformed }
    return Verified(
      term: term, winner: winner, office: CertifiedNames.office(term: term, realm: realm),
      publicKey: publicKey, notBefore: notBefore, notAfter: notAfter)
  }

  private func serialNumber() throws(CertificateError) -> UInt64 {
    var term: UInt64 = 0
    // Refuses negative numbers and those above 64 bits.
    guard ASN1_INTEGER_get_uint64(&term, X509_get0_serialNumber(certificate.pointer)) == 1, term > 0 else {
      throw .wrongSerialNumber
    }
    return term
  }

  /// Compares the extensions with the shape that `Certs/election-certificate.cnf` gives them: each one is
  /// there once, byte for byte, and there is no other.
  private func checkExtensions(term: UInt64, realm: String) throws(CertificateError) {
    // No authority (the default, so that DER leaves it out) and no path length.
    guard try onlyExtension(NID_basic_constraints) == DistinguishedEncoding.sequence() else {
      throw .unexpectedExtension("with other basic constraints")
    }
    // BIT STRING, seven unused bits, digitalSignature.
    guard try onlyExtension(NID_key_usage) == [0x03, 0x02, 0x07, 0x80],
      try onlyExtension(NID_ext_key_usage)
        == DistinguishedEncoding.sequence(DistinguishedEncoding.Identifier.pkinitClient)
    else { throw .wrongPurpose }
    let office = DistinguishedEncoding.principalName(
      realm: realm, components: [CertifiedNames.officeComponent, String(term)])
    guard try onlyExtension(NID_subject_alt_name) == office else { throw .wrongOffice }
    // Which key signed it was found out by verifying: this one may say anything.
    _ = try onlyExtension(NID_authority_key_identifier)
    try refuseOtherExtensions()
  }

  /// The value of the extension of this kind. Throws `unexpectedExtension` if there is none, or a second.
  private func onlyExtension(_ kind: Int32) throws(CertificateError) -> [UInt8] {
    let index = X509_get_ext_by_NID(certificate.pointer, kind, -1)
    guard index >= 0, X509_get_ext_by_NID(certificate.pointer, kind, index) == -1,
      let value = X509_EXTENSION_get_data(X509_get_ext(certificate.pointer, index)),
      let start = ASN1_STRING_get0_data(value)
    else { throw .unexpectedExtension(OBJ_nid2ln(kind).map { String(cString: $0) } ?? "\(kind)") }
    return Array(UnsafeBufferPointer(start: start, count: Int(ASN1_STRING_length(value))))
  }

  private func refuseOtherExtensions() throws(CertificateError) {
    let expected = [
      NID_basic_constraints, NID_key_usage, NID_ext_key_usage, NID_subject_alt_name,
      NID_authority_key_identifier,
    ]
    for index in 0..<max(0, X509_get_ext_count(certificate.pointer)) {
      let identifier = X509_EXTENSION_get_object(X509_get_ext(certificate.pointer, index))
      guard expected.contains(OBJ_obj2nid(identifier)) else {
        var text = [CChar](repeating: 0, count: 80)
        _ = OBJ_obj2txt(&text, Int32(text.count), identifier, 1)
        let name = text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        throw .unexpectedExtension(String(decoding: name, as: UTF8.self))
      }
    }
  }
}
