import Cryptography
import Glibc
import Kerberos
import Provisioning

/// An election certificate and the key it is for.
public struct Office: Sendable {
  public let term: UInt64
  public let principal: String
  /// What is shown to the KDC; nil: the one that is shown to everybody.
  public var ticketCertificate: ElectionCertificate?
  public let certificate: ElectionCertificate
  public let key: P256PrivateKey

  /// A ticket for a command service by PKINIT, if the KDC gives one. Blocks.
  public func ticket(for service: String) throws(KerberosError) -> InitiatorCredential {
    try OfficeTicket.obtain(
      office: principal, certificatePEM: (ticketCertificate ?? certificate).pemBytes, keyPEM: key.pemBytes,
      service: service, armor: nil)
  }
}

/// What only the authority can do, done by the test: with its keytab and the election CA's key.
extension ClusterFixture {
  public func certificateAuthority() throws -> CertificateAuthority {
    let layout = RealmLayout(directory: directory.realm)
    guard let certificate = TextFile.read(layout.anchors), let key = TextFile.read(layout.electionCAKey)
    else {
      throw ClusterFixtureError("the election CA cannot be read")
    }
    return try CertificateAuthority(certificatePEM: certificate, keyPEM: key)
  }

  /// A certificate for the office of a term, on a fresh key. The KDC is not told.
  public func certify(term: UInt64, winner: String) throws -> Office {
    let key = try P256PrivateKey.generate()
    let now = Int64(time(nil))
    let der = try certificateAuthority().issueElectionCertificate(
      publicKey: key.publicKey, term: term, winner: principal("keyval-drone/\(winner)"), realm: realmName,
      notBefore: now - 60, notAfter: now + 3_600)
    return Office(
      term: term, principal: principal("keyval-commander/\(term)"),
      certificate: try ElectionCertificate(der: der), key: key)
  }

  /// The same with the certificate that the KDC takes, by the secret that it keeps.
  public func admitted(_ office: Office, winner: String) throws -> Office {
    let now = Int64(time(nil))
    var admitted = office
    admitted.ticketCertificate = try ElectionCertificate(
      der: certificateAuthority().issueTicketCertificate(
        publicKey: office.key.publicKey, term: office.term, winner: principal("keyval-drone/\(winner)"),
        realm: realmName, secret: kadmin().officeSecret(term: office.term), notBefore: now - 60,
        notAfter: now + 3_600))
    return admitted
  }

  /// The authority's way to kadmind. Its keytab is copied: only a file of one's own is accepted as one.
  public func kadmin() throws -> Kadmin {
    let own = "\(scratch)/authority.keytab"
    let layout = RealmLayout(directory: directory.realm)
    if access(own, F_OK) != 0 { try TextFile.copy(layout.authorityKeytab, to: own) }
    return try Kadmin(keytab: own, principal: realm().authorityPrincipal)
  }
}
