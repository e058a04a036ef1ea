import Cluster
import Testing

@testable import Storage

@Suite("Terms and sealing keys at rest")
struct TermTests {
  let fixture: StoreFixture
  init() throws { fixture = try StoreFixture() }

  func key(_ identifier: UInt64, _ byte: UInt8 = 1, of term: Term) throws -> StoredSealingKey {
    let key = try #require(SealingKey(identifier: identifier, key: .init(repeating: byte, count: 32)))
    return StoredSealingKey(term: term, key: key)
  }

  @Test("the term rises and never falls, also after a restart, and beyond SQLite's signed numbers")
  func term() throws {
    do {
      let store = try fixture.store()
      #expect(try store.raiseTerm(to: Term(5)) == Term(5))
      #expect(try store.raiseTerm(to: Term(4)) == Term(5))
      #expect(try store.raiseTerm(to: Term(.max)) == Term(.max))
      #expect(try store.raiseTerm(to: Term(6)) == Term(.max))
    }
    #expect(try fixture.store().standing().term == Term(.max))
  }

  @Test("a key is there after a restart, byte for byte")
  func keySurvives() throws {
    do {
      let store = try fixture.store()
      #expect(try store.store(key(.max, 9, of: Term(2))) == .stored)
    }
    let standing = try fixture.store().standing()
    #expect(standing.term == Term(2))
    #expect(standing.keys.map(\.term) == [Term(2)])
    #expect(standing.keys.map(\.key.identifier) == [.max])
    #expect(standing.keys.map(\.key.key) == [.init(repeating: 9, count: 32)])
  }

  @Test("a key of a lower term is refused inside the transaction")
  func lowerTerm() throws {
    let store = try fixture.store()
    _ = try store.raiseTerm(to: Term(3))
    #expect(try store.store(key(1, of: Term(2))) == .oldTerm(stored: Term(3)))
    #expect(try store.standing().keys.isEmpty)
  }

  @Test("the same key again is stored still; another one under its name is refused")
  func repeated() throws {
    let store = try fixture.store()
    #expect(try store.store(key(1, 1, of: Term(2))) == .stored)
    #expect(try store.store(key(1, 1, of: Term(2))) == .stored)
    #expect(try store.store(key(1, 2, of: Term(2))) == .conflict)
    #expect(try store.standing().keys.map(\.key.key) == [.init(repeating: 1, count: 32)])
  }

  @Test("keys of this term and the one before are kept, older ones deleted")
  func pruned() throws {
    let store = try fixture.store()
    for term: UInt64 in [1, 2, 5, .max] { #expect(try store.store(key(term, of: Term(term))) == .stored) }
    #expect(try store.standing().keys.map(\.term) == [Term(5), Term(.max)])
  }
}
