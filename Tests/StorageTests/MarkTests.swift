import Cluster
import GRDB
import Testing

@testable import Storage

@Suite("By what a store is known again")
struct MarkTests {
  private let fixture: StoreFixture

  init() throws { fixture = try StoreFixture() }

  @Test("what changes the store counts, what only moves or repeats it does not; it outlives the process")
  func counts() throws {
    let store = try fixture.store()
    let first = store.mark
    #expect(first.commit == 0)
    _ = try store.raiseTerm(to: Term(1))
    #expect(store.mark == StoreMark(identity: first.identity, commit: 1))
    _ = try store.raiseTerm(to: Term(1))
    #expect(store.mark.commit == 1, "nothing was changed")
    let opened = opening([partition(1)])
    _ = try store.open(opened)
    _ = try store.append(batch(1, from: 1, [put("a", "1")]))
    #expect(store.mark.commit == 3)
    _ = try store.append(batch(1, from: 1, [put("a", "1")]))
    try store.foldAll()
    #expect(store.mark.commit == 3)
    try store.close()
    #expect(try fixture.store().mark == StoreMark(identity: first.identity, commit: 3))
  }

  @Test("it counts on from where it is told to, and never back; what it has sealed it knows again")
  func advances() throws {
    let store = try fixture.store()
    let receipt = try store.standing().receiptKey.receipt(of: store.mark)
    #expect(try store.perform(.advance(to: 100)) == .advanced)
    #expect(try store.perform(.advance(to: 7)) == .advanced)
    #expect(store.mark.commit == 100)
    _ = try store.raiseTerm(to: Term(1))
    #expect(store.mark.commit == 101)
    try store.close()
    let again = try fixture.store()
    #expect(again.mark.commit == 101)
    #expect(try again.standing().receiptKey.hasSealed(receipt))
    let other = try StoreFixture().store()
    #expect(try !other.standing().receiptKey.hasSealed(receipt), "each store has a key of its own")
  }

  @Test("a transaction that fails does not count")
  func fails() throws {
    let store = try fixture.store()
    _ = try store.raiseTerm(to: Term(1))
    try store.pool.write { try $0.execute(sql: "DROP TABLE partitions") }
    #expect(throws: StoreError.self) { try store.open(opening([partition(1)])) }
    #expect(store.mark.commit == 1)
  }

  @Test("two stores have two identities")
  func identities() throws {
    #expect(try fixture.store().mark.identity != (try StoreFixture().store().mark.identity))
  }

  @Test("the register remembers a store, takes what continues it, and holds anything else")
  func register() throws {
    let register = try AuthorityRegister(directory: fixture.root, cluster: "test")
    let holder = Incarnation(1)
    let tenure = try register.tenure()
    _ = try register.replaceTenure(tenure, with: tenure.followed(by: holder))
    let database = try Principal("keyval-database/db1@KEYVAL.TEST")
    func mark(_ commit: UInt64, _ identity: UInt64 = 1) -> StoreMark {
      StoreMark(identity: StoreIdentity(high: identity, low: .max), commit: commit)
    }
    let known = KnownStore(mark: mark(.max - 1), seenAt: 11)
    #expect(try register.judge(mark(4), of: database, now: 10, holder: holder).known.mark == mark(4))
    #expect(try register.judge(known.mark, of: database, now: 11, holder: holder) == .accepted(known))
    #expect(try register.judge(mark(5), of: database, now: 12, holder: holder) == .held(known: known))
    #expect(try register.judge(mark(.max, 2), of: database, now: 12, holder: holder) == .held(known: known))
    #expect(try register.contents().stores == [database: known])
    #expect(throws: StoreError.self) {
      try register.judge(mark(.max), of: database, now: 13, holder: Incarnation(2))
    }
    try register.accept(KnownStore(mark: mark(5), seenAt: 14), of: database, holder: holder)
    try register.close()
    let reopened = try AuthorityRegister(directory: fixture.root, cluster: "test")
    #expect(try reopened.contents().stores == [database: KnownStore(mark: mark(5), seenAt: 14)])
  }
}
