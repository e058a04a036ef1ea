import COpenSSL
import CertificateTemplates

/// The election CA: whoever holds its key can appoint anybody, so it lives in the authority's process alone.
///
/// It keeps no state. That a term is certified for one key only is the authority's register's promise, to be
/// kept before `issueElectionCertificate` is called.
public struct CertificateAuthority: Sendable {
  /// What everybody else needs of it.
  public let anchor: CertificateAnchor
  private let key: P256PrivateKey

  /// Makes a new CA.
  ///
  /// - Parameters:
  ///   - name: the common name, such as `Keyval election CA`; 1 to 255 bytes.
  ///   - realm: stands as the organization.
  ///   - notBefore, notAfter: seconds since 1970. Nothing that it issues lives longer than itself.
  /// - Throws: `invalidValue`, `openSSL`.
  public static func create(
    name: String, realm: String, notBefore: Int64, notAfter: Int64
  ) throws(CryptographyError) -> CertificateAuthority {
    try CertifiedNames.checkRealm(realm)
    let key = try P256PrivateKey.generate()
    let builder = CertificateBuilder(
      serialNumber: .random,
      subject: try DistinguishedName.make(organization: realm, commonName: name),
      publicKey: key.publicKey, notBefore: notBefore, notAfter: notAfter,
      template: CertificateTemplates.electionCA, names: [("realm", realm)])
    let certificate = try builder.sign(issuer: nil, key: key)
    return try CertificateAuthority(certificatePEM: Cryptography.certificatePEM(certificate), key: key)
  }

  /// Reads a CA from its two files.
  ///
  /// - Throws: `invalidEncoding` if one of them is not what it should be, or they do not belong together.
  public init(certificatePEM: String, keyPEM: String) throws(CryptographyError) {
    try self.init(certificatePEM: certificatePEM, key: P256PrivateKey(pem: keyPEM))
  }

  private init(certificatePEM: String, key: P256PrivateKey) throws(CryptographyError) {
    do throws(CertificateError) {
      anchor = try CertificateAnchor(pem: certificatePEM)
    } catch {
      throw .invalidEncoding("the CA's certificate cannot be used: \(error)")
    }
    guard certificatePublicKey(anchor.certificate) == key.publicKey else {
      throw .invalidEncoding("the CA's certificate is for another key than the one beside it")
    }
    self.key = key
  }

  /// The certificate, for everybody's `pkinit_anchors`.
  public var certificatePEM: String { anchor.pem }

  /// The private key, not encrypted: for a file of mode 0600 under the authority's own user, nowhere else.
  public var keyPEM: String { key.pem }

  /// Certifies that `winner` holds the office of `term` with `publicKey`.
  ///
  /// - Parameters:
  ///   - term: at least 1; becomes the serial number and the office's name.
  ///   - winner: the drone's principal, `keyval-drone/NODE@REALM` in the same realm.
  ///   - notBefore, notAfter: seconds since 1970, the end not after the CA's own.
  /// - Returns: the certificate in DER.
  /// - Throws: `invalidValue`, `openSSL`.
  public func issueElectionCertificate(
    publicKey: P256PublicKey, term: UInt64, winner: String, realm: String, notBefore: Int64,
    notAfter: Int64
  ) throws(CryptographyError) -> [UInt8] {
    try issue(
      publicKey: publicKey, term: term, winner: winner, realm: realm, secret: nil, notBefore: notBefore,
      notAfter: notAfter)
  }

  /// Certifies the same to the KDC, which gives the office's ticket for it and for nothing else.
  ///
  /// Its subject has, behind the winner's name, the secret that the KDC's rule for this office asks for. So it is shown
  /// to the KDC alone, under the seal of another ticket; nobody takes it for an election certificate.
  ///
  /// - Parameters:
  ///   - secret: 32 bytes, those of the rule.
  ///   - term, winner, notBefore, notAfter: as of the election certificate.
  /// - Returns: the certificate in DER. It is as secret as the key.
  /// - Throws: `invalidValue`, `openSSL`.
  public func issueTicketCertificate(
    publicKey: P256PublicKey, term: UInt64, winner: String, realm: String, secret: [UInt8],
    notBefore: Int64, notAfter: Int64
  ) throws(CryptographyError) -> [UInt8] {
    guard secret.count == 32 else { throw .invalidValue("the secret of an office has 32 bytes") }
    return try issue(
      publicKey: publicKey, term: term, winner: winner, realm: realm, secret: hexadecimal(secret),
      notBefore: notBefore, notAfter: notAfter)
  }

  private func issue(
    publicKey: P256PublicKey, term: UInt64, winner: String, realm: String, secret: String?,
    notBefore: Int64, notAfter: Int64
  ) throws(CryptographyError) -> [UInt8] {
    try CertifiedNames.checkRealm(realm)
    guard term > 0 else { throw .invalidValue("terms begin with 1") }
    guard CertifiedNames.realm(ofDrone: winner) == realm else {
      throw .invalidValue("the winner must be a drone of the realm, keyval-drone/NODE@\(realm)")
    }
    try checkEnd(notAfter)
    let builder = CertificateBuilder(
      serialNumber: .term(term),
      subject: try DistinguishedName.make(commonName: winner, serialNumber: secret),
      publicKey: publicKey, notBefore: notBefore, notAfter: notAfter,
      template: CertificateTemplates.electionCertificate,
      names: [("realm", realm), ("term", String(term))])
    let certificate = try builder.sign(issuer: anchor.certificate, key: key)
    defer { keepAlive(certificate) }
    return try encodeDER("encode a certificate") { i2d_X509(certificate.pointer, $0) }
  }

  /// Makes a key for the KDC of `realm` and certifies it. Both go into files that only the KDC reads.
  ///
  /// - Parameters:
  ///   - notBefore, notAfter: seconds since 1970, the end not after the CA's own.
  /// - Throws: `invalidValue`, `openSSL`.
  public func issueKDCCertificate(
    realm: String, notBefore: Int64, notAfter: Int64
  ) throws(CryptographyError) -> (certificatePEM: String, keyPEM: String) {
    try CertifiedNames.checkRealm(realm)
    try checkEnd(notAfter)
    let kdcKey = try P256PrivateKey.generate()
    let builder = CertificateBuilder(
      serialNumber: .random, subject: try DistinguishedName.make(commonName: "KDC of \(realm)"),
      publicKey: kdcKey.publicKey, notBefore: notBefore, notAfter: notAfter,
      template: CertificateTemplates.kdcCertificate, names: [("realm", realm)])
    let certificate = try builder.sign(issuer: anchor.certificate, key: key)
    return (Cryptography.certificatePEM(certificate), kdcKey.pem)
  }

  private func checkEnd(_ notAfter: Int64) throws(CryptographyError) {
    guard let end = anchor.notAfter, notAfter <= end else {
      throw .invalidValue("a certificate may not outlive the CA that issues it; the realm needs a new CA")
    }
  }
}

extension CertificateAuthority: CustomStringConvertible, CustomReflectable {
  /// Names the CA's public key; the private one is never printed, nor shown to `dump`.
  public var description: String { "CertificateAuthority(of \(key.publicKey))" }
  public var customMirror: Mirror { Mirror(self, children: [:]) }
}
