import Cluster
import Foundation
import Synchronization
import Testing

@testable import Storage

@Suite("A store under concurrent use")
struct ConcurrencyTests: Sendable {
  let fixture: StoreFixture
  let store: SQLiteStore

  init() throws {
    fixture = try StoreFixture()
    store = try fixture.store()
    _ = try store.raiseTerm(to: Term(1))
  }

  @Test("while fences rise, appends and folds go on: each reader sees a prefix with nothing missing")
  func prefixes() throws {
    _ = try store.open(opening([partition(1)]))
    let isDone = Atomic(false)
    let problems = Mutex<[String]>([])
    let owners = 20
    DispatchQueue.concurrentPerform(iterations: 3) { role in
      do {
        switch role {
        case 0:
          // Each owner writes the key of each sequence number until the next has fenced it off.
          defer { isDone.store(true, ordering: .releasing) }
          for counter in 1...UInt64(owners) { try own(counter) }
        case 1:
          while !isDone.load(ordering: .acquiring) { try store.fold(records: 3) }
        default:
          while !isDone.load(ordering: .acquiring) {
            if let problem = try gap() { problems.withLock { $0.append(problem) } }
          }
        }
      } catch {
        isDone.store(true, ordering: .releasing)
        problems.withLock { $0.append("\(error)") }
      }
    }
    #expect(problems.withLock { $0 } == [])
    try store.foldAll()
    #expect(try entries().map(\.version.sequence) == Array(1...UInt64(owners * 10)))
  }

  /// Opens under a token and writes ten records; the owner before finds itself fenced off.
  func own(_ counter: UInt64) throws {
    let mine = opening([partition(1)], token: token(1, counter))
    _ = try store.open(mine)
    guard let start = try store.everything(mine).tails.first?.sequence else { return }
    for sequence in (start + 1)...(start + 10) {
      let record = put(String(format: "%08d", sequence), "v", write: sequence)
      let result = try store.append(batch(1, from: sequence, [record], token: token(1, counter)))
      #expect(result == [.stored(through: sequence)])
    }
    guard counter > 1 else { return }
    let late = try store.append(batch(1, from: start + 11, [put("late", "v")], token: token(1, counter - 1)))
    #expect(late == [.fenced(by: token(1, counter))])
  }

  /// Reads as whoever is the owner; nil when all from 1 to the sequence is there, once.
  func gap() throws -> String? {
    do {
      var seen: [UInt64] = []
      var end: UInt64 = 0
      let fence = try store.fence(of: partition(1))
      let current = opening([partition(1)], token: fence?.token ?? .none)
      try store.contents(of: current) { part in
        switch part {
        case .entries(_, let entries): seen += entries.map(\.version.sequence)
        case .end(let tail): end = tail.sequence
        }
        return true
      }
      return seen.sorted() == Array(1..<(end + 1)) ? nil : "\(seen) through \(end)"
    } catch {
      guard case .fenced = error else { throw error }
      return nil
    }
  }

  func entries() throws -> [StoredEntry] {
    try store.entries(opening([partition(1)], token: token(1, 20)))
  }
}
