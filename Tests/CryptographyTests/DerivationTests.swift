import Cryptography
import Testing

@Suite("Digests, HMAC and HKDF")
struct DerivationTests {
  @Test("SHA-256 and SHA-384 give the values of FIPS 180-4's examples")
  func digests() {
    #expect(
      SHA256.hash(Array("abc".utf8))
        == hex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"))
    #expect(
      SHA384.hash(Array("abc".utf8))
        == hex(
          "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
            + "8086072ba1e7cc2358baeca134c825a7"))
    #expect(
      SHA384.hash([])
        == hex(
          "38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da"
            + "274edebfe76f65fbd51ad2f14898b95b"))
  }

  /// RFC 4231, test cases 1, 2 and 6; and an empty key, computed with Python's hmac.
  static let authentications: [([UInt8], [UInt8], String)] = [
    (
      [UInt8](repeating: 0x0b, count: 20), Array("Hi There".utf8),
      "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59cfaea9ea9076ede7f4af152e8b2fa9cb6"
    ),
    (
      Array("Jefe".utf8), Array("what do ya want for nothing?".utf8),
      "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649"
    ),
    (
      [UInt8](repeating: 0xaa, count: 131),
      Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
      "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c60c2ef6ab4030fe8296248df163f44952"
    ),
    (
      [], [],
      "6c1f2ee938fad2e24bd91298474382ca218c75db3d83e114b3d4367776d14d3551289e75e8209cd4b792302840234adc"
    ),
  ]

  @Test("HMAC-SHA-384 gives the values of RFC 4231", arguments: authentications)
  func authentication(key: [UInt8], data: [UInt8], expected: String) {
    #expect(HMACSHA384.authenticate(key: key, data: data) == hex(expected))
  }

  struct Derivation: Sendable {
    let inputKey: [UInt8]
    let salt: [UInt8]
    let info: [UInt8]
    let pseudoRandomKey: String
    let output: String
  }

  /// The inputs of RFC 5869 A.1 to A.3 with SHA-384 (the RFC has other digests only), and several blocks
  /// with a rest: values computed with Python's cryptography.
  static let derivations = [
    Derivation(
      inputKey: [UInt8](repeating: 0x0b, count: 22), salt: Array(0...12), info: Array(0xf0...0xf9),
      pseudoRandomKey:
        "704b39990779ce1dc548052c7dc39f303570dd13fb39f7acc564680bef80e8dec70ee9a7e1f3e293ef68eceb072a5ade",
      output: "9b5097a86038b805309076a44b3a9f38063e25b516dcbf369f394cfab43685f748b6457763e4f0204fc5"),
    Derivation(
      inputKey: Array(0...0x4f), salt: Array(0x60...0xaf), info: Array(0xb0...0xff),
      pseudoRandomKey:
        "b319f6831dff9314efb643baa29263b30e4a8d779fe31e9c901efd7de737c85b62e676d4dc87b0895c6a7dc97b52cebb",
      output: "484ca052b8cc724fd1c4ec64d57b4e818c7e25a8e0f4569ed72a6a05fe0649eebf69f8d5c832856bf4e4fbc1"
        + "7967d54975324a94987f7f41835817d8994fdbd6f4c09c5500dca24a56222fea53d8967a8b2e"),
    Derivation(
      inputKey: [UInt8](repeating: 0x0b, count: 22), salt: [], info: [],
      pseudoRandomKey:
        "10e40cf072a4c5626e43dd22c1cf727d4bb140975c9ad0cbc8e45b40068f8f0ba57cdb598af9dfa6963a96899af047e5",
      output: "c8c96e710f89b0d7990bca68bcdec8cf854062e54c73a7abc743fade9b242daacc1cea5670415b52849c"),
    Derivation(
      inputKey: [UInt8](repeating: 0x0b, count: 22), salt: Array(0...12), info: [],
      pseudoRandomKey:
        "704b39990779ce1dc548052c7dc39f303570dd13fb39f7acc564680bef80e8dec70ee9a7e1f3e293ef68eceb072a5ade",
      output: "0a8c436c47640798993780b9e4ef9044fe307889e84bdd401a33a7abdb6d5c36205e215a7c43f1939a35372e"
        + "73e9669feb9a422fc62ed792a8eb76d0c8e3427f4a169fa877f61d754d210eba98330cc65f37196fd2ff240c"
        + "230284889de957221a3b5dace7c25998725333688db17ac9eb91a86b1be21d433d663483d24014fc7ac44e8f"
        + "ace98201aac1df3d95e9e009ac5e3effc646cb454f61023036c3838070f5c26f5805baa48f7f61dad176991a"
        + "ccb25c2b51ec2c56c5234397b73930dd2ffa12e8818ada09"),
  ]

  @Test("HKDF-SHA-384 extracts and expands as another implementation does", arguments: derivations)
  func derivation(_ vector: Derivation) {
    let key = HKDFSHA384.extract(salt: vector.salt, inputKey: vector.inputKey)
    #expect(key == hex(vector.pseudoRandomKey))
    let expected = hex(vector.output)
    #expect(
      HKDFSHA384.expand(pseudoRandomKey: key, info: vector.info, length: expected.count) == expected)
  }

  @Test("HKDF is RFC 5869's chain of HMACs, and a shorter output is the beginning of a longer one")
  func structureOfHKDF() {
    let key = SecureRandom.bytes(48)
    let info = Array("info".utf8)
    let first = HMACSHA384.authenticate(key: key, data: info + [1])
    let second = HMACSHA384.authenticate(key: key, data: first + info + [2])
    let third = HMACSHA384.authenticate(key: key, data: second + info + [3])
    let whole = first + second + third
    for length in [0, 1, 47, 48, 49, 96, 97, 144] {
      #expect(
        HKDFSHA384.expand(pseudoRandomKey: key, info: info, length: length) == Array(whole.prefix(length)))
    }
    let longest = HKDFSHA384.expand(
      pseudoRandomKey: key, info: info, length: HKDFSHA384.maximumOutputLength)
    #expect(longest.count == 12_240 && longest.starts(with: whole))
    #expect(
      HKDFSHA384.extract(salt: [], inputKey: key) == HKDFSHA384.extract(salt: zeros(48), inputKey: key))
  }

  @Test("secrets are compared whole, and wiped")
  func secrets() {
    #expect(constantTimeEqual([], []))
    #expect(constantTimeEqual([1, 2, 3], [1, 2, 3]))
    #expect(!constantTimeEqual([1, 2, 3], [1, 2, 4]))
    #expect(!constantTimeEqual([1, 2, 3], [0, 2, 3]))
    #expect(!constantTimeEqual([1, 2, 3], [1, 2]))
    var secret: [UInt8] = [1, 2, 3]
    cleanse(&secret)
    #expect(secret.isEmpty)
  }

  @Test("random bytes have the length asked for and do not repeat")
  func randomness() {
    #expect(SecureRandom.bytes(0).isEmpty)
    #expect(SecureRandom.bytes(33).count == 33)
    let drawn = (0..<100).map { _ in SecureRandom.bytes(16) }
    #expect(Set(drawn).count == 100)
    #expect(Set((0..<100).map { _ in SecureRandom.integer() }).count == 100)
  }
}
