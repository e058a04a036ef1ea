import Cluster
import Journal
import Testing

@testable import Drone

/// What a drone's processes write to and read from, one after the other.
final class TestJournalMemory: JournalMemory {
  private(set) var bytes = UnsafeMutableRawBufferPointer(start: nil, count: 0)

  deinit { bytes.deallocate() }

  func replace(count: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Void) -> Bool {
    let next = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 4096)
    next.initializeMemory(as: UInt8.self, repeating: 0)
    fill(next)
    bytes.deallocate()
    bytes = next
    return true
  }
}

/// The journal of a drone's loop.
private struct JournalPlace {
  static let boot = JournalOwner.Boot(high: 1, low: 2)
  let drone: Principal
  let memory = TestJournalMemory()

  func begin(_ life: Incarnation, _ stands: [JournalStand] = []) -> Journal {
    let owner = JournalOwner(principal: drone, life: life, boot: Self.boot)
    return Journal(in: memory, owner: owner, bounds: Journal.Bounds(half: 0, longest: 0), stands: stands)!
  }

  var stands: [JournalStand] {
    get throws {
      try JournalReader.read(UnsafeRawBufferPointer(memory.bytes), principal: drone, boot: Self.boot).stands
    }
  }

  /// The process has died, and another begins.
  func restart(_ life: Incarnation) throws -> DataCore {
    let left = try stands
    return DataCore(incarnation: life, journal: begin(life, left), stands: left)
  }
}

@Suite("What a drone that starts has of the lives before it") struct DroneJournalTests {
  private let own = JournalPlace(drone: Names.drone(1))
  private let other = JournalPlace(drone: Names.drone(2))
  private static let set: PartitionSet = [ShadowPair.partition]
  private static let later = Incarnation(23)
  private static let token = Names.token(1, 2)

  private func inSync() -> ShadowPair {
    ShadowPair.inSync(journals: (own.begin(ShadowPair.ownerLife), other.begin(ShadowPair.shadowLife)))
  }

  /// The database has `a`; of `b` the shadow has been told, and `c` is with the owner alone.
  private func behind() -> ShadowPair {
    var pair = inSync()
    _ = pair.put("a", "1")
    pair.talk()
    pair.store()
    _ = pair.put("b", "2")
    #expect(pair.talk().count == 1)
    _ = pair.put("c", "3")
    return pair
  }

  @Test("What is acknowledged is in the owner's journal and in its shadow's, with its number")
  func acknowledged() throws {
    _ = behind()
    let (owners, shadows) = (try own.stands, try other.stands)
    #expect(owners.map(\.life) == [ShadowPair.ownerLife] && shadows.map(\.life) == [ShadowPair.shadowLife])
    #expect(owners[0].records.map(\.key) == ["a", "b", "c"].map { Array($0.utf8) })
    #expect(shadows[0].records.map(\.key) == ["a", "b"].map { Array($0.utf8) })
    #expect((owners + shadows).allSatisfy { $0.token == ShadowPair.token && $0.base == 1 })
  }

  /// As the database opens the partition for a drone's journal.
  private func raise(_ pair: inout ShadowPair, _ drone: Principal, _ life: Incarnation) -> Bool {
    let opening = PartitionFence.opening(
      pair.fence, token: Self.token, holder: drone, incarnation: Self.later, mode: .promote,
      copy: ShadowPair.token, life: life)
    if case .raised(let fence) = opening { pair.fence = fence }
    return pair.fence.token == Self.token
  }

  /// The contents come, and with what the journal has they are a copy like any other.
  private func open(_ core: inout DataCore, _ pair: ShadowPair) -> DataCore.Opened {
    let (sequence, list) = (pair.fence.sequence, pair.fence.inSync)
    let first = core.promote(ShadowPair.partition, token: Self.token, sequence: sequence, inSync: list)
    guard first == .isBehind else { return first }
    let version = Version(fence: ShadowPair.token, sequence: 2)
    core.load(
      [StoredEntry(key: Array("a".utf8), value: Array("1".utf8), version: version)],
      into: ShadowPair.partition, token: Self.token)
    return core.finishLoading(
      ShadowPair.partition, token: Self.token, sequence: sequence, inSync: list,
      past: PastWrites(
        outcomes: pair.records.enumerated().map { WriteOutcome($1, sequence: UInt64($0) + 2) }))
  }

  @Test("Promoted for the life that is listed it has the contents loaded, appends the rest, and then serves")
  func promoted() throws {
    var pair = behind()
    var core = try other.restart(Self.later)
    #expect(core.copies == [Holding(token: ShadowPair.token, partitions: Self.set)])
    #expect(core.replication(pair.now).journaled == Self.set)
    let copies = core.beginOpening(Self.set, token: Self.token, mode: .promote)
    let life = ShadowPair.shadowLife
    #expect(copies == [PromotedCopies(token: ShadowPair.token, life: life, partitions: Self.set)])
    #expect(raise(&pair, pair.shadow, life))
    #expect(open(&core, pair) == .recovering)
    let batch = try #require(core.takeAppend().first)
    #expect(batch.records.map(\.key) == [Array("b".utf8)] && batch.firstSequence == 3)
    #expect(batch.inSync?.holders == [] && batch.numbering == ShadowPair.token)
    let result = pair.append(batch, from: pair.shadow)
    let settled = core.appended([.init(partition: ShadowPair.partition, result: result)])
    #expect(settled.recovered == [Holding(token: Self.token, partitions: Self.set)])
    #expect(core.partitions[0]?.table.count == 2)
    // From now on it stands for itself.
    let stand = try #require(try other.stands.first)
    #expect(stand.life == Self.later && stand.token == Self.token && stand.base == 3 && stand.records.isEmpty)
  }

  @Test("Until the database has all of it the journal stays as it was, however often the drone dies")
  func diesAgain() throws {
    var pair = behind()
    let left = try own.stands
    for life in UInt64(100)..<103 {
      var core = try own.restart(Incarnation(life))
      _ = core.beginOpening(Self.set, token: Self.token, mode: .promote)
      if pair.fence.token != Self.token { #expect(raise(&pair, pair.owner, ShadowPair.ownerLife)) }
      #expect(open(&core, pair) == .recovering)
      // It is sent, and nobody knows whether it was stored.
      #expect(core.takeAppend().count == 1)
      let stands = try own.stands
      #expect(stands.map(\.life) == [ShadowPair.ownerLife])
      #expect(
        stands.map(\.end) == left.map(\.end) && stands[0].records.suffix(2) == left[0].records.suffix(2))
    }
  }

  @Test(
    "A shadow does not go on with what an earlier life had, and its owner begins anew once no list names that one"
  )
  func notResumed() throws {
    var pair = behind()
    pair.shadowCore = try other.restart(Self.later)
    pair.shadowCore.install(
      ShadowPair.map(shadows: [1], version: 2), mine: Self.set, principal: pair.shadow)
    _ = pair.ownerCore.disconnected(pair.shadow)
    pair.ownerCore.connected(pair.shadow, life: Self.later)
    let answers = pair.hear()
    #expect(answers == [.missing(partition: ShadowPair.partition, token: ShadowPair.token)])
    for answer in answers { _ = pair.ownerCore.receive(answer, from: pair.shadow, now: pair.now) }
    pair.talk()
    #expect(try other.stands.map(\.life) == [ShadowPair.shadowLife], "it may still be promoted")
    // The owner stores what it has, and nobody is listed.
    pair.store()
    pair.store()
    #expect(pair.fence.inSync.holders.isEmpty)
    pair.talk()
    pair.store()
    #expect(pair.fence.inSync.holders.map(\.incarnation) == [Self.later])
    #expect(try other.stands.map(\.life) == [Self.later])
  }

  @Test("What was let go of is not stood for")
  func forgotten() throws {
    let pair = behind()
    var core = pair.shadowCore
    core.forget([Holding(token: ShadowPair.token, partitions: Self.set)])
    #expect(try other.stands.isEmpty)
  }

  @Test("A journal without room turns writes away, and a shadow without room confirms nothing")
  func full() throws {
    var pair = inSync()
    let value = String(repeating: "v", count: 4_000)
    var answers: [Answer] = []
    for number in 0..<40 {
      if let answer = pair.put("key \(number)", value) { answers.append(answer) }
      pair.talk()
    }
    #expect(answers.count > 5 && answers.allSatisfy { $0 == .unavailable(.busy) })
    let stands = try own.stands + other.stands
    #expect(stands.map(\.records.count) == [40 - answers.count, 40 - answers.count])
    // The database takes what waits, and there is room again.
    while pair.ownerCore.hasWaiting, !pair.store().completions.isEmpty || pair.fence.sequence < stands[0].end
    {}
    pair.talk()
    #expect(pair.put("again", value) == nil)
  }
}
