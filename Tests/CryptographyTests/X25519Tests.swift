import Cryptography
import Testing

@Suite("X25519")
struct X25519Tests {
  @Test(
    "the vectors of RFC 7748 §5.2 agree",
    arguments: [
      (
        "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
        "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
        "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"
      ),
      (
        "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
        "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
        "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957"
      ),
    ])
  func scalarMultiplication(scalar: String, coordinate: String, result: String) throws {
    let pair = try X25519KeyPair(privateKey: hex(scalar))
    #expect(try pair.sharedSecret(with: hex(coordinate)) == SecretBytes(copying: hex(result)))
  }

  @Test("a thousand rounds of RFC 7748 §5.2 arrive where they should")
  func iteration() throws {
    var scalar = [9] + zeros(31)
    var coordinate = scalar
    for _ in 0..<1_000 {
      let result = try X25519KeyPair(privateKey: scalar).sharedSecret(with: coordinate)
      coordinate = scalar
      scalar = result.withUnsafeBytes { [UInt8]($0) }
    }
    #expect(scalar == hex("684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51"))
  }

  @Test("Alice and Bob of RFC 7748 §6.1 agree")
  func agreement() throws {
    let alice = try X25519KeyPair(
      privateKey: hex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"))
    let bob = try X25519KeyPair(
      privateKey: hex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"))
    #expect(
      alice.publicKey == hex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"))
    #expect(bob.publicKey == hex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"))
    let shared = SecretBytes(
      copying: hex("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"))
    #expect(try alice.sharedSecret(with: bob.publicKey) == shared)
    #expect(try bob.sharedSecret(with: alice.publicKey) == shared)
  }

  @Test("two pairs made here agree, and no two are the same")
  func generation() throws {
    let one = try X25519KeyPair.generate()
    let other = try X25519KeyPair.generate()
    #expect(one.publicKey != other.publicKey)
    #expect(try one.sharedSecret(with: other.publicKey) == other.sharedSecret(with: one.publicKey))
  }

  @Test(
    "a public key of low order is refused",
    arguments: [
      "0000000000000000000000000000000000000000000000000000000000000000",
      "0100000000000000000000000000000000000000000000000000000000000000",
      "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
      "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
      "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
      "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
      "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ])
  func lowOrder(_ publicKey: String) throws {
    let pair = try X25519KeyPair.generate()
    #expect(throws: CryptographyError.weakSharedSecret) { try pair.sharedSecret(with: hex(publicKey)) }
  }

  @Test("keys of another length are refused", arguments: [0, 31, 33, 1_000])
  func length(_ length: Int) throws {
    let error = CryptographyError.wrongKeyLength(expected: 32, actual: length)
    #expect(throws: error) { try X25519KeyPair.generate().sharedSecret(with: zeros(length)) }
    #expect(throws: error) { try X25519KeyPair(privateKey: zeros(length)) }
  }

  @Test("a private key is neither printed nor dumped")
  func description() throws {
    let pair = try X25519KeyPair.generate()
    var dumped = ""
    dump(pair, to: &dumped)
    #expect("\(pair)" == "X25519KeyPair(private key withheld)")
    #expect(String(reflecting: pair) == "\(pair)")
    #expect(!dumped.contains("pointer"))
  }
}
