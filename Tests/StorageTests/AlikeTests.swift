import Cluster
import StoreRules
import Testing

@testable import Simulation
@testable import Storage

/// The simulator's rows, without a simulator around them.
private final class MemoryBackend: StoreBackend {
  private var state = StoreState()
  /// The next transaction comes to nothing when all is done but its commit.
  var fails = false

  struct Failure: Error {}

  func write<Value>(_ body: (inout StoreState) throws -> Value) throws -> Value {
    var rows = state
    let value = try body(&rows)
    if fails { throw Failure() }
    state = rows
    return value
  }

  func read<Value>(_ body: (StoreState) throws -> Value) throws -> Value { try body(state) }
}

private struct Seeded: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var value = state
    value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
    value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
    return value ^ value >> 31
  }
}

@Suite("Stores that go by the same rules")
struct AlikeTests {
  private static let holders = [firstDrone, secondDrone]
  private static let partitions = (0..<4).map { partition($0 * 40) }

  /// Something that a core may ask for: right, late, repeated, or somebody else's.
  private func job(_ random: inout Seeded, _ counter: inout UInt64, _ fences: [PartitionFence?]) throws
    -> StoreJob
  {
    let holder = try #require(Self.holders.randomElement(using: &random))
    switch Int.random(in: 0..<20, using: &random) {
    case 0: return .raiseTerm(Term(UInt64.random(in: 0...1, using: &random)))
    case 1:
      let identifier = UInt64.random(in: 1...2, using: &random)
      let bytes = [UInt8](repeating: UInt8.random(in: 1...2, using: &random), count: 32)
      let key = try #require(SealingKey(identifier: identifier, key: bytes))
      return .storeKey(StoredSealingKey(term: Term(UInt64.random(in: 0...1, using: &random)), key: key))
    case 2...5:
      counter += UInt64.random(in: 0...1, using: &random)
      let modes: [Grant.Mode] = [.load, .load, .promote, .acceptLoss]
      let mode = try #require(modes.randomElement(using: &random))
      return .open(
        PartitionOpening(
          holder: holder, incarnation: Incarnation(7), token: token(1, counter), mode: mode,
          copy: mode == .promote ? token(1, UInt64.random(in: 1...counter, using: &random)) : nil,
          partitions: PartitionSet(Self.partitions.filter { _ in Bool.random(using: &random) })))
    case 6...8: return .fold
    case 9: return .readFences
    default:
      let batches = Self.partitions.indices.filter { _ in Bool.random(using: &random) }.map { index in
        let records = (0..<Int.random(in: 1...40, using: &random)).map { _ in
          let key = [UInt8.random(in: 0...60, using: &random)]
          let client = ClientIncarnation(high: .random(in: 1...3, using: &random), low: 1)
          let change: LogRecord.Change =
            Bool.random(using: &random)
            ? .delete
            : .put(value: [UInt8](repeating: key[0], count: Int.random(in: 0...400, using: &random)))
          return LogRecord(
            key: key, change: change, client: client, write: .random(in: 1...999, using: &random),
            outcome: .written(existed: true))
        }
        let isListed = Int.random(in: 0..<4, using: &random) == 0
        let list = InSyncList(
          number: counter, holders: [Holder(principal: secondDrone, incarnation: Incarnation(7))])
        // Now and then of an earlier owner, or with a record that is stored already.
        let stored = Int.random(in: 0..<8, using: &random) == 0 ? nil : fences[index]
        let end = fences[index]?.sequence ?? 0
        return PartitionBatch(
          partition: Self.partitions[index], token: stored?.token ?? token(1, 1), incarnation: Incarnation(7),
          firstSequence: max(1, end + 1 - min(end, UInt64.random(in: 0...1, using: &random))),
          records: records, inSync: isListed ? list : nil)
      }
      return .append([AppendGroup(holder: holder, batches: batches)])
    }
  }

  private func fences(_ backend: some StoreBackend) throws -> [PartitionFence?] {
    try backend.read { rows in
      var table = FenceTable()
      return try Self.partitions.map { try table.fence(of: $0, rows) }
    }
  }

  private func contents(
    _ partition: Partition, _ fence: PartitionFence, _ rules: StoreRules, _ backend: some StoreBackend
  ) throws -> ([StoredEntry], [PartitionTail]) {
    var (entries, tails): ([StoredEntry], [PartitionTail]) = ([], [])
    let opened = PartitionOpening(
      holder: fence.holder, incarnation: fence.incarnation, token: fence.token, partitions: [partition])
    try backend.read { rows in
      try rules.contents(of: opened, rows) { part in
        switch part {
        case .entries(_, let some): entries += some
        case .end(let tail): tails.append(tail)
        }
        return true
      }
    }
    return (entries, tails)
  }

  @Test(
    "the simulator's rows and SQLite's answer every job alike, and hand out the same contents",
    arguments: 1...8)
  func alike(seed: UInt64) throws {
    var random = Seeded(state: seed)
    let fixture = try StoreFixture()
    let store = try fixture.store()
    let (memory, sqlite) = (MemoryBackend(), store.backend)
    // Little is remembered, so that much is dropped.
    let rules = StoreRules(outcomes: OutcomeKeeping(kept: 20, keptOfOthers: 8, maximumClients: 2))
    var one = try memory.read { try StoreBooks(of: $0, rules: rules) }
    var other = try sqlite.read { try StoreBooks(of: $0, rules: rules) }
    var counter: UInt64 = 1
    for job in [StoreJob.raiseTerm(Term(1)), .open(opening(PartitionSet(Self.partitions)))] {
      #expect(try one.perform(job, on: memory) == other.perform(job, on: sqlite))
    }
    for step in 1...250 {
      let job = try job(&random, &counter, try fences(memory))
      // A fold that fails begins anew, which the other's does not; reading has nothing to fail by.
      if Int.random(in: 0..<10, using: &random) == 0, job != .fold, job != .readFences {
        let before = one.mark
        memory.fails = true
        #expect(throws: MemoryBackend.Failure.self) { try one.perform(job, on: memory) }
        memory.fails = false
        #expect(one.mark == before, "what has failed has changed nothing")
      }
      #expect(try one.perform(job, on: memory) == other.perform(job, on: sqlite), "step \(step)")
      #expect(one.mark.commit == other.mark.commit)
      #expect(one.backlog == other.backlog)
      guard step % 10 == 0 else { continue }
      #expect(try one.backlog == memory.read { $0.backlog() }, "what is counted is what is there")
      let stored = try fences(memory)
      #expect(try stored == fences(sqlite))
      for (partition, fence) in zip(Self.partitions, stored) {
        guard let fence else { continue }
        let mine = try contents(partition, fence, rules, memory)
        let its = try contents(partition, fence, rules, sqlite)
        #expect(mine.0 == its.0 && mine.1 == its.1, "partition \(partition)")
      }
    }
  }
}
