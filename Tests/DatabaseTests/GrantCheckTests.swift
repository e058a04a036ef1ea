import Cluster
import Testing

@testable import Database

@Suite("Whether a grant holds")
struct GrantCheckTests {
  let check = GrantCheck(
    identity: identity, term: Term(3), keys: SealingKeyRing([sealingKey(2), sealingKey(3)]))
  let asked: PartitionSet = [partition(1), partition(2)]

  func opening(_ grant: SealedGrant, incarnation: Incarnation? = nil) throws(GrantError) -> PartitionOpening {
    try check.opening(grant, asked, holder: firstDrone, incarnation: incarnation)
  }

  @Test("an honest grant opens what was asked for, and no more")
  func honest() throws {
    let opening = try opening(grant([partition(1), partition(2), partition(3)]))
    #expect(
      opening
        == PartitionOpening(
          holder: firstDrone, incarnation: Incarnation(7), token: token(3), partitions: asked))
    #expect(try self.opening(grant(asked), incarnation: Incarnation(7)).partitions == asked)
  }

  @Test("a grant of another cluster, or for another database, is refused")
  func elsewhere() throws {
    #expect(throws: GrantError.otherCluster("other")) { try opening(grant(asked, cluster: "other")) }
    let database = try Principal(role: .database, node: "db2", realm: realm)
    #expect(throws: GrantError.otherDatabase(database)) { try opening(grant(asked, database: database)) }
  }

  @Test("a grant under a key that was never handed over is refused")
  func unknownKey() throws {
    let foreign = sealingKey(3, identifier: 2)
    #expect(throws: GrantError.unknownKey(term: Term(3))) { try opening(grant(asked, key: foreign)) }
    #expect(throws: GrantError.unknownKey(term: Term(4))) {
      try opening(grant(asked, token: token(4), key: sealingKey(4)))
    }
  }

  @Test("a grant sealed with another key under a known identifier is forged")
  func forged() throws {
    let forger = StoredSealingKey(
      term: Term(3), key: try #require(SealingKey(identifier: 1, key: .init(repeating: 0xee, count: 32))))
    #expect(throws: GrantError.forged) { try opening(grant(asked, key: forger)) }
  }

  @Test("a grant of which any byte was altered is refused, whichever it is")
  func altered() throws {
    let honest = try grant(asked).encoded()
    for index in honest.indices {
      var bytes = honest
      bytes[index] ^= 0x01
      guard let altered = try? SealedGrant.decode(bytes) else { continue }
      #expect(throws: GrantError.self, "byte \(index)") { try opening(altered) }
    }
  }

  @Test("a grant shown by somebody it was not made for is refused")
  func borrowed() throws {
    #expect(throws: GrantError.borrowed(holder: secondDrone)) {
      try opening(grant(asked, drone: secondDrone))
    }
  }

  @Test("a session shows grants of one life only")
  func incarnation() throws {
    #expect(throws: GrantError.otherIncarnation) { try opening(grant(asked), incarnation: Incarnation(8)) }
  }

  @Test("a grant of an earlier term is over, even while its key is known")
  func expired() throws {
    #expect(throws: GrantError.expired(term: Term(2), current: Term(3))) {
      try opening(grant(asked, token: token(2), key: sealingKey(2)))
    }
  }

  @Test("what a grant does not cover is not opened")
  func notCovered() throws {
    #expect(throws: GrantError.notCovered(partition(2))) { try opening(grant([partition(1), partition(3)])) }
  }
}
