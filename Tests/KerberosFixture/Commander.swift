import Cryptography
import Glibc
import Kerberos

/// What a winner of an election holds: a key, and a certificate on it.
public struct Commander: Sendable {
  public let key: P256PrivateKey
  /// What it shows to everybody.
  public let certificate: ElectionCertificate
  /// What it shows to the KDC; without the KDC's secret it is the one that it shows to everybody.
  public var ticketCertificate: ElectionCertificate
  /// The certificate for the KDC in PEM.
  public var ticketCertificatePEM: [UInt8] { ticketCertificate.pemBytes }
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
    let certificate = try ElectionCertificate(der: der)
    return Commander(key: key, certificate: certificate, ticketCertificate: certificate)
  }

  /// A certificate for a key with a secret in its subject, as whoever has the election CA's key makes it.
  public func ticketCertificate(
    term: UInt64, key: P256PublicKey, secret: [UInt8], winner: String = "keyval-drone/d1"
  ) throws -> ElectionCertificate {
    let now = Int64(time(nil))
    return try ElectionCertificate(
      der: certificateAuthority().issueTicketCertificate(
        publicKey: key, term: term, winner: principal(winner), realm: realmName, secret: secret,
        notBefore: now - 60, notAfter: now + 3_600))
  }

  /// Certifies a fresh key for a term and creates its office at the KDC, as an election does.
  public func appoint(term: UInt64, winner: String = "keyval-drone/d1") throws -> Commander {
    var commander = try certify(term: term, winner: winner)
    let kadmin = try kadmin()
    try kadmin.createOffice(term: term, keyFingerprint: commander.key.publicKey.fingerprint)
    commander.ticketCertificate = try ticketCertificate(
      term: term, key: commander.key.publicKey, secret: kadmin.officeSecret(term: term), winner: winner)
    return commander
  }

  public func officePrincipal(_ term: UInt64) -> String { principal("keyval-commander/\(term)") }
}
