import Cluster
import Testing
import Wire

@testable import Drone

@Suite("Reads and writes of a data loop") struct DataCoreTests {
  @Test("a write is answered, and seen by others, once the database has it and not before")
  func secured() {
    var loop = TestLoop()
    #expect(loop.put("a", "1", write: 1) == nil)
    let number = loop.lastNumber
    #expect(loop.get("a") == .notFound)
    let batches = loop.core.takeAppend()
    #expect(batches.map(\.firstSequence) == [1])
    #expect(batches[0].incarnation == TestLoop.incarnation && batches[0].token == Names.token(1, 1))
    #expect(loop.get("a") == .notFound)
    #expect(loop.core.appended(loop.store(batches)).completions == [loop.done(number, existed: false)])
    #expect(loop.get("a") == .value([UInt8]("1".utf8)))
  }

  @Test("each write is told whether its key existed, also behind others that are under way")
  func existed() {
    var loop = TestLoop()
    var numbers: [UInt64] = []
    for write in UInt64(1)...6 {
      let answer =
        [1, 2, 5].contains(write) ? loop.put("a", "1", write: write) : loop.delete("a", write: write)
      #expect(answer == nil)
      numbers.append(loop.lastNumber)
    }
    let expected = [false, true, true, false, false, true]
    let completions = zip(numbers, expected).map { loop.done($0, existed: $1) }
    #expect(loop.commit().completions == completions)
    #expect(loop.get("a") == .notFound)
    #expect(loop.put("a", "2", write: 7) == nil)
    #expect(loop.commit().completions == [loop.done(loop.lastNumber, existed: false)])
    #expect(loop.put("a", "3", write: 8) == nil)
    #expect(loop.commit().completions == [loop.done(loop.lastNumber, existed: true)])
  }

  @Test("what a partition is answered: not mine, loading, lease over")
  func refusals() {
    var loop = TestLoop()
    loop.core.mapVersion = 9
    #expect(loop.get("a", 400) == .moved(version: 9))
    #expect(loop.put("a", "1", 400, write: 1) == .moved(version: 9))
    _ = loop.core.beginOpening(Names.set([400]), token: Names.token(1, 2), mode: .load)
    #expect(loop.get("a", 400) == .unavailable(.loading))
    #expect(loop.put("a", "1", 400, write: 1) == .unavailable(.loading))
    loop.now = loop.now + 2000
    #expect(loop.get("a") == .unavailable(.leaseOver))
    #expect(loop.put("a", "1", write: 1) == .unavailable(.leaseOver))
    #expect(!loop.core.hasWaiting)
  }

  @Test("what is being opened and is another's by a newer map is not said to be loading: it may never come")
  func openingOfAnothers() throws {
    var loop = TestLoop()
    func install(owner: Int, version: UInt64) throws {
      let map = try #require(
        SlotMap(
          cluster: Names.cluster, term: Term(1), version: version, expiry: 600, commander: Names.drone(1),
          drones: [1, 2].map { .init(principal: Names.drone($0), endpoint: Names.node($0).endpoint) },
          owners: Partition.all.map { _ in owner }))
      loop.core.install(map, mine: .all, principal: Names.drone(1))
    }
    try install(owner: 0, version: 1)
    _ = loop.core.beginOpening(Names.set([400]), token: Names.token(1, 2), mode: .load)
    #expect(loop.get("a", 400) == .unavailable(.loading))
    try install(owner: 1, version: 2)
    #expect(loop.get("a", 400) == .moved(version: 2))
    #expect(loop.put("a", "1", 400, write: 1) == .moved(version: 2))
    try install(owner: 0, version: 3)
    #expect(loop.get("a", 400) == .unavailable(.loading))
  }

  @Test("what can never succeed fails, and changes nothing")
  func failures() {
    var loop = TestLoop()
    let long = [UInt8](repeating: 0, count: Limits.maximumKeyLength + 1)
    #expect(loop.put(long, [], write: 1) == .failed(.keyTooLong))
    #expect(loop.put([], [], write: 1) == .failed(.keyEmpty))
    let huge = [UInt8](repeating: 0, count: Limits.maximumValueLength + 1)
    #expect(loop.put([1], huge, write: 1) == .failed(.valueTooLong))
    #expect(loop.put("a", "1", write: 1, client: nil) == .failed(.notIntroduced))
    #expect(loop.get("") == .failed(.keyEmpty))
    #expect(!loop.core.hasWaiting)
  }

  @Test("a batch is good for as long as the shortest lease that it was read under")
  func batchLease() {
    var loop = TestLoop()
    loop.core.serve(Names.set([1]), until: loop.now + 5000)
    loop.core.beginBatch()
    _ = loop.get("a", 1)
    #expect(loop.core.batchLeaseEnd == loop.now + 5000)
    _ = loop.get("a", 0)
    _ = loop.get("a", 1)
    #expect(loop.core.batchLeaseEnd == loop.now + 2000)
    loop.core.beginBatch()
    #expect(loop.core.batchLeaseEnd == Instant(milliseconds: .max))
    // A lease is never shortened.
    loop.core.serve(Names.set([1]), until: loop.now + 1)
    _ = loop.get("a", 1)
    #expect(loop.core.batchLeaseEnd == loop.now + 5000)
  }

  // MARK: Retries

  @Test("a retry is executed once: under way it waits for the same outcome, stored it is told it")
  func retries() {
    var loop = TestLoop()
    _ = loop.put("a", "1", write: 1)
    _ = loop.core.takeAppend()
    #expect(loop.put("a", "1", write: 1, retry: true) == nil)
    let second = loop.lastNumber
    loop.core.retryAppend()
    #expect(loop.commit().completions == [loop.done(second, existed: false)])
    #expect(loop.put("a", "1", write: 1, retry: true) == .done(existed: false))
    #expect(loop.stored[Names.partition(0)]?.count == 1)
  }

  @Test("writes of clients with the same number are different writes")
  func clients() {
    var loop = TestLoop()
    _ = loop.put("a", "1", write: 1)
    #expect(loop.put("a", "2", write: 1, client: ClientIncarnation(high: 1, low: 2)) == nil)
    loop.commit()
    #expect(loop.get("a") == .value([UInt8]("2".utf8)))
  }

  @Test("a number that was another write's executes nothing and is answered with no outcome but its own")
  func reused() {
    var loop = TestLoop()
    _ = loop.put("a", "1", write: 1)
    for stage in ["under way", "stored"] {
      #expect(loop.put("a", "2", write: 1) == .failed(.numberReused), "\(stage)")
      #expect(loop.put("b", "1", write: 1, retry: true) == .failed(.numberReused), "\(stage)")
      #expect(loop.delete("a", write: 1) == .failed(.numberReused), "\(stage)")
      #expect(loop.compareAndPut("a", nil, "1", write: 1) == .failed(.numberReused), "\(stage)")
      loop.commit()
    }
    #expect(loop.get("a") == .value([UInt8]("1".utf8)) && loop.get("b") == .notFound)
    #expect(
      loop.put("a", "1", write: 1) == .done(existed: false), "a first attempt that came after its retry")
  }

  @Test("the next owner knows the outcomes: a retry is told, a doubtful one is told that nobody knows")
  func nextOwner() {
    var loop = TestLoop(serving: 0..<0)
    loop.load(
      0..<1, Names.token(1, 1), sequence: 20,
      past: PastWrites(
        outcomes: [
          WriteOutcome(client: TestLoop.client, write: 9, sequence: 20, outcome: .written(existed: true))
        ],
        gaps: [.writes(TestLoop.client, through: 7)]))
    loop.core.serve(Names.set([0]), until: loop.now + 1)
    #expect(loop.put("a", "1", write: 9, retry: true) == .done(existed: true))
    #expect(loop.put("a", "1", write: 7, retry: true) == .outcomeUnknown)
    #expect(loop.put("a", "1", write: 8, retry: true) == nil)
    // A first attempt was never executed, however old its number.
    #expect(loop.put("a", "1", write: 6) == nil)
    #expect(loop.core.takeAppend()[0].firstSequence == 21)
  }

  // MARK: Appends

  @Test("one append is under way at a time; what comes meanwhile goes with the next")
  func oneAtATime() {
    var loop = TestLoop()
    _ = loop.put("a", "1", write: 1)
    let first = loop.core.takeAppend()
    _ = loop.put("b", "1", write: 2)
    #expect(loop.core.takeAppend() == [])
    _ = loop.core.appended(loop.store(first))
    #expect(loop.core.takeAppend().map(\.firstSequence) == [2])
  }

  @Test("a lost append goes out again from its first record, with what came since")
  func again() {
    var loop = TestLoop()
    _ = loop.put("a", "1", write: 1)
    let lost = loop.core.takeAppend()
    _ = loop.store(lost)
    _ = loop.put("b", "1", write: 2)
    loop.core.retryAppend()
    let batches = loop.core.takeAppend()
    #expect(batches.map(\.firstSequence) == [1] && batches[0].records.count == 2)
    #expect(loop.core.appended(loop.store(batches)).completions.count == 2)
    #expect(loop.stored[Names.partition(0)]?.count == 2)
  }

  @Test("an answer that covers an earlier, longer append settles that much")
  func longerBefore() {
    var loop = TestLoop()
    let value = [UInt8](repeating: 0, count: 9_000)
    for write in 1...3 { _ = loop.put([UInt8(write)], value, write: UInt64(write)) }
    let all = loop.core.takeAppend()
    #expect(all[0].records.count == 3)
    _ = loop.store(all)
    loop.core.retryAppend()
    let answer = StoreAnswer.PartitionResult(partition: Names.partition(0), result: .stored(through: 3))
    _ = loop.core.takeAppend()
    #expect(loop.core.appended([answer]).completions.count == 3)
    #expect(!loop.core.hasWaiting)
  }

  @Test("an answer in part, or without a partition, leaves the rest to the next append")
  func partial() {
    var loop = TestLoop()
    for write in 1...3 { _ = loop.put("k\(write)", "1", write: UInt64(write)) }
    _ = loop.put("a", "1", 1, write: 4)
    _ = loop.core.takeAppend()
    let answer = StoreAnswer.PartitionResult(partition: Names.partition(0), result: .stored(through: 1))
    #expect(loop.core.appended([answer]).completions.count == 1)
    let rest = loop.core.takeAppend()
    #expect(rest.map(\.firstSequence).sorted() == [1, 2])
    #expect(rest.map(\.records.count).reduce(0, +) == 3)
  }

  @Test("an answer beyond what was ever sent acknowledges nothing: the copy is given up")
  func beyond() {
    var loop = TestLoop()
    _ = loop.put("a", "1", write: 1)
    _ = loop.core.takeAppend()
    _ = loop.put("b", "1", write: 2)
    let answer = StoreAnswer.PartitionResult(partition: Names.partition(0), result: .stored(through: 2))
    let outcome = loop.core.appended([answer])
    #expect(outcome.completions == [loop.released(1), loop.released(2)])
    #expect(outcome.lost == [Holding(token: Names.token(1, 1), partitions: Names.set([0]))])
    #expect(loop.get("a") == .moved(version: 0))
  }

  @Test(
    "a fence or a gap takes the partition away, its writes are for the next owner, and others go on",
    arguments: [StoreAnswer.AppendResult.fenced(by: Names.token(2, 1)), .gap(stored: 4)])
  func fenced(result: StoreAnswer.AppendResult) {
    var loop = TestLoop()
    _ = loop.put("a", "1", 0, write: 1)
    _ = loop.put("a", "1", 1, write: 2)
    var results = loop.store(loop.core.takeAppend())
    results[0] = StoreAnswer.PartitionResult(partition: Names.partition(0), result: result)
    let outcome = loop.core.appended(results)
    #expect(outcome.completions == [loop.released(1), loop.done(2, existed: false)])
    #expect(outcome.lost == [Holding(token: Names.token(1, 1), partitions: Names.set([0]))])
    #expect(loop.get("a", 1) == .value([UInt8]("1".utf8)))
  }

  @Test("closing hands waiting writes on, and an answer that comes later touches no new copy")
  func closing() {
    var loop = TestLoop()
    _ = loop.put("a", "1", write: 1)
    let batches = loop.core.takeAppend()
    _ = loop.put("b", "1", write: 2)
    #expect(loop.core.close(Names.set([0])) == [loop.released(1), loop.released(2)])
    #expect(loop.get("a") == .moved(version: 0))
    // The same partition again, under another token, before the answer.
    loop.load(0..<1, Names.token(1, 2))
    loop.core.serve(Names.set([0]), until: loop.now + 2000)
    _ = loop.put("c", "1", write: 3)
    let late = loop.core.appended(loop.store(batches))
    #expect(late == DataCore.AppendOutcome())
    #expect(loop.core.takeAppend().map(\.token) == [Names.token(1, 2)])
  }

  @Test("loading under one token is not finished, filled or given up by another")
  func loadingToken() {
    var loop = TestLoop(serving: 0..<0)
    let partition = Names.partition(0)
    _ = loop.core.beginOpening(Names.set([0]), token: Names.token(1, 2), mode: .load)
    let entry = StoredEntry(key: [1], value: [1], version: Version(fence: Names.token(1, 1), sequence: 1))
    loop.core.load([entry], into: partition, token: Names.token(1, 1))
    let other = loop.core.finishLoading(
      partition, token: Names.token(1, 1), sequence: 0, past: PastWrites())
    #expect(other == .unknown)
    loop.core.abandonLoading(Names.set([0]), token: Names.token(1, 1))
    #expect(loop.core.isLoading(partition, token: Names.token(1, 2)))
    let finished = loop.core.finishLoading(
      partition, token: Names.token(1, 2), sequence: 0, past: PastWrites())
    #expect(finished == .ready)
    #expect(loop.get("\u{1}") == .unavailable(.leaseOver))
    loop.core.serve(Names.set([0]), until: loop.now + 1)
    #expect(loop.get("\u{1}") == .notFound)
  }

  @Test("too much waiting turns writes away, and room comes back with every way out")
  func backlog() {
    var loop = TestLoop()
    let value = [UInt8](repeating: 0, count: Limits.maximumValueLength)
    func fill(_ loop: inout TestLoop, _ partition: Int) -> Int {
      var count = 0
      while count < 1000, loop.put([1], value, partition, write: loop.lastNumber) == nil { count += 1 }
      return count
    }
    let first = fill(&loop, 0)
    // Three quarters of the bound and of the quarter more that waits for its answers: the rest is for others.
    #expect(first > 56 && first < 64)
    #expect(loop.put([1], [1], 1, write: 5000) == .unavailable(.busy))
    let other = ClientIncarnation(high: 9, low: 1)
    #expect(loop.put([1], [1], 1, write: 1, client: other) == nil)
    #expect(loop.core.close(Names.set([1])).count == 1)
    loop.load(1..<2, Names.token(1, 2))
    loop.core.serve(Names.set([1]), until: loop.now + 2_000)
    #expect(loop.core.close(Names.set([0])).count == first)
    #expect(fill(&loop, 1) == first)
    var settled = 0
    while loop.core.hasWaiting, settled < first { settled += loop.commit().completions.count }
    #expect(settled == first)
    #expect(fill(&loop, 2) == first)
    let batches = loop.core.takeAppend()
    let fenced = StoreAnswer.PartitionResult(
      partition: batches[0].partition, result: .fenced(by: Names.token(9, 9)))
    #expect(loop.core.appended([fenced]).completions.count == first)
    #expect(fill(&loop, 3) == first)
  }

  // MARK: Sizes

  private static let longToken = FencingToken(term: Term(.max), counter: .max)
  private static let longClient = ClientIncarnation(high: .max, low: .max)

  /// A loop that serves everything, with the longest numbers there are.
  private func worst() -> TestLoop {
    var loop = TestLoop(serving: 0..<0)
    loop.core = DataCore(incarnation: Incarnation(.max))
    loop.load(0..<Partition.count, Self.longToken, sequence: UInt64(Int64.max) - 100_000)
    loop.core.serve(.all, until: loop.now + 2000)
    return loop
  }

  private func length(_ batches: [PartitionBatch]) -> Int {
    StoreRequest.append(number: .max, batches: batches).encoded().count
  }

  @Test("the longest record there is fits an append, behind whatever else waits")
  func longest() {
    var loop = worst()
    let key = [UInt8](repeating: 1, count: Limits.maximumKeyLength)
    let value = [UInt8](repeating: 2, count: Limits.maximumValueLength)
    for partition in 0..<40 {
      _ = loop.put([1], [2], partition, write: .max, client: Self.longClient)
      _ = loop.put(key, value, partition, write: .max - 1, client: Self.longClient)
    }
    var records = 0
    for _ in 0..<80 where loop.core.hasWaiting {
      let batches = loop.core.takeAppend()
      #expect(!batches.isEmpty)
      #expect(length(batches) <= Limits.maximumPlaintextLength)
      records += batches.map(\.records.count).reduce(0, +)
      let results = batches.map {
        StoreAnswer.PartitionResult(
          partition: $0.partition,
          result: .stored(through: $0.firstSequence - 1 + UInt64($0.records.count)))
      }
      _ = loop.core.appended(results)
    }
    #expect(records == 80 && !loop.core.hasWaiting)
  }

  @Test("an append of many small records fits, whatever their numbers", arguments: [0, 1, 23, 24, 255, 256])
  func small(valueLength: Int) {
    var loop = worst()
    let value = [UInt8](repeating: 2, count: valueLength)
    for write in 0..<30_000 {
      let number = UInt64.max - UInt64(write)
      _ = loop.put([1], value, write % Partition.count, write: number, client: Self.longClient)
    }
    let batches = loop.core.takeAppend()
    #expect(length(batches) <= Limits.maximumPlaintextLength)
    // And not much less than a good length.
    #expect(length(batches) > DataBounds().appendLength * 3 / 5)
  }
}
