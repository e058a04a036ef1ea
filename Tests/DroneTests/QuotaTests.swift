import Cluster
import Testing

@testable import Drone

@Suite("Quotas of keys and bytes") struct QuotaTests {
  private static func list(_ text: String) throws -> AccessList {
    try AccessList(parsing: [UInt8](text.utf8))
  }

  /// A loop with a quota on keys that begin with `p/`, for whoever writes, and counted.
  private static func loop(
    keys: Int? = nil, bytes: Int? = nil, serving numbers: Range<Int> = 0..<Partition.count
  ) throws -> TestLoop {
    var loop = TestLoop(serving: numbers)
    loop.core.install(try list("a@R rw p/ keys=1\n"), edition: 1)
    loop.quota = Quota(place: 0, keys: keys, bytes: bytes, edition: 1)
    tick(&loop)
    return loop
  }

  private static func tick(_ loop: inout TestLoop) {
    _ = loop.core.tickStreams(loop.now, timing: Timing())
  }

  @Test(
    "keys beyond it are refused; those that are there may be changed and deleted, and others put in their place"
  )
  func keys() throws {
    var loop = try Self.loop(keys: 3)
    for number in 1...3 { #expect(loop.put("p/\(number)", "v", number, write: UInt64(number)) == nil) }
    #expect(loop.put("p/4", "v", 4, write: 4) == .failed(.quotaReached), "also while none is stored yet")
    loop.commit()
    #expect(loop.put("p/4", "v", 4, write: 5) == .failed(.quotaReached))
    #expect(loop.put("p/1", "longer", 1, write: 6) == nil)
    #expect(loop.put("q/1", "v", write: 7) == .failed(.quotaReached), "who is asked is the line, not the key")
    #expect(loop.delete("p/1", 1, write: 8) == nil)
    #expect(loop.put("p/4", "v", 4, write: 9) == nil)
    #expect(loop.put("p/5", "v", 5, write: 10) == .failed(.quotaReached))
    loop.quota = nil
    #expect(loop.put("p/5", "v", 5, write: 11) == nil, "whose line has none goes on")
  }

  @Test("bytes are those of keys and values; a shorter value may be put at any time")
  func bytes() throws {
    var loop = try Self.loop(bytes: 100)
    #expect(loop.put("p/1", String(repeating: "v", count: 57), 1, write: 1) == nil)
    #expect(loop.put("p/2", String(repeating: "v", count: 38), 2, write: 2) == .failed(.quotaReached))
    #expect(loop.put("p/2", String(repeating: "v", count: 37), 2, write: 3) == nil)
    loop.commit()
    #expect(loop.put("p/1", String(repeating: "v", count: 58), 1, write: 4) == .failed(.quotaReached))
    #expect(loop.put("p/1", "v", 1, write: 5) == nil)
    #expect(loop.put("p/2", String(repeating: "v", count: 93), 2, write: 6) == nil)
  }

  @Test("a retry of what was done is answered so; a compare that does not match is no put")
  func retries() throws {
    var loop = try Self.loop(keys: 1)
    #expect(loop.put("p/1", "v", write: 1) == nil)
    loop.commit()
    #expect(loop.put("p/1", "v", write: 1, retry: true) == .done(existed: false))
    #expect(loop.compareAndPut("p/2", "other", "v", write: 2) == nil)
    #expect(loop.compareAndPut("p/2", nil, "v", write: 3) == .failed(.quotaReached))
    #expect(loop.compareAndPut("p/1", "v", "w", write: 4) == nil)
  }

  @Test("who may not read the key is told nothing of what is there")
  func blind() throws {
    var loop = try Self.loop(keys: 1)
    loop.mayRead = false
    #expect(loop.put("p/1", "v", write: 1) == nil)
    #expect(loop.put("p/1", "w", write: 2) == .failed(.quotaReached))
    #expect(loop.put("p/2", "w", write: 3) == .failed(.quotaReached))
  }

  @Test(
    "each loop lets in its partitions' share and what chance puts there, and in all never more than the quota"
  )
  func shares() throws {
    func taken(_ most: Int, serving numbers: Range<Int>) throws -> Int {
      var loop = try Self.loop(keys: most, serving: numbers)
      for number in 0... {
        guard loop.put("p/\(number)", "v", number % numbers.count, write: UInt64(number + 1)) == nil else {
          return number
        }
      }
      fatalError("it ends when the quota is reached, or the test when it is not")
    }
    #expect(try taken(1_000, serving: 0..<Partition.count) == 1_000)
    // 250 and three times the root of it, and one.
    #expect(try taken(1_000, serving: 0..<(Partition.count / 4)) == 298)
    #expect(try taken(4, serving: 0..<1) == 1)
    #expect(try taken(2, serving: 0..<(Partition.count / 2)) == 2, "never more than in all")
  }

  @Test("what was there before the list is counted, also what is on its way; until then nobody is refused")
  func countedLater() throws {
    var loop = TestLoop(serving: 0..<Partition.count)
    for number in 1...4 { #expect(loop.put("p/\(number)", "v", number, write: UInt64(number)) == nil) }
    loop.commit()
    #expect(loop.put("p/5", "v", 5, write: 5) == nil && loop.delete("p/1", 1, write: 6) == nil)
    loop.core.install(try Self.list("a@R rw p/ keys=1\n"), edition: 1)
    loop.quota = Quota(place: 0, keys: 4, bytes: nil, edition: 1)
    #expect(loop.core.quotas.totals == [Tally()])
    Self.tick(&loop)
    #expect(loop.core.quotas.totals == [Tally(keys: 4, bytes: 16)])
    #expect(loop.put("p/6", "v", 6, write: 7) == .failed(.quotaReached))
  }

  @Test("partitions that go take their keys with them, those that come bring theirs")
  func moves() throws {
    var loop = try Self.loop(keys: 100)
    for number in 0..<10 { #expect(loop.put("p/\(number)", "v", number, write: UInt64(number + 1)) == nil) }
    loop.commit()
    _ = loop.core.close(Names.set(0..<4))
    #expect(loop.core.quotas.totals == [Tally(keys: 6, bytes: 24)])
    let entries = (0..<3).map {
      StoredEntry(
        key: [UInt8]("p/x\($0)".utf8), value: [1], version: Version(fence: Names.token(1, 1), sequence: 1))
    }
    loop.load(0..<1, Names.token(1, 2), sequence: 3, entries: entries)
    Self.tick(&loop)
    #expect(loop.core.quotas.totals == [Tally(keys: 9, bytes: 24 + 3 * 5)])
  }

  @Test(
    "prefixes may lie in one another; a list that has others is counted anew, and one that has the same is not"
  )
  func prefixes() throws {
    var loop = try Self.loop(keys: 100)
    #expect(loop.put("p/q/1", "v", write: 1) == nil && loop.put("p/1", "v", write: 2) == nil)
    loop.core.install(try Self.list("a@R r\nb@R rw p/ keys=9\n"), edition: 2)
    #expect(loop.core.quotas.totals == [Tally(keys: 2, bytes: 10)])
    loop.core.install(try Self.list("a@R rw p/q/ bytes=9\nb@R rw p/ keys=9\nc@R rw * keys=9\n"), edition: 3)
    Self.tick(&loop)
    #expect(
      loop.core.quotas.totals
        == [Tally(keys: 1, bytes: 6), Tally(keys: 2, bytes: 10), Tally(keys: 2, bytes: 10)])
    loop.core.install(try Self.list("a@R rw\n"), edition: 4)
    #expect(loop.core.quotas.isEmpty)
    #expect(loop.put("p/2", "v", write: 3) == nil, "a quota of a list that is gone holds nobody")
  }
}
