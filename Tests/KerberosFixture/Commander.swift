import Cryptography
import Glibc
import Kerberos

/// What a winner of an election holds: a key, and a certificate on it.
public struct Commander: Sendable {
  public let key: P256PrivateKey
  public let certificate: ElectionCertificate
  /// The certificate in PEM.
  public var certificatePEM: String { certificate.pem }
}

extension KerberosFixture {
  /// Certifies a fresh key for a term, without touching the KDC.
  public func certify(
    term: UInt64, winner: String = "keyval-drone/d1", by authority: CertificateAuthority? = nil,
    from notBefore: Int64 = -60, until notAfter: Int64 = 3_600
  ) throws -> Commander {
    let key = try P256PrivateKey.generate()
    let now = Int64(time(nil))
    let issuer = try authority ?? certificateAuthority()
    let der = try issuer.issueElectionCertificate(
      publicKey: key.publicKey, term: term, winner: principal(winner), realm: realmName,
      notBefore: now + notBefore, notAfter: now + notAfter)
    return Commander(key: key, certificate: try ElectionCertificate(der: der))
  }

  /// Certifies a fresh key for a term and creates its office at the KDC, as an election does.
  public func appoint(term: UInt64, winner: String = "keyval-drone/d1") throws -> Commander {
    let commander = try certify(term: term, winner: winner)
    try kadmin().createOffice(term: term, keyFingerprint: commander.key.publicKey.fingerprint)
    return commander
  }

  public func officePrincipal(_ term: UInt64) -> String { principal("keyval-commander/\(term)") }
}
