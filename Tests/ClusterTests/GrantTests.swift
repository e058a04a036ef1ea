import Cryptography
import Testing
import Wire

@testable import Cluster

@Suite("Grants") struct GrantTests {
  private let sealed = Fixture.sealed()

  private func rewritten(
    cluster: String? = nil, database: Principal? = nil, drone: Principal? = nil, term: Term? = nil,
    keyIdentifier: UInt64? = nil, salt: [UInt8]? = nil, ciphertext: [UInt8]? = nil
  ) throws -> SealedGrant {
    var writer = CBORWriter()
    writer.beginArray(7)
    writer.write(text: cluster ?? sealed.cluster)
    (database ?? sealed.database).encode(into: &writer)
    (drone ?? sealed.drone).encode(into: &writer)
    (term ?? sealed.term).encode(into: &writer)
    writer.write(unsigned: keyIdentifier ?? sealed.keyIdentifier)
    writer.write(bytes: salt ?? sealed.salt)
    writer.write(bytes: ciphertext ?? sealed.ciphertext)
    return try SealedGrant.decode(writer.bytes)
  }

  @Test("a grant opens with the key that sealed it, also after travelling")
  func opens() throws {
    #expect(try sealed.opened(with: Fixture.sealingKey) == Fixture.grant)
    #expect(try SealedGrant.decode(sealed.encoded()).opened(with: Fixture.sealingKey) == Fixture.grant)
    #expect(try rewritten().opened(with: Fixture.sealingKey) == Fixture.grant)
    #expect(sealed.term == Fixture.grant.token.term)
  }

  @Test("a grant for another drone, database, cluster, term or key does not open")
  func rebound() throws {
    let forgeries = try [
      rewritten(cluster: "other"), rewritten(database: Fixture.principal(.database, "db2")),
      rewritten(drone: Fixture.d2), rewritten(term: Term(8)), rewritten(keyIdentifier: 6),
      rewritten(salt: [UInt8](repeating: 0, count: 32)),
    ]
    for forgery in forgeries {
      #expect(throws: GrantError.forged) { try forgery.opened(with: Fixture.sealingKey) }
    }
  }

  @Test("a grant altered in any byte of its seal, or cut, does not open")
  func altered() throws {
    for position in sealed.ciphertext.indices {
      var ciphertext = sealed.ciphertext
      ciphertext[position] ^= 0x80
      let forgery = try rewritten(ciphertext: ciphertext)
      #expect(throws: GrantError.forged) { try forgery.opened(with: Fixture.sealingKey) }
      let cut = try rewritten(ciphertext: Array(sealed.ciphertext[..<position]))
      #expect(throws: GrantError.forged) { try cut.opened(with: Fixture.sealingKey) }
    }
  }

  @Test("another key opens nothing")
  func otherKey() throws {
    let key = try #require(SealingKey(identifier: 5, key: SecureRandom.bytes(32)))
    #expect(throws: GrantError.forged) { try sealed.opened(with: key) }
    #expect(SealingKey(identifier: 5, key: [1, 2, 3]) == nil)
  }

  @Test("the same grant sealed twice has nothing in common: each has a key of its own")
  func salts() {
    let again = Fixture.sealed()
    #expect(again.salt != sealed.salt && again.ciphertext != sealed.ciphertext)
  }

  @Test("a salt of another length is refused on the wire", arguments: [0, 31, 33])
  func saltLength(count: Int) {
    #expect(throws: CBORError.self) { try rewritten(salt: [UInt8](repeating: 0, count: count)) }
  }

  @Test("the sentences say whose grant it is and what is wrong with it")
  func sentences() {
    #expect(GrantError.borrowed(holder: Fixture.d1).description.contains(Fixture.d1.text))
    #expect(GrantError.expired(term: Term(6), current: Term(7)).description.contains("7"))
    #expect(!"\(Fixture.sealingKey)".contains("9, 9"))
  }
}
