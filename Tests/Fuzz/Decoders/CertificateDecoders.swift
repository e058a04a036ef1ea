import COpenSSL
import Cluster
import Cryptography
import FuzzHarness

/// What is in DER and PEM. Where a signature would stop every input, the fuzzer makes one that fits: what lies behind it
/// must stand up to whoever holds the key, too.
enum CertificateDecoders {
  static let all: [Decoder] = [
    Decoder(
      name: "request-certificate", about: "a candidate's certificate request", maximumLength: 2_048,
      allowance: .init(base: 256 << 10, perByte: 256),
      seeds: { [try Fixture.electionKey.certificateRequest(subject: Fixture.d1.text)] },
      read: { try certificateRequest($0) }),
    Decoder(
      name: "certificate", about: "an election certificate, an anchor and a public key", maximumLength: 2_048,
      allowance: .init(base: 512 << 10, perByte: 256),
      seeds: { [Fixture.certificate(), Fixture.authority.anchor.der, Fixture.electionKey.publicKey.der] },
      read: { try certificate($0) }),
    Decoder(
      name: "pem", about: "anchors and keys in PEM, from files", maximumLength: 2_048,
      allowance: .init(base: 256 << 10, perByte: 256),
      seeds: {
        [
          Fixture.authority.anchor.pem, Fixture.electionKey.publicKey.pem, Fixture.electionKey.pem,
        ].map { Array($0.utf8) }
      }, read: { try pem($0) }),
  ]

  private static func certificateRequest(_ input: Input) throws -> Bool {
    let bytes = input.array
    let isTaken = (try? input.decode { try CertificateRequest(der: bytes) }) != nil
    guard let signed = resigned(bytes, .request) else { return isTaken }
    guard let request = try? input.decode({ try CertificateRequest(der: signed) }) else { return isTaken }
    require(
      !request.subject.isEmpty && request.publicKey.der.count == 91, "a request without a subject or a key")
    return true
  }

  private static func certificate(_ input: Input) throws -> Bool {
    let bytes = input.array
    let key = try? input.decode { try P256PublicKey(der: bytes) }
    if let key {
      require(key.der == bytes, "a key has another encoding than the one that was read")
      require(!key.verify(signature: bytes, over: []), "a key has signed itself")
    }
    let anchor = try? input.decode { try CertificateAnchor(der: bytes) }
    require(
      anchor.map { $0.der == bytes } ?? true, "an anchor has another encoding than the one that was read")
    for der in [bytes, resigned(bytes, .certificate)].compactMap({ $0 }) {
      guard let certificate = try? input.decode({ try ElectionCertificate(der: der) }) else { continue }
      guard
        let office = try? input.decode({
          try Fixture.verifier.verify(certificate: certificate.der, minimumTerm: .none, now: Fixture.now)
        })
      else { continue }
      require(office.winner.role == .drone && office.term > .none, "the office of nobody, or of no term")
      require(office.notBefore <= Fixture.now && Fixture.now < office.notAfter, "an office out of its time")
    }
    return key != nil || anchor != nil || (try? ElectionCertificate(der: bytes)) != nil
  }

  private static func pem(_ input: Input) throws -> Bool {
    let text = String(decoding: input.bytes, as: UTF8.self)
    if let anchor = try? input.decode({ try CertificateAnchor(pem: text) }) {
      require(
        try CertificateAnchor(pem: anchor.pem).der == anchor.der, "another anchor when it is read again")
      return true
    }
    if let key = try? input.decode({ try P256PublicKey(pem: text) }) {
      require(try P256PublicKey(pem: key.pem) == key, "another key when it is read again")
      return true
    }
    guard let key = try? input.decode({ try P256PrivateKey(pem: text) }) else { return false }
    require(
      key.publicKey.verify(signature: try key.sign([1]), over: [1]), "a key whose signature does not verify")
    return true
  }

  private enum Signed {
    case request, certificate
  }

  /// The same with a signature that fits. Nil when it is not even the outside of one.
  private static func resigned(_ bytes: [UInt8], _ kind: Signed) -> [UInt8]? {
    defer { ERR_clear_error() }
    return bytes.withUnsafeBufferPointer { buffer -> [UInt8]? in
      var cursor = buffer.baseAddress
      switch kind {
      case .request:
        guard let request = d2i_X509_REQ(nil, &cursor, buffer.count) else { return nil }
        defer { X509_REQ_free(request) }
        guard X509_REQ_sign(request, candidatesKey, EVP_sha256()) > 0 else { return nil }
        return encoded { i2d_X509_REQ(request, $0) }
      case .certificate:
        guard let certificate = d2i_X509(nil, &cursor, buffer.count) else { return nil }
        defer { X509_free(certificate) }
        guard X509_sign(certificate, authoritysKey, EVP_sha256()) > 0 else { return nil }
        return encoded { i2d_X509(certificate, $0) }
      }
    }
  }

  private static func encoded(_ write: (UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>?) -> Int32)
    -> [UInt8]?
  {
    var start: UnsafeMutablePointer<UInt8>?
    let length = write(&start)
    guard length > 0, let start else { return nil }
    defer { keyval_openssl_free(start) }
    return [UInt8](UnsafeBufferPointer(start: start, count: Int(length)))
  }

  private nonisolated(unsafe) static let candidatesKey = opened(Fixture.electionKey.pem)
  private nonisolated(unsafe) static let authoritysKey = opened(Fixture.authority.keyPEM)

  private static func opened(_ pem: String) -> OpaquePointer? {
    var pem = pem
    return pem.withUTF8 { text in
      let buffer = BIO_new_mem_buf(text.baseAddress, Int32(text.count))
      defer { BIO_free(buffer) }
      return buffer.flatMap { keyval_read_private_key($0) }
    }
  }
}
