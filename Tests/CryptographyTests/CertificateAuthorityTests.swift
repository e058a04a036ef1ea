import COpenSSL
import CertificateTemplates
import Testing

@testable import Cryptography

@Suite("The election CA and its anchors")
struct CertificateAuthorityTests {
  @Test("a CA read from its files issues what its anchor believes")
  func files() throws {
    let forgery = try Forgery()
    let reread = try CertificateAuthority(
      certificatePEM: forgery.authority.certificatePEM, keyPEM: forgery.authority.keyPEM)
    let der = try reread.issueElectionCertificate(
      publicKey: forgery.winnersKey.publicKey, term: 2, winner: Forgery.winner, realm: Forgery.realm,
      notBefore: Forgery.now, notAfter: Forgery.now + 60)
    let anchor = try CertificateAnchor(pem: forgery.authority.certificatePEM)
    #expect(try ElectionCertificate(der: der).verify(anchors: [anchor], now: Forgery.now).term == 2)
    #expect(anchor.der == forgery.authority.anchor.der)
    #expect(try CertificateAnchor(der: anchor.der).pem == anchor.pem)
    #expect(anchor.notBefore == Forgery.now - 60)
    #expect(anchor.notAfter == Forgery.now + 1_000_000)
  }

  @Test("a certificate and a key that do not belong together make no CA")
  func mixedFiles() throws {
    let one = try Forgery().authority
    let other = try Forgery().authority
    #expect(throws: CryptographyError.self) {
      try CertificateAuthority(certificatePEM: one.certificatePEM, keyPEM: other.keyPEM)
    }
    #expect(throws: CryptographyError.self) {
      try CertificateAuthority(certificatePEM: one.keyPEM, keyPEM: one.keyPEM)
    }
    #expect(throws: CryptographyError.self) {
      try CertificateAuthority(certificatePEM: "", keyPEM: one.keyPEM)
    }
  }

  @Test("the CA may certify holders only, and is critical about it")
  func shape() throws {
    let owner = try Forgery().certificate.certificate
    defer { keepAlive(owner) }
    let certificate = owner.pointer
    #expect(X509_get_pathlen(certificate) == 0)
    #expect(X509_get_key_usage(certificate) == UInt32(KU_KEY_CERT_SIGN))
    for kind in [NID_basic_constraints, NID_key_usage] {
      let index = X509_get_ext_by_NID(certificate, kind, -1)
      #expect(X509_EXTENSION_get_critical(X509_get_ext(certificate, index)) == 1)
    }
  }

  @Test("an anchor is a self-signed CA on P-256, of at most 16 KiB")
  func anchors() throws {
    let forgery = try Forgery()
    #expect(throws: CertificateError.isNotAuthority) { try CertificateAnchor(der: forgery.honest()) }
    #expect(throws: CertificateError.malformed) { try CertificateAnchor(der: []) }
    #expect(throws: CertificateError.malformed) { try CertificateAnchor(pem: "no certificate") }
    #expect(throws: CertificateError.malformed) { try CertificateAnchor(der: forgery.certificate.der + [0]) }
    #expect(throws: CertificateError.tooLarge(limit: 16_384, actual: 20_000)) {
      try CertificateAnchor(der: zeros(20_000))
    }
    #expect(throws: CertificateError.tooLarge(limit: 16_384, actual: 20_000)) {
      try CertificateAnchor(pem: String(repeating: "-", count: 20_000))
    }
    // A CA under our CA: the anchor must be the root itself.
    let intermediate = try forgery.issued(
      template: CertificateTemplates.electionCA, serialNumber: .random, subject: "another CA")
    #expect(throws: CertificateError.isNotAuthority) { try CertificateAnchor(der: intermediate) }
    // A CA whose own signature does not hold.
    var altered = forgery.certificate.der
    altered[altered.count - 1] ^= 1
    #expect(throws: CertificateError.self) { try CertificateAnchor(der: altered) }
  }

  @Test("no two KDC certificates have the same serial number, and none has a term's")
  func serialNumbers() throws {
    let authority = try Forgery().authority
    let numbers = try (0..<20).map { _ in
      let made = try authority.issueKDCCertificate(
        realm: Forgery.realm, notBefore: Forgery.now, notAfter: Forgery.now + 60)
      let certificate = try #require(
        readPEM(made.certificatePEM, free: X509_free) { keyval_read_certificate($0) })
      defer { keepAlive(certificate) }
      let number = try #require(X509_get0_serialNumber(certificate.pointer))
      return Array(
        UnsafeBufferPointer(start: ASN1_STRING_get0_data(number), count: Int(ASN1_STRING_length(number))))
    }
    #expect(Set(numbers).count == 20)
    #expect(numbers.allSatisfy { $0.count == 16 })
  }

  @Test("a CA's private key is neither printed nor dumped")
  func description() throws {
    let authority = try Forgery().authority
    var dumped = ""
    dump(authority, to: &dumped)
    #expect("\(authority)".hasPrefix("CertificateAuthority(of P256PublicKey("))
    #expect(!dumped.contains("pointer") && !dumped.contains("PRIVATE"))
  }

  @Test(
    "every line of a template says why it is there",
    arguments: [
      CertificateTemplates.electionCA, CertificateTemplates.electionCertificate,
      CertificateTemplates.kdcCertificate,
    ])
  func comments(_ template: String) {
    #expect(!template.contains("PRIVATE KEY"))
    var lastWasComment = false
    for line in template.split(separator: "\n") where !line.hasPrefix("[") {
      #expect(line.hasPrefix("#") || lastWasComment, "no comment above: \(line)")
      lastWasComment = line.hasPrefix("#")
    }
  }
}
