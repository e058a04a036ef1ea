import Cluster
import Testing
import Wire

@testable import Drone

/// Two loops of drone 1, which owns everything; drone 2 shadows it.
private struct Loops {
  static let placement = LoopPlacement(count: 2)
  static let client = ClientIncarnation(high: 1, low: 1)
  var cores: [DataLoopCore]
  var now = Instant(milliseconds: 10_000)

  init(shadows: [Int] = []) {
    cores = (0..<2).map { index in
      DataLoopCore(
        index: index, placement: Self.placement, principal: Names.drone(1), timing: Timing(),
        data: DataCore(incarnation: Incarnation(11)))
    }
    for index in cores.indices {
      let mine = Self.placement.partitions(of: index)
      _ = cores[index].data.beginOpening(mine, token: Names.token(1, 1), mode: .load)
      for partition in mine {
        _ = cores[index].data.finishLoading(
          partition, token: Names.token(1, 1), sequence: 1, past: PastWrites())
      }
      _ = cores[index].handle(.leased(.all, until: now + 1_000_000), now: now)
    }
    install(shadows: shadows)
  }

  mutating func install(shadows: [Int]) {
    let map = ShadowPair.map(shadows: shadows, version: 1)
    feedAll(.mapInstalled(Names.signed(map), map))
  }

  @discardableResult
  mutating func feedAll(_ event: DataLoopCore.Event) -> [[DataLoopCore.Action]] {
    cores.indices.map { cores[$0].handle(event, now: now) }
  }

  mutating func feed(_ event: DataLoopCore.Event) -> [DataLoopCore.Action] {
    cores[0].handle(event, now: now)
  }

  /// A put that arrives at loop 0 and waits for its second place.
  mutating func put(_ key: String, number: UInt64, connection: UInt64 = 5, loop: Int = 0) {
    var answers = CBORWriter()
    let key = [UInt8](key.utf8)
    key.withUnsafeBytes { bytes in
      cores[0].data.execute(
        LocatedRequest(
          .put(number: number, write: number, retry: false, key: bytes, value: bytes),
          in: Names.partition(0)),
        client: Self.client, replyTo: ReplyAddress(loop: loop, connection: connection, number: number),
        now: now,
        answers: &answers)
    }
    #expect(answers.bytes.isEmpty)
  }
}

extension [DataLoopCore.Action] {
  fileprivate var answers: [LoopAnswers] {
    flatMap { action -> [LoopAnswers] in if case .answer(let answers) = action { answers } else { [] } }
  }

  fileprivate var writeBehinds: Int { count { if case .startWriteBehind = $0 { true } else { false } } }

  fileprivate var dialled: [Principal] {
    compactMap { if case .shadow(let peer, .dial) = $0 { peer } else { nil } }
  }

  fileprivate var appends: Int {
    count { if case .database(.send(.append)) = $0 { true } else { false } }
  }

  /// What is sent to shadows, by its first message.
  fileprivate var replicated: [ReplicationMessage] {
    flatMap { action -> [ReplicationMessage] in
      if case .shadow(_, .send(let messages)) = action { messages } else { [] }
    }
  }

  fileprivate var records: [ClosedRange<UInt64>] {
    replicated.compactMap { message in
      guard case .records(let batch, _) = message else { return nil }
      return batch.firstSequence...batch.lastSequence
    }
  }

  fileprivate var closes: Int { count { if case .shadow(_, .close) = $0 { true } else { false } } }
}

@Suite("A data loop") struct DataLoopCoreTests {
  @Test("every partition has one loop, and the loops take turns", arguments: [1, 2, 3, 8])
  func placement(count: Int) {
    let placement = LoopPlacement(count: count)
    let parts = (0..<count).map { placement.partitions(of: $0) }
    #expect(parts.reduce(0) { $0 + $1.count } == Partition.count)
    #expect(parts.reduce(into: PartitionSet()) { $0.formUnion($1) } == .all)
    for partition in Partition.all { #expect(parts[placement.loop(of: partition)].contains(partition)) }
    #expect(parts.allSatisfy { abs($0.count - Partition.count / count) <= 1 })
  }

  @Test("a drone without a loop has one") func atLeastOne() {
    #expect(LoopPlacement(count: 0).partitions(of: 0) == .all)
  }

  @Test("a loop serves and gives back its own partitions alone") func own() {
    var loops = Loops()
    #expect(loops.cores[0].data.leaseEnd(of: Names.partition(0)) != nil)
    #expect(loops.cores[0].data.leaseEnd(of: Names.partition(1)) == nil)
    loops.feedAll(.released(Names.set([0, 1])))
    #expect(loops.cores[0].data.leaseEnd(of: Names.partition(0)) == nil)
    #expect(loops.cores[1].data.leaseEnd(of: Names.partition(1)) == nil)
    #expect(loops.cores[0].data.leaseEnd(of: Names.partition(2)) != nil)
  }

  @Test("what several clients are told is gathered for each, in order, on whichever loop it is")
  func gathers() throws {
    var loops = Loops()
    loops.put("a", number: 1)
    loops.put("b", number: 2, connection: 6, loop: 1)
    loops.put("c", number: 3)
    let told = loops.feed(.released(Names.set([0]))).answers
    #expect(told.map(\.loop) == [0, 1] && told.map(\.connection) == [5, 6])
    let numbers = try told.map { try DataAnswer.numbers(in: $0.bytes) }
    #expect(numbers == [[1, 3], [2]])
  }

  @Test("one timer at a time sends what nobody waits for, and an idle loop has none") func writeBehind() {
    var loops = Loops()
    #expect(loops.feed(.ticked).writeBehinds == 0)
    loops.put("a", number: 1)
    #expect(loops.cores[0].endBatch(now: { Instant(milliseconds: 0) }).writeBehinds == 1)
    loops.put("b", number: 2)
    #expect(loops.cores[0].endBatch(now: { Instant(milliseconds: 0) }).writeBehinds == 0)
    #expect(loops.feed(.writeBehindDue).writeBehinds == 1, "it still waits")
  }

  @Test("a database with room is sent what is urgent at the end of the batch, and one without when it has")
  func database() {
    var loops = Loops()
    _ = loops.feed(.located(Names.database))
    _ = loops.feed(.database(.sessionOpened))
    _ = loops.feed(.databaseWritable(false))
    loops.put("a", number: 1)
    let now = loops.now
    #expect(loops.cores[0].endBatch(now: { now }).appends == 0)
    #expect(loops.feed(.databaseWritable(true)).appends == 1)
  }

  @Test("the clock is not read after a batch of which nobody has to be told") func clock() {
    var loops = Loops()
    var reads = 0
    _ = loops.cores[0].endBatch {
      reads += 1
      return Instant(milliseconds: 0)
    }
    #expect(reads == 0)
    loops.put("a", number: 1)
    _ = loops.cores[0].endBatch {
      reads += 1
      return Instant(milliseconds: 0)
    }
    #expect(reads == 1)
  }

  @Test("a shadow is dialled, greeted, and told of writes at the end of their batch") func shadows() {
    var loops = Loops()
    let map = ShadowPair.map(shadows: [1], version: 2)
    #expect(loops.feed(.mapInstalled(Names.signed(map), map)).dialled == [Names.drone(2)])
    #expect(loops.feed(.shadow(Names.drone(2), .sessionOpened)).replicated == [.greet(session: 1)])
    _ = loops.feed(.shadow(Names.drone(2), .answered([.welcome(Incarnation(22))])))
    let asked = loops.feed(.shadow(Names.drone(2), .readCompleted)).replicated
    #expect(asked.contains { if case .resume(Names.partition(0), _) = $0 { true } else { false } })
  }

  @Test(
    "two messages with records are on their way to a shadow at most; what comes meanwhile leaves in the next")
  func window() {
    var loops = Loops(shadows: [1])
    let (shadow, partition, token) = (Names.drone(2), Names.partition(0), Names.token(1, 1))
    _ = loops.feed(.shadow(shadow, .sessionOpened))
    _ = loops.feed(.shadow(shadow, .answered([.welcome(Incarnation(22))])))
    _ = loops.feed(.shadow(shadow, .readCompleted))
    _ = loops.feed(.shadow(shadow, .answered([.kept(partition: partition, token: token, through: 1)])))
    let now = loops.now
    /// The numbers of the records that are sent once one more put has come.
    func put(_ number: UInt64) -> [ClosedRange<UInt64>] {
      loops.put("\(number)", number: number)
      return loops.cores[0].endBatch(now: { now }).records
    }
    #expect([put(1), put(2)] == [[2...2], [3...3]])
    #expect([put(3), put(4)] == [[], []])
    _ = loops.feed(.shadow(shadow, .answered([.kept(partition: partition, token: token, through: 2)])))
    #expect(loops.feed(.shadow(shadow, .readCompleted)).records == [4...5])
    #expect(put(5) == [])
    // Nothing depends on an answer to each.
    #expect(loops.feed(.ticked).records == [6...6])
    #expect([put(6), put(7)] == [[7...7], []])
    _ = loops.feed(.shadow(shadow, .sessionClosed))
    _ = loops.feed(.shadow(shadow, .sessionOpened))
    _ = loops.feed(.shadow(shadow, .answered([.welcome(Incarnation(22))])))
    _ = loops.feed(.shadow(shadow, .readCompleted))
    _ = loops.feed(.shadow(shadow, .answered([.kept(partition: partition, token: token, through: 6)])))
    #expect(loops.feed(.shadow(shadow, .readCompleted)).records == [7...8])
  }

  @Test("a shadow that is removed from the cluster is let go of, and one that never was is not dialled")
  func members() throws {
    var loops = Loops(shadows: [1])
    _ = loops.feed(.shadow(Names.drone(2), .sessionOpened))
    let list = try #require(
      MembershipList(cluster: Names.cluster, version: 2, members: [Names.drone(1), Names.drone(3)]))
    let actions = loops.feed(.admitted(list))
    #expect(actions.closes == 1)
    #expect(!loops.cores[0].admits(Names.drone(2)) && loops.cores[0].admits(Names.drone(3)))
    #expect(loops.feed(.shadow(Names.drone(2), .pumped)).replicated.isEmpty, "its session is being closed")
    var late = Loops()
    _ = late.feed(.admitted(list))
    let map = ShadowPair.map(shadows: [1], version: 2)
    #expect(late.feed(.mapInstalled(Names.signed(map), map)).dialled.isEmpty)
  }

  @Test("a loop that is withdrawn shows no map and answers all who wait") func withdrawn() {
    var loops = Loops()
    loops.put("a", number: 1)
    #expect(loops.cores[0].map != nil)
    #expect(loops.feed(.withdrawn).answers.map(\.connection) == [5])
    #expect(loops.cores[0].map == nil)
  }

  @Test("what a loop holds is told with what it held before") func memory() {
    var loops = Loops()
    var told: [(Int, Int)] = []
    for key in ["a", "b"] {
      loops.put(key, number: UInt64(told.count + 1))
      loops.cores[0].shareMemory {
        told.append(($0, $1))
        return 7
      }
    }
    #expect(told.count == 2 && told[0].1 == 0 && told[1].1 == told[0].0 && told[1].0 > told[0].0)
    #expect(loops.cores[0].data.memoryUse.used == UInt64(loops.cores[0].data.memory + 7))
  }
}

extension DataAnswer {
  /// The numbers of encoded answers, in order.
  static func numbers(in bytes: [UInt8]) throws -> [UInt64] {
    try bytes.withUnsafeBytes { buffer in
      var reader = CBORReader(buffer)
      var numbers: [UInt64] = []
      while !reader.isAtEnd { numbers.append(try DataAnswer(from: &reader).number) }
      return numbers
    }
  }
}
