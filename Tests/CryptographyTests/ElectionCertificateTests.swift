import COpenSSL
import CertificateTemplates
import Testing

@testable import Cryptography

@Suite("Election certificates")
struct ElectionCertificateTests {
  let forgery: Forgery

  init() throws { forgery = try Forgery() }

  func verify(_ der: [UInt8], now: Int64 = Forgery.now) throws -> ElectionCertificate.Verified {
    try ElectionCertificate(der: der).verify(anchors: [forgery.certificate], now: now)
  }

  /// The error that a certificate is refused with.
  func refusal(_ der: [UInt8], now: Int64 = Forgery.now) -> CertificateError? {
    #expect(throws: CertificateError.self) { try verify(der, now: now) }
  }

  @Test("a certificate proves term, winner, office and key", arguments: [1, 17, 128, 65_536, UInt64.max])
  func honest(term: UInt64) throws {
    let verified = try verify(forgery.honest(term: term))
    #expect(
      verified
        == ElectionCertificate.Verified(
          term: term, winner: "keyval-drone/d1@KEYVAL.TEST",
          office: "keyval-commander/\(term)@KEYVAL.TEST", publicKey: forgery.winnersKey.publicKey,
          notBefore: Forgery.now - 10, notAfter: Forgery.now + 3_600))
  }

  @Test("the longest names that are allowed survive")
  func longNames() throws {
    let realm = String(repeating: "R", count: 100) + ".TEST"
    let winner = "keyval-drone/" + String(repeating: "n", count: 255 - 14 - realm.utf8.count) + "@" + realm
    let der = try forgery.authority.issueElectionCertificate(
      publicKey: forgery.winnersKey.publicKey, term: 5, winner: winner, realm: realm,
      notBefore: Forgery.now, notAfter: Forgery.now + 60)
    let verified = try verify(der)
    #expect(winner.utf8.count == 255 && verified.winner == winner)
    #expect(verified.office == "keyval-commander/5@\(realm)")
  }

  @Test("the authority does not issue what would not be believed")
  func refusedToIssue() throws {
    func issue(
      term: UInt64 = 1, winner: String = Forgery.winner, realm: String = Forgery.realm,
      notBefore: Int64 = Forgery.now, notAfter: Int64 = Forgery.now + 60
    ) throws {
      _ = try forgery.authority.issueElectionCertificate(
        publicKey: forgery.winnersKey.publicKey, term: term, winner: winner, realm: realm,
        notBefore: notBefore, notAfter: notAfter)
    }
    try issue()
    let refusals: [() throws -> Void] = [
      { try issue(term: 0) },
      { try issue(winner: "keyval-drone/d1@OTHER.TEST") },
      { try issue(winner: "keyval-database/db1@KEYVAL.TEST") },
      { try issue(winner: "keyval-drone/@KEYVAL.TEST") },
      { try issue(winner: "keyval-drone/a/b@KEYVAL.TEST") },
      { try issue(winner: "keyval-drone/d1@KEYVAL.TEST@KEYVAL.TEST") },
      { try issue(winner: "keyval-drone/d 1@KEYVAL.TEST") },
      { try issue(winner: "alice@KEYVAL.TEST") },
      { try issue(winner: "keyval-drone/d1@", realm: "") },
      { try issue(notBefore: Forgery.now + 60) },
      { try issue(notBefore: -1) },
      // Beyond the CA's own end.
      { try issue(notAfter: Forgery.now + 1_000_001) },
    ]
    for refusal in refusals { #expect(throws: CryptographyError.self, performing: refusal) }
    // Nothing in a realm may be syntax of a template.
    for realm in ["A$B", "A\nterm = 18", "A,B", "A\\B", "A#B", "A B", "A\"B", "A;B", "A/B", "É"] {
      #expect(throws: CryptographyError.self, "\(realm)") {
        try issue(winner: "keyval-drone/d1@\(realm)", realm: realm)
      }
      #expect(throws: CryptographyError.self, "\(realm)") {
        try forgery.authority.issueKDCCertificate(
          realm: realm, notBefore: Forgery.now, notAfter: Forgery.now + 60)
      }
    }
  }

  @Test("a certificate counts from its first second to the one before its last")
  func validity() throws {
    let der = try forgery.honest(notBefore: Forgery.now, notAfter: Forgery.now + 100)
    #expect(
      refusal(der, now: Forgery.now - 1)
        == .notYetValid(notBefore: Forgery.now, now: Forgery.now - 1))
    _ = try verify(der, now: Forgery.now)
    _ = try verify(der, now: Forgery.now + 99)
    for late in [Forgery.now + 100, Forgery.now + 101] {
      #expect(refusal(der, now: late) == .expired(notAfter: Forgery.now + 100, now: late))
    }
  }

  @Test("a certificate of an expired CA is refused")
  func expiredAuthority() throws {
    let der = try forgery.altered { certificate in
      _ = ASN1_TIME_set(X509_getm_notAfter(certificate), time_t(Forgery.now + 2_000_000))
    }
    #expect(
      refusal(der, now: Forgery.now + 1_500_000)
        == .expired(notAfter: Forgery.now + 1_000_000, now: Forgery.now + 1_500_000))
  }

  @Test("a certificate of another CA is refused, also of one that bears our CA's name")
  func otherAuthority() throws {
    let other = try Forgery()
    guard case .untrusted = refusal(try other.honest()) else {
      Issue.record("another CA's certificate was refused for another reason")
      return
    }
    // Signed by the other key, but naming our CA's key as the issuer's.
    let honest = decodeDER(try forgery.honest(), free: X509_free) { d2i_X509(nil, $0, $1) }
    defer { keepAlive(honest) }
    let pointer = try #require(honest).pointer
    #expect(X509_sign(pointer, other.key.key.pointer, EVP_sha256()) > 0)
    let forged = try encodeDER("encode") { i2d_X509(pointer, $0) }
    #expect(refusal(forged) == .untrusted(reason: "certificate signature failure"))
    #expect(throws: CertificateError.self) {
      try ElectionCertificate(der: try forgery.honest()).verify(anchors: [], now: Forgery.now)
    }
    // Several anchors: the right one is found.
    let both = [other.certificate, forgery.certificate]
    #expect(try ElectionCertificate(der: forgery.honest()).verify(anchors: both, now: Forgery.now).term == 17)
    #expect(try ElectionCertificate(der: other.honest()).verify(anchors: both, now: Forgery.now).term == 17)
  }

  @Test("a certificate with any byte altered, or a byte more or less, is refused")
  func alteredBytes() throws {
    let der = try forgery.honest()
    for index in der.indices {
      var altered = der
      altered[index] ^= 0x01
      #expect(throws: CertificateError.self, "byte \(index)") { try verify(altered) }
      #expect(throws: CertificateError.malformed) { try verify(Array(der[..<index])) }
    }
    #expect(refusal(der + [0]) == .malformed)
    #expect(refusal(der + der) == .malformed)
    #expect(refusal(zeros(16_385)) == .tooLarge(limit: 16_384, actual: 16_385))
  }

  @Test("an authority's certificate holds no office, the CA's own neither")
  func authorities() throws {
    #expect(refusal(forgery.certificate.der) == .isAuthority)
    let posing = CertificateTemplates.electionCertificate
      .replacing("CA:false", with: "CA:true")
      .replacing("critical, digitalSignature", with: "critical, digitalSignature, keyCertSign")
    #expect(refusal(try forgery.issued(template: posing)) == .isAuthority)
  }

  @Test("an election certificate cannot certify anybody else")
  func electionKeyIsNoAuthority() throws {
    let electionCertificate = try forgery.honest()
    let issuer = decodeDER(electionCertificate, free: X509_free) { d2i_X509(nil, $0, $1) }
    let builder = CertificateBuilder(
      serialNumber: .term(18), subject: try DistinguishedName.make(commonName: Forgery.winner),
      publicKey: forgery.winnersKey.publicKey, notBefore: Forgery.now - 10, notAfter: Forgery.now + 60,
      template: CertificateTemplates.electionCertificate.replacing(
        "authorityKeyIdentifier = keyid:always", with: "authorityKeyIdentifier = issuer:always"),
      names: [("realm", Forgery.realm), ("term", "18")])
    let forged = try builder.sign(issuer: issuer, key: forgery.winnersKey)
    guard case .untrusted = refusal(try encodeDER("encode") { i2d_X509(forged.pointer, $0) }) else {
      Issue.record("a certificate signed by an election key was refused for another reason")
      return
    }
    #expect(throws: CertificateError.isNotAuthority) { try CertificateAnchor(der: electionCertificate) }
  }

  @Test("a certificate for the KDC is no election certificate")
  func kdcCertificate() throws {
    let kdc = try forgery.authority.issueKDCCertificate(
      realm: Forgery.realm, notBefore: Forgery.now - 10, notAfter: Forgery.now + 60)
    let certificate = try #require(
      readPEM(kdc.certificatePEM, free: X509_free) { keyval_read_certificate($0) })
    #expect(
      refusal(try encodeDER("encode") { i2d_X509(certificate.pointer, $0) }) == .wrongSerialNumber)
    #expect(try P256PrivateKey(pem: kdc.keyPEM).publicKey == certificatePublicKey(certificate))
  }

  @Test(
    "a certificate for any other purpose is refused",
    arguments: [
      ("1.3.6.1.5.2.3.4", "1.3.6.1.5.2.3.5"), ("1.3.6.1.5.2.3.4", "clientAuth"),
      ("1.3.6.1.5.2.3.4", "1.3.6.1.5.2.3.4, clientAuth"), ("1.3.6.1.5.2.3.4", "anyExtendedKeyUsage"),
      ("critical, digitalSignature", "critical, keyAgreement"),
      ("critical, digitalSignature", "critical, digitalSignature, keyEncipherment"),
    ])
  func purposes(_ line: (from: String, to: String)) throws {
    let template = CertificateTemplates.electionCertificate.replacing(line.from, with: line.to)
    #expect(template != CertificateTemplates.electionCertificate)
    #expect(refusal(try forgery.issued(template: template)) == .wrongPurpose)
  }

  @Test(
    "a certificate for any name but the office of its term is refused",
    arguments: [
      ("${names::term}", "18"), ("${names::term}", "017"), ("${names::term}", "+17"),
      ("GeneralString:keyval-commander", "GeneralString:keyval-database"),
      ("GeneralString:keyval-commander", "UTF8String:keyval-commander"),
      ("GeneralString:${names::realm}", "GeneralString:OTHER.TEST"),
      ("INTEGER:1", "INTEGER:2"),
      // A further component, a further name before or after, another kind of name.
      ("role = ", "first = GeneralString:x\nrole = "),
      ("SEQUENCE:office\n", "SEQUENCE:office, DNS:d1.test\n"),
      ("subjectAltName = ", "subjectAltName = email:a@b.test, "),
      ("otherName:1.3.6.1.5.2.2;", "otherName:1.3.6.1.5.2.2;SEQUENCE:office, otherName:1.3.6.1.5.2.2;"),
      ("otherName:1.3.6.1.5.2.2;", "otherName:1.3.6.1.4.1.311.20.2.3;"),
    ])
  func names(_ line: (from: String, to: String)) throws {
    let template = CertificateTemplates.electionCertificate.replacing(line.from, with: line.to)
    #expect(template != CertificateTemplates.electionCertificate)
    #expect(refusal(try forgery.issued(template: template)) == .wrongOffice)
  }

  @Test("a serial number other than the term is refused")
  func serialNumbers() throws {
    let template = CertificateTemplates.electionCertificate
    #expect(refusal(try forgery.issued(template: template, serialNumber: .term(18))) == .wrongOffice)
    #expect(refusal(try forgery.issued(template: template, serialNumber: .random)) == .wrongSerialNumber)
    #expect(refusal(try forgery.issued(template: template, serialNumber: .term(0))) == .wrongSerialNumber)
    let negative = try forgery.altered { certificate in
      _ = ASN1_INTEGER_set_int64(X509_get_serialNumber(certificate), -17)
    }
    #expect(refusal(negative) == .wrongSerialNumber)
  }

  @Test(
    "a subject that is not one drone's principal is refused",
    arguments: [
      "keyval-database/db1@KEYVAL.TEST", "alice@KEYVAL.TEST", "keyval-drone/d1", "keyval-drone/@KEYVAL.TEST",
      "keyval-drone/a/b@KEYVAL.TEST", "keyval-drone/d1@", "keyval-drone/d1@A@B", "keyval-drone/d1@A B",
    ])
  func subjects(_ subject: String) throws {
    let template = CertificateTemplates.electionCertificate
    #expect(refusal(try forgery.issued(template: template, subject: subject)) == .wrongSubject)
  }

  @Test("a subject of another shape is refused: a second name, another attribute, another string type")
  func shapesOfSubjects() throws {
    func entry(_ name: OpaquePointer?, _ attribute: Int32, _ type: Int32) {
      let bytes = Array(Forgery.winner.utf8)
      #expect(X509_NAME_add_entry_by_NID(name, attribute, type, bytes, Int32(bytes.count), -1, 0) == 1)
    }
    let second = try forgery.altered {
      entry(X509_get_subject_name($0), NID_commonName, V_ASN1_UTF8STRING)
    }
    #expect(refusal(second) == .wrongSubject)
    for (attribute, type) in [
      (NID_organizationName, V_ASN1_UTF8STRING), (NID_commonName, V_ASN1_IA5STRING),
    ] {
      let other = try forgery.altered { certificate in
        let name = X509_NAME_new()
        defer { X509_NAME_free(name) }
        entry(name, attribute, type)
        #expect(X509_set_subject_name(certificate, name) == 1)
      }
      #expect(refusal(other) == .wrongSubject)
    }
    // A winner of another realm than the office's.
    let elsewhere = try forgery.issued(
      template: CertificateTemplates.electionCertificate, subject: "keyval-drone/d1@OTHER.TEST")
    #expect(refusal(elsewhere) == .wrongOffice)
  }

  @Test("an extension too many, a doubled one, or a missing one is refused")
  func extensions() throws {
    let template = CertificateTemplates.electionCertificate
    let further = template.replacing("[ extensions ]", with: "[ extensions ]\nnsComment = hello")
    #expect(
      refusal(try forgery.issued(template: further)) == .unexpectedExtension("2.16.840.1.113730.1.13"))
    let critical = template.replacing(
      "[ extensions ]", with: "[ extensions ]\n1.2.3.4 = critical, ASN1:UTF8String:x")
    guard case .untrusted = refusal(try forgery.issued(template: critical)) else {
      Issue.record("an unknown critical extension was refused for another reason")
      return
    }
    for index: Int32 in 0..<5 {
      let missing = try forgery.altered { X509_EXTENSION_free(X509_delete_ext($0, index)) }
      #expect(throws: CertificateError.self, "without extension \(index)") { try verify(missing) }
      let doubled = try forgery.altered {
        #expect(X509_add_ext($0, X509_get_ext($0, index), -1) == 1)
      }
      #expect(throws: CertificateError.self, "extension \(index) twice") { try verify(doubled) }
    }
  }

  @Test("a key of another algorithm or curve, or a signature with another digest, is refused")
  func algorithms() throws {
    for (algorithm, curve) in [("EC", "P-384"), ("EC", "secp256k1"), ("ED25519", nil), ("RSA", nil)] {
      let key = try Forgery.key(algorithm: algorithm, curve: curve)
      let der = try forgery.altered { #expect(X509_set_pubkey($0, key.pointer) == 1) }
      #expect(refusal(der) == .wrongAlgorithm, "\(algorithm) \(curve ?? "")")
    }
    #expect(refusal(try forgery.altered(digest: EVP_sha384()) { _ in }) == .wrongAlgorithm)
    #expect(throws: CertificateError.self) { try verify(forgery.altered(digest: EVP_sha1()) { _ in }) }
  }

  @Test("version 1 certificates are refused")
  func versions() throws {
    let old = try forgery.altered {
      #expect(X509_set_version($0, 0) == 1)
      while X509_get_ext_count($0) > 0 { X509_EXTENSION_free(X509_delete_ext($0, 0)) }
    }
    #expect(throws: CertificateError.self) { try verify(old) }
  }

  @Test("random bytes in place of a certificate end in an error")
  func randomBytes() throws {
    let der = try forgery.honest()
    for round in 0..<500 {
      var bytes = round % 2 == 0 ? SecureRandom.bytes(round) : der
      for _ in 0..<(round % 7 + 1) where !bytes.isEmpty {
        bytes[Int(SecureRandom.integer() % UInt64(bytes.count))] = UInt8(SecureRandom.integer() & 0xff)
      }
      guard bytes != der else { continue }
      #expect(throws: CertificateError.self) { try verify(bytes) }
    }
  }

  @Test("a certificate survives PEM")
  func pem() throws {
    let der = try forgery.honest()
    let pem = try ElectionCertificate(der: der).pem
    #expect(try ElectionCertificate(der: der).pemBytes == Array(pem.utf8))
    let reread = try #require(readPEM(pem, free: X509_free) { keyval_read_certificate($0) })
    #expect(try encodeDER("encode") { i2d_X509(reread.pointer, $0) } == der)
  }
}
