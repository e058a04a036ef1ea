import Cluster
import StoreRules
import Testing

@testable import Storage

@Suite("Opening and appending")
struct AppendTests {
  let fixture: StoreFixture
  let store: SQLiteStore

  init() throws {
    fixture = try StoreFixture()
    store = try fixture.store()
    _ = try store.raiseTerm(to: Term(1))
  }

  @Test("a grant opens nothing in another term than its own")
  func wrongTerm() throws {
    _ = try store.raiseTerm(to: Term(2))
    let result = try store.open(opening([partition(1)], token: token(1, 1)))
    #expect(result.opened.isEmpty)
    #expect(result.refused.map(\.error) == [.expired(term: Term(1), current: Term(2))])
    #expect(try store.open(opening([partition(1)], token: token(3, 1))).opened.isEmpty)
  }

  @Test("opening raises the fence, also across a restart, and the same grant may be shown again")
  func raises() throws {
    let low = opening([partition(1), partition(2)], token: token(1, 5))
    #expect(try store.open(low).opened == [partition(1), partition(2)])
    #expect(try store.open(low).opened == [partition(1), partition(2)])
    let lower = try store.open(
      opening([partition(2), partition(3)], holder: secondDrone, token: token(1, 4)))
    #expect(lower.opened == [partition(3)])
    #expect(lower.refused.map(\.error) == [.fenced(partition(2), current: token(1, 5))])
    let borrowed = try store.open(opening([partition(1)], incarnation: 8, token: token(1, 5)))
    #expect(borrowed.refused.map(\.error) == [.fenced(partition(1), current: token(1, 5))])
  }

  @Test("records are stored if they follow, else the gap is named")
  func continuity() throws {
    _ = try store.open(opening([partition(1)]))
    #expect(try store.append(batch(1, from: 2, [put("a", "1")])) == [.gap(stored: 0)])
    #expect(try store.append(batch(1, from: 1, [put("a", "1"), put("b", "2")])) == [.stored(through: 2)])
    #expect(try store.append(batch(1, from: 4, [put("c", "3")])) == [.gap(stored: 2)])
    #expect(try store.append(batch(1, from: 3, [put("c", "3")])) == [.stored(through: 3)])
  }

  @Test("a repeated batch is stored once, and of an overlapping one what is new")
  func repetition() throws {
    _ = try store.open(opening([partition(1)]))
    let first = batch(1, from: 1, [put("a", "1"), put("b", "2")])
    #expect(try store.append(first) == [.stored(through: 2)])
    #expect(try store.append(first) == [.stored(through: 2)])
    let overlapping = batch(1, from: 2, [put("b", "2"), put("c", "3")])
    #expect(try store.append(overlapping) == [.stored(through: 3)])
    #expect(store.backlog.records == 3)
    let entries = try store.entries(opening([partition(1)]))
    #expect(entries.map(\.version.sequence) == [1, 2, 3])
  }

  @Test("two batches of a partition in one group commit follow each other")
  func sameGroup() throws {
    _ = try store.open(opening([partition(1)]))
    let results = try store.append(
      batch(1, from: 1, [put("a", "1")]), batch(1, from: 2, [put("b", "2")]),
      batch(1, from: 4, [put("c", "3")]))
    #expect(results == [.stored(through: 1), .stored(through: 2), .gap(stored: 2)])
  }

  @Test("a stale partition rejects its own records only, in the same transaction as others' are stored")
  func staleOnly() throws {
    _ = try store.open(opening([partition(1), partition(2)]))
    _ = try store.open(opening([partition(1)], holder: secondDrone, token: token(1, 2)))
    let results = try store.append([
      AppendGroup(
        holder: firstDrone,
        batches: [batch(1, from: 1, [put("a", "old")]), batch(2, from: 1, [put("b", "2")])]),
      AppendGroup(
        holder: secondDrone, batches: [batch(1, from: 1, [put("a", "new")], token: token(1, 2))]),
    ])
    #expect(
      results.map { $0.map(\.result) } == [
        [.fenced(by: token(1, 2)), .stored(through: 1)], [.stored(through: 1)],
      ])
    #expect(
      try store.texts(opening([partition(1)], holder: secondDrone, token: token(1, 2))) == ["a=new"])
  }

  @Test("token, holder and incarnation must all be as opened")
  func exactFence() throws {
    #expect(try store.append(batch(1, from: 1, [put("a", "1")])) == [.fenced(by: .none)])
    _ = try store.open(opening([partition(1)]))
    let fenced: [StoreAnswer.AppendResult] = [.fenced(by: token(1, 1))]
    #expect(try store.append(batch(1, from: 1, [put("a", "1")]), from: secondDrone) == fenced)
    #expect(try store.append(batch(1, from: 1, [put("a", "1")], incarnation: 8)) == fenced)
    #expect(try store.append(batch(1, from: 1, [put("a", "1")], token: token(1, 2))) == fenced)
    #expect(store.backlog.isEmpty)
  }

  @Test("write-behind goes on after the term has risen, until somebody opens")
  func acrossElections() throws {
    _ = try store.open(opening([partition(1)]))
    _ = try store.raiseTerm(to: Term(2))
    #expect(try store.append(batch(1, from: 1, [put("a", "1")])) == [.stored(through: 1)])
  }

  @Test("a new owner numbers on; what an earlier owner numbered is not called stored")
  func newOwner() throws {
    _ = try store.open(opening([partition(1)]))
    _ = try store.append(batch(1, from: 1, [put("a", "1"), put("b", "1")]))
    _ = try store.open(opening([partition(1)], holder: secondDrone, token: token(1, 2)))
    let low = try store.append(batch(1, from: 2, [put("a", "2")], token: token(1, 2)), from: secondDrone)
    #expect(low == [.gap(stored: 2)])
    let next = try store.append(batch(1, from: 3, [put("a", "2")], token: token(1, 2)), from: secondDrone)
    #expect(next == [.stored(through: 3)])
  }

  @Test("what was stored is there after a restart")
  func restart() throws {
    let other = try StoreFixture()
    do {
      let store = try other.store()
      _ = try store.raiseTerm(to: Term(1))
      _ = try store.open(opening([partition(9)]))
      _ = try store.append(batch(9, from: 1, [put("a", "1")]))
    }
    let store = try other.store()
    #expect(store.backlog.rows == 1)
    #expect(try store.append(batch(9, from: 2, [put("b", "2")])) == [.stored(through: 2)])
    #expect(try store.texts(opening([partition(9)])) == ["a=1", "b=2"])
  }

  @Test("a large commit becomes several rows, so that a fold is short; between two folds all is read right")
  func rows() throws {
    let other = try StoreFixture()
    let store = try other.store()
    _ = try store.raiseTerm(to: Term(1))
    _ = try store.open(opening([partition(1), partition(2)]))
    let large = [UInt8](repeating: 7, count: StoreRules.rowLength)
    let results = try store.append(
      batch(1, from: 1, [put([1], large)]), batch(2, from: 1, [put("a", "1")]),
      batch(1, from: 2, [put([1], [8]), put("b", "1")]))
    #expect(results == [.stored(through: 1), .stored(through: 1), .stored(through: 3)])
    #expect(store.backlog.rows == 2 && store.backlog.records == 4)
    for rows in [2, 1, 0] {
      #expect(store.backlog.rows == rows)
      let entries = try store.entries(opening([partition(1), partition(2)]))
      #expect(entries.map(\.key) == [[1], [UInt8(ascii: "b")], [UInt8(ascii: "a")]])
      #expect(entries.first?.value == [8])
      try store.fold(records: 1)
    }
  }

  @Test("a full disk stores nothing of the append, says so, and the store goes on when there is room")
  func fullDisk() throws {
    let other = try StoreFixture()
    let store = try other.store(maximumPages: 64)
    _ = try store.raiseTerm(to: Term(1))
    _ = try store.open(opening([partition(1)]))
    #expect(try store.append(batch(1, from: 1, [put("a", "1")])) == [.stored(through: 1)])
    let large = batch(1, from: 2, [put([1], .init(repeating: 0, count: 500_000))])
    #expect(throws: StoreError.full(path: other.path)) { try store.append(large) }
    #expect(store.backlog.records == 1)
    #expect(try store.append(batch(1, from: 2, [put("b", "2")])) == [.stored(through: 2)])
    try store.foldAll()
    #expect(try store.texts(opening([partition(1)])) == ["a=1", "b=2"])
  }
}
