import Cluster
import Testing

@testable import Drone

@Suite("The table") struct TableTests {
  private struct Generator: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return (state >> 33) ^ state
    }
  }

  private func value(_ table: Table, _ key: [UInt8]) -> [UInt8]? {
    key.withUnsafeBytes { table.withValue(of: HashedKey($0)) { $0.map { [UInt8]($0) } } }
  }

  @Test("it is a dictionary, whatever is put, replaced and removed", arguments: 1...8)
  func random(seed: UInt64) {
    var generator = Generator(state: seed)
    var table = Table()
    var model: [[UInt8]: [UInt8]] = [:]
    // Few keys make clusters and holes, many make it grow.
    let keys = [20, 200, 3000][Int(seed % 3)]
    for step in 0..<20_000 {
      let key = [UInt8]("key \(Int.random(in: 0..<keys, using: &generator))".utf8)
      // It fills, empties and fills again.
      let removes = (step / 4000).isMultiple(of: 2) ? 3 : 8
      if Int.random(in: 0..<10, using: &generator) < removes {
        table.remove(key)
        model[key] = nil
      } else {
        let value = [UInt8]("value \(step)".utf8)
        table.set(key, value, Version(fence: .none, sequence: UInt64(step)))
        model[key] = value
      }
      if table.count != model.count || value(table, key) != model[key] {
        Issue.record("seed \(seed), step \(step): \(table.count) keys instead of \(model.count)")
        return
      }
    }
    for number in 0..<keys {
      let key = [UInt8]("key \(number)".utf8)
      #expect(value(table, key) == model[key])
      #expect(table.contains(key) == (model[key] != nil))
    }
  }

  @Test("keys that are alike, empty values and removals of nothing")
  func corners() {
    var table = Table()
    table.remove([1])
    table.set([1], [], .init(fence: .none, sequence: 1))
    table.set([1, 0], [1], .init(fence: .none, sequence: 2))
    table.set([], [2], .init(fence: .none, sequence: 3))
    #expect(value(table, [1]) == [] && value(table, [1, 0]) == [1] && value(table, []) == [2])
    table.remove([1])
    table.remove([1])
    #expect(value(table, [1]) == nil && value(table, [1, 0]) == [1] && table.count == 2)
  }

  /// Keys, values and versions of all entries, by the cursor in pieces.
  private func contents(_ table: Table, pieces: Int = 1_000) -> [[UInt8]: StoredEntry] {
    var found: [[UInt8]: StoredEntry] = [:]
    var place: EntryHeap.Place? = .start
    while let from = place {
      let piece = table.entries(from: from, bytes: pieces)
      for entry in piece.entries { found[entry.key] = entry }
      place = piece.next
    }
    return found
  }

  private func entry(
    _ step: Int, keys: Int, longest: Int, _ generator: inout Generator
  ) -> StoredEntry {
    let key = [UInt8]("key \(Int.random(in: 0..<keys, using: &generator))".utf8)
    // Lengths of all sizes, also such that have a chunk to themselves.
    let length = Int.random(in: 0...Int.random(in: 0...longest, using: &generator), using: &generator)
    let fence = FencingToken(term: Term(UInt64(step / 700)), counter: UInt64(step % 3))
    return StoredEntry(
      key: key, value: [UInt8](repeating: UInt8(truncatingIfNeeded: step), count: length),
      version: Version(fence: fence, sequence: UInt64(step)))
  }

  @Test("values of all lengths keep their versions, and a copy keeps what it was made of", arguments: 1...4)
  func lengths(seed: UInt64) {
    var generator = Generator(state: seed)
    var table = Table()
    var model: [[UInt8]: StoredEntry] = [:]
    var copies: [(Table, [[UInt8]: StoredEntry])] = []
    for step in 1...6_000 {
      let entry = entry(step, keys: 300, longest: seed == 1 ? 100_000 : 3_000, &generator)
      if step % 5 == 0 {
        table.remove(entry.key)
        model[entry.key] = nil
      } else {
        table.set(entry.key, entry.value, entry.version)
        model[entry.key] = entry
      }
      let version = table.version(of: entry.key)
      if version != model[entry.key]?.version {
        Issue.record("seed \(seed), step \(step): version \(String(describing: version))")
        return
      }
      if step % 1_500 == 0 { copies.append((table, model)) }
    }
    copies.append((table, model))
    for (table, model) in copies {
      let isSame = contents(table) == model
      #expect(isSame)
    }
  }

  @Test(
    "who goes through it in pieces meets all that is not written meanwhile, and comes to an end",
    arguments: 1...4)
  func cursor(seed: UInt64) {
    var generator = Generator(state: seed)
    var table = Table()
    var step = 1
    let old = Version(fence: .none, sequence: 1)
    for number in 0..<500 {
      // Between others, so that they are moved when those are gone.
      table.set([UInt8]("stays \(number)".utf8), [1], old)
      table.set([UInt8]("goes \(number)".utf8), [UInt8](repeating: 1, count: 99), old)
    }
    var met: Set<[UInt8]> = []
    var place: EntryHeap.Place? = .start
    while let from = place {
      let piece = table.entries(from: from, bytes: 1_000, asOf: 1)
      met.formUnion(piece.entries.map(\.key))
      place = piece.next
      for _ in 0..<100 {
        step += 1
        let entry = entry(step, keys: 400, longest: 600, &generator)
        table.set(entry.key, entry.value, entry.version)
        table.remove([UInt8]("goes \(step % 500)".utf8))
      }
    }
    let missed = (0..<500).filter { !met.contains([UInt8]("stays \($0)".utf8)) }
    #expect(missed.isEmpty)
    #expect(met.allSatisfy { !$0.starts(with: "key".utf8) })
  }

  @Test(
    "an entry of 16 and 32 bytes takes less than 80, however often it is written, and nothing once it is gone"
  )
  func footprint() {
    var table = Table()
    let keys = (0..<50_000).map { [UInt8]("0123456789\(100_000 + $0)".utf8) }
    for round in 0..<4 {
      for key in keys {
        table.set(key, [UInt8](repeating: UInt8(round), count: 32), .init(fence: .none, sequence: 1))
      }
      #expect(table.footprint < 80 * keys.count)
    }
    // Of other lengths: what is dead is a quarter at most.
    for round in 0..<4 {
      for key in keys {
        table.set(key, [UInt8](repeating: 9, count: 24 + 8 * round), .init(fence: .none, sequence: 1))
      }
      #expect(table.footprint < 80 * keys.count * 3 / 2)
    }
    for key in keys { table.remove(key) }
    #expect(table.count == 0 && table.footprint < 10_000)
    #expect(contents(table).isEmpty)
  }

  @Test("more fences than it numbers: those in use are kept")
  func fences() {
    var table = Table()
    let kept = Version(fence: FencingToken(term: Term(7), counter: 7), sequence: 1)
    table.set([1], [1], kept)
    for number in 0..<150_000 {
      table.set([2], [2], Version(fence: FencingToken(term: Term(8), counter: UInt64(number)), sequence: 2))
    }
    #expect(table.version(of: [1]) == kept)
    #expect(
      table.version(of: [2])
        == Version(fence: FencingToken(term: Term(8), counter: 149_999), sequence: 2))
  }

  @Test("it says that it is nearly full long before it is full, and that it is full before its numbers end")
  func limits() {
    var table = Table(mostChunks: 64)
    // Each long one has a chunk to itself, and the short one behind it begins another.
    func add(_ number: Int) {
      table.set(
        [UInt8]("long \(number)".utf8), [UInt8](repeating: 1, count: 40_000), .init(fence: .none, sequence: 1)
      )
      table.set([UInt8]("short \(number)".utf8), [1], .init(fence: .none, sequence: 1))
    }
    for number in 0..<8 { add(number) }
    #expect(!table.isNearlyFull)
    add(8)
    #expect(table.isNearlyFull && !table.isFull)
    for number in 9..<28 { add(number) }
    #expect(!table.isFull)
    add(28)
    #expect(table.isFull && table.count == 58)
    for number in 0..<29 { table.remove([UInt8]("long \(number)".utf8)) }
    #expect(!table.isFull)
  }

  @Test("what is fetched ahead for a key is its entry, and next to no others")
  func probable() {
    var index = BucketIndex()
    var generator = Generator(state: 1)
    let hashes = (0..<2000).map { _ in generator.next() }
    for (number, hash) in hashes.enumerated() {
      index.insert(hash, EntryHeap.Reference(raw: UInt32(number))) { hashes[Int($0.raw)] }
    }
    var (met, others) = (0, 0)
    for (number, hash) in hashes.enumerated() {
      index.visitProbable(hash) { if $0.raw == number { met += 1 } else { others += 1 } }
    }
    // Those in overflow buckets are not.
    #expect(met > 1800)
    #expect(others < 200)
  }
}
