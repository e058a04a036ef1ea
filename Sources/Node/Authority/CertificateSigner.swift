import Authority
import Cluster
import Cryptography
import LocalTrust
import Logging

/// The one place where the election CA's key is used. It signs nothing but what the register says, read
/// immediately before: the certificate of the highest term, for its winner and key, once steps 1 to 4 are done.
struct CertificateSigner: Sendable {
  private let authority: CertificateAuthority
  private let realm: String
  private let path: String

  /// - Throws: `NodeError` when the CA's files are unusable, or `anchors` names another CA than they are.
  init(
    _ configuration: NodeConfiguration, _ settings: NodeConfiguration.AuthoritySettings
  ) throws(NodeError) {
    realm = configuration.realm
    path = settings.certificatePath
    let certificate = try Self.text(settings.certificatePath, "ca.certificate")
    let key = try Self.text(settings.keyPath, "ca.key", .secret)
    do throws(CryptographyError) {
      authority = try CertificateAuthority(certificatePEM: certificate, keyPEM: key)
    } catch {
      throw .unusableFile(
        path: settings.certificatePath, key: "ca.certificate",
        problem: "and \(settings.keyPath) are no election CA: \(error)",
        remedy: "Name the two files that were made for this realm.")
    }
    let anchors = try Self.text(configuration.anchorsPath, "anchors")
    guard (try? CertificateAnchor(pem: anchors))?.der == authority.anchor.der else {
      throw .unusableFile(
        path: configuration.anchorsPath, key: "anchors",
        problem: "is another CA's certificate than \(settings.certificatePath)",
        remedy: "Name the same CA in both; nobody would believe what this authority certifies.")
    }
  }

  private static func text(
    _ path: String, _ key: String, _ rule: TrustedPath.FileRule = .decisive
  ) throws(NodeError) -> String {
    String(decoding: try NodeFiles.contents(of: path, key: key, rule, maximum: 1 << 20), as: UTF8.self)
  }

  /// A CA that ends takes elections and every commander with it; a month is time to replace it.
  func warnOfExpiry(_ logger: Logger) {
    guard let end = authority.anchor.notAfter else { return }
    let days = (end - NodeClock.wallSeconds()) / 86_400
    if days < 30 {
      logger.warning(
        "the election CA ends soon: make a new one", metadata: ["path": "\(path)", "days": "\(days)"])
    }
  }

  /// The certificate that the KDC takes, for the certified holder of the current term and nobody else.
  /// - Parameter secret: what the KDC asks for.
  func sign(_ order: TicketCertificateOrder, secret: [UInt8], register: OfficeRecord) throws -> [UInt8] {
    guard let winner = order.winner(by: register) else { throw SigningRefusal(term: order.term) }
    let now = NodeClock.wallSeconds()
    return try authority.issueTicketCertificate(
      publicKey: P256PublicKey(der: winner.key.der), term: order.term.number, winner: winner.principal.text,
      realm: realm, secret: secret, notBefore: now - AuthorityCore.backdating,
      notAfter: now + AuthorityCore.certificateLife)
  }

  func sign(_ order: CertificateOrder, register: OfficeRecord) throws -> [UInt8] {
    guard order.isDue(by: register) else { throw SigningRefusal(term: order.term) }
    return try authority.issueElectionCertificate(
      publicKey: P256PublicKey(der: order.winner.key.der), term: order.term.number,
      winner: order.winner.principal.text, realm: realm, notBefore: order.notBefore,
      notAfter: order.notAfter)
  }
}

/// The register does not say, or no longer says, what was to be signed.
struct SigningRefusal: Error, CustomStringConvertible {
  let term: Term
  var description: String { "the register does not have term \(term) ready for its certificate" }
}
