import COpenSSL
import Testing

@testable import Cryptography

@Suite("P-256 keys and requests for certificates")
struct P256Tests {
  static let winner = "keyval-drone/d1@KEYVAL.TEST"

  @Test("what a key signs verifies under its public key, and nothing else does")
  func signatures() throws {
    let key = try P256PrivateKey.generate()
    let message = Array("a slot map".utf8)
    let signature = try key.sign(message)
    #expect(key.publicKey.verify(signature: signature, over: message))
    #expect(!key.publicKey.verify(signature: signature, over: message + [0]))
    #expect(!key.publicKey.verify(signature: signature, over: []))
    #expect(!key.publicKey.verify(signature: [], over: message))
    #expect(!key.publicKey.verify(signature: signature + [0], over: message))
    #expect(!key.publicKey.verify(signature: Array(signature.dropLast()), over: message))
    #expect(!key.publicKey.verify(signature: zeros(72), over: message))
    #expect(try !P256PrivateKey.generate().publicKey.verify(signature: signature, over: message))
    // An empty message can be signed too.
    #expect(key.publicKey.verify(signature: try key.sign([]), over: []))
  }

  @Test("a key survives PEM, and its public key DER")
  func encodings() throws {
    let key = try P256PrivateKey.generate()
    #expect(key.pem.hasPrefix("-----BEGIN PRIVATE KEY-----\n"))
    let reread = try P256PrivateKey(pem: key.pem)
    #expect(reread.publicKey == key.publicKey)
    #expect(key.publicKey.verify(signature: try reread.sign([1]), over: [1]))
    #expect(key.publicKey.der.count == 91)
    #expect(try P256PublicKey(der: key.publicKey.der) == key.publicKey)
    #expect(key.publicKey.fingerprint == SHA256.hash(key.publicKey.der))
  }

  @Test("a public key off the curve, compressed, of another curve, cut off or with a tail is refused")
  func strangePublicKeys() throws {
    let der = try P256PrivateKey.generate().publicKey.der
    var offCurve = der
    offCurve[90] ^= 1
    var hybrid = der
    hybrid[26] = 0x06 | (der[90] & 1)
    var compressed = Array(der[..<59])
    compressed[1] = 0x39
    compressed[24] = 0x22
    compressed[26] = 0x02 | (der[90] & 1)
    // The compressed form is a fine key to OpenSSL: it is refused for having a second encoding.
    #expect(decodeDER(compressed, free: EVP_PKEY_free) { d2i_PUBKEY(nil, $0, $1) } != nil)
    let other = try Forgery.key(algorithm: "EC", curve: "P-384")
    let otherDER = try encodeDER("encode") { i2d_PUBKEY(other.pointer, $0) }
    for bad in [offCurve, hybrid, compressed, otherDER, der + [0], Array(der.dropLast()), [], zeros(91)] {
      #expect(throws: CryptographyError.self) { try P256PublicKey(der: bad) }
    }
  }

  @Test("a private key that is no unencrypted P-256 key in PEM is refused, without asking for a passphrase")
  func strangePrivateKeys() throws {
    let key = try P256PrivateKey.generate()
    let encrypted = writePEM("encrypt") { buffer in
      PEM_write_bio_PKCS8PrivateKey(buffer, key.key.pointer, EVP_aes_256_cbc(), "secret", 6, nil, nil)
    }
    let curve = try Forgery.key(algorithm: "EC", curve: "P-384")
    let edwards = try Forgery.key(algorithm: "ED25519", curve: nil)
    let others = [curve, edwards].map { key in
      writePEM("write") { PEM_write_bio_PKCS8PrivateKey($0, key.pointer, nil, nil, 0, nil, nil) }
    }
    let oversized = String(repeating: "#", count: 17 << 10) + "\n" + key.pem
    for bad in ["", "nonsense", encrypted, oversized, String(key.pem.dropLast(30))] + others {
      #expect(throws: CryptographyError.self) { try P256PrivateKey(pem: bad) }
    }
  }

  @Test("a private number beside another key's public point is refused")
  func mixedKeyPair() throws {
    // SEC 1 (RFC 5915): the number, the curve, the point. The prefixes are those of every P-256 key.
    func encoding(number: OwnedPointer, point: P256PublicKey) throws -> String {
      var value: OpaquePointer?
      try check(EVP_PKEY_get_bn_param(number.pointer, "priv", &value), "read a number")
      defer { BN_clear_free(value) }
      var bytes = zeros(32)
      #expect(BN_bn2binpad(value, &bytes, 32) == 32)
      let der =
        hex("30770201010420") + bytes + hex("a00a06082a8648ce3d030107a144034200") + point.der.suffix(65)
      let key = try #require(decodeDER(der, free: EVP_PKEY_free) { d2i_AutoPrivateKey(nil, $0, $1) })
      return writePEM("write") { PEM_write_bio_PKCS8PrivateKey($0, key.pointer, nil, nil, 0, nil, nil) }
    }
    let one = try P256PrivateKey.generate()
    let other = try P256PrivateKey.generate()
    #expect(
      try P256PrivateKey(pem: encoding(number: one.key, point: one.publicKey)).publicKey == one.publicKey)
    let mixed = try encoding(number: one.key, point: other.publicKey)
    #expect(throws: CryptographyError.invalidEncoding("the private key does not fit its public key")) {
      try P256PrivateKey(pem: mixed)
    }
  }

  @Test("a private key is neither printed nor dumped")
  func description() throws {
    let key = try P256PrivateKey.generate()
    var dumped = ""
    dump(key, to: &dumped)
    #expect("\(key)".hasPrefix("P256PrivateKey(of P256PublicKey("))
    #expect(!dumped.contains("pointer"))
  }

  @Test("a request carries its subject and key, signs included, whatever stands in the name")
  func requests() throws {
    let key = try P256PrivateKey.generate()
    let long = "keyval-drone/" + String(repeating: "n", count: 200) + "@KEYVAL.TEST"
    for subject in [Self.winner, long, "a=b,c+d/e@F\\G"] {
      let request = try CertificateRequest(der: key.certificateRequest(subject: subject))
      #expect(request.subject == subject)
      #expect(request.publicKey == key.publicKey)
    }
    for bad in ["", String(repeating: "x", count: 256), "a\0b"] {
      #expect(throws: CryptographyError.self) { try key.certificateRequest(subject: bad) }
    }
  }

  @Test("an altered, cut off, prolonged or oversized request is refused")
  func alteredRequests() throws {
    let der = try P256PrivateKey.generate().certificateRequest(subject: Self.winner)
    for index in der.indices {
      var altered = der
      altered[index] ^= 0x01
      #expect(throws: CryptographyError.self, "byte \(index)") { try CertificateRequest(der: altered) }
      #expect(throws: CryptographyError.self) { try CertificateRequest(der: Array(der[..<index])) }
    }
    #expect(throws: CryptographyError.self) { try CertificateRequest(der: der + [0]) }
    #expect(throws: CryptographyError.inputTooLarge(limit: 16_384, actual: 16_385)) {
      try CertificateRequest(der: zeros(16_385))
    }
  }

  @Test("a request for somebody else's key is refused: it must be signed by that very key")
  func stolenKey() throws {
    let victim = try P256PrivateKey.generate()
    let thief = try P256PrivateKey.generate()
    let der = try thief.certificateRequest(subject: Self.winner)
    let request = try #require(decodeDER(der, free: X509_REQ_free) { d2i_X509_REQ(nil, $0, $1) })
    #expect(X509_REQ_set_pubkey(request.pointer, victim.key.pointer) == 1)
    #expect(X509_REQ_sign(request.pointer, thief.key.pointer, EVP_sha256()) > 0)
    let forged = try encodeDER("encode") { i2d_X509_REQ(request.pointer, $0) }
    #expect(
      throws: CryptographyError.invalidEncoding("the request is not signed by the key that it carries")
    ) { try CertificateRequest(der: forged) }
  }
}
