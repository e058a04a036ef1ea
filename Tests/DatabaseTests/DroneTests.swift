import Cluster
import Testing

@testable import Database

@Suite("What drones ask of a database")
struct DroneTests {
  var subject = Subject()

  init() {
    _ = subject.handle(.opened(session: 1, .drone(firstDrone)))
    _ = subject.handle(.opened(session: 2, .drone(secondDrone)))
  }

  func append(_ number: UInt64, _ batches: PartitionBatch...) -> StoreRequest {
    .append(number: number, batches: batches)
  }

  func group(_ holder: Principal, _ batches: PartitionBatch...) -> AppendGroup {
    AppendGroup(holder: holder, batches: batches)
  }

  func stored(_ number: Int, _ sequence: UInt64) -> StoreAnswer.PartitionResult {
    .init(partition: partition(number), result: .stored(through: sequence))
  }

  @Test("what arrives while a transaction runs forms the next one, and each drone gets its own answer")
  mutating func groupCommit() {
    #expect(
      subject.effects(.requested(append(1, batch(1)), session: 1)) == [
        .perform(.append([group(firstDrone, batch(1))]))
      ])
    #expect(subject.effects(.requested(append(7, batch(2)), session: 2)).isEmpty)
    #expect(subject.effects(.requested(append(2, batch(3)), session: 1)).isEmpty)
    #expect(
      subject.finish(.appended([[stored(1, 1)]])).effects == [
        .answer(.appended(number: 1, results: [stored(1, 1)]), session: 1),
        .perform(.append([group(secondDrone, batch(2)), group(firstDrone, batch(3))])),
      ])
    #expect(
      subject.finish(.appended([[stored(2, 1)], [stored(3, 1)]])).effects == [
        .answer(.appended(number: 7, results: [stored(2, 1)]), session: 2),
        .answer(.appended(number: 2, results: [stored(3, 1)]), session: 1),
      ])
  }

  @Test("a group has a bounded length")
  mutating func boundedGroup() {
    _ = subject.handle(.requested(append(1, batch(1)), session: 1))
    for number: UInt64 in 2...12 {
      _ = subject.handle(.requested(append(number, batch(1, length: 1 << 18)), session: 1))
    }
    var groups: [Int] = []
    var results: [[StoreAnswer.PartitionResult]] = [[]]
    for _ in 0..<5 {
      for case .perform(.append(let appended)) in subject.finish(.appended(results)) {
        groups.append(appended.count)
        results = appended.map { _ in [] }
      }
    }
    #expect(groups == [3, 3, 3, 2])
  }

  @Test("when too much waits, the drone is told to try again")
  mutating func tooMuch() {
    _ = subject.handle(.requested(append(1, batch(1)), session: 1))
    var refused = 0
    for number: UInt64 in 2...80 {
      for case .answer(.appendFailed(number, _), session: 1) in subject.handle(
        .requested(append(number, batch(1, length: 1 << 20)), session: 1))
      { refused += 1 }
    }
    #expect((15...17).contains(refused))
  }

  @Test("an append that alone is longer than what may wait is taken once nothing waits before it")
  func longAppend() {
    var bounds = StoreBounds()
    bounds.waiting = 100
    var queue = JobQueue(backlog: StoreBacklog(), bounds: bounds)
    let long = JobQueue.Append(session: 1, number: 1, group: group(firstDrone, batch(1, length: 1_000)))
    #expect(queue.add(long) == nil)
    #expect(queue.add(long) != nil)
    #expect(queue.next() != nil)
    #expect(queue.add(long) == nil)
  }

  @Test("a failed transaction fails every append in it, and the next goes on")
  mutating func failure() {
    _ = subject.handle(.requested(append(1, batch(1)), session: 1))
    _ = subject.handle(.requested(append(2, batch(2)), session: 2))
    let failure = StoreFailure(.partial, told: "a row cannot be read")
    let effects = subject.effects(.failed(failure, backlog: StoreBacklog()))
    #expect(effects.first == .answer(.appendFailed(number: 1, reason: failure.told), session: 1))
    #expect(effects.last == .perform(.append([group(secondDrone, batch(2))])))
  }

  @Test("who is gone is not answered; its records are stored all the same")
  mutating func gone() {
    _ = subject.handle(.requested(append(1, batch(1)), session: 1))
    _ = subject.handle(.requested(append(2, batch(2)), session: 1))
    #expect(subject.effects(.closed(session: 1)).isEmpty)
    #expect(
      subject.finish(.appended([[stored(1, 1)]])).effects == [
        .perform(.append([group(firstDrone, batch(2))]))
      ])
  }

  @Test("terms go before appends, and folding waits until nothing else is to do")
  mutating func order() {
    let small = StoreBacklog(rows: 1, records: 1, bytes: 1)
    _ = subject.handle(.opened(session: 3, .authority))
    _ = subject.handle(.requested(append(1, batch(1)), session: 1))
    _ = subject.handle(.requested(append(2, batch(2)), session: 1))
    _ = subject.handle(.received(.raiseTerm(RaiseTerm(term: Term(4))), session: 3))
    let first = subject.finish(.appended([[stored(1, 1)]]), backlog: small).effects
    #expect(first.last == .perform(.raiseTerm(Term(4))))
    let second = subject.finish(.termRaised(Term(4)), backlog: small).effects
    #expect(second.last == .perform(.append([group(firstDrone, batch(2))])))
    #expect(subject.finish(.appended([[stored(2, 1)]]), backlog: small).effects.count == 1)
    for _ in 1..<StoreBounds().quietTicks { #expect(subject.effects(.ticked).isEmpty) }
    #expect(subject.effects(.ticked) == [.perform(.fold)])
    #expect(subject.finish(.folded, backlog: small).effects == [.perform(.fold)])
    #expect(subject.finish(.folded).effects.isEmpty)
  }

  @Test("too long a log is folded before more is appended")
  mutating func backlog() {
    let large = StoreBacklog(rows: 1, records: 1, bytes: StoreBounds().fullLog.bytes + 1)
    _ = subject.handle(.requested(append(1, batch(1)), session: 1))
    _ = subject.handle(.requested(append(2, batch(2)), session: 1))
    #expect(subject.finish(.appended([[stored(1, 1)]]), backlog: large).effects.last == .perform(.fold))
    let next = subject.finish(.folded, backlog: StoreBacklog(rows: 1, records: 1, bytes: 1)).effects
    #expect(next == [.perform(.append([group(firstDrone, batch(2))]))])
  }

  @Test(
    "with much to fold, folding and appending take turns, and an append is no more than what a fold makes room for"
  )
  mutating func turns() {
    let large = StoreBacklog(rows: 1, records: 1, bytes: StoreBounds().longLog.bytes + 1)
    let half = StoreBounds().alternateGroup / 2
    let record = LogRecord(
      key: [1], change: .put(value: [UInt8](repeating: 0, count: half)),
      client: ClientIncarnation(high: 1, low: 1), write: 1, outcome: .written(existed: false))
    func long(_ number: Int) -> PartitionBatch {
      PartitionBatch(
        partition: partition(number), token: token(3), incarnation: Incarnation(7), firstSequence: 1,
        records: [record])
    }
    _ = subject.handle(.requested(append(1, batch(1)), session: 1))
    _ = subject.handle(.requested(append(2, long(2)), session: 1))
    _ = subject.handle(.requested(append(3, long(3)), session: 1))
    #expect(subject.finish(.appended([[stored(1, 1)]]), backlog: large).effects.last == .perform(.fold))
    #expect(
      subject.finish(.folded, backlog: large).effects == [.perform(.append([group(firstDrone, long(2))]))])
    #expect(subject.finish(.appended([[stored(2, 1)]]), backlog: large).effects.last == .perform(.fold))
    #expect(
      subject.finish(.folded, backlog: large).effects == [.perform(.append([group(firstDrone, long(3))]))])
  }

  @Test("a fold that fails is tried again at the next tick, and a log that cannot shrink takes no more")
  mutating func foldFails() {
    let large = StoreBacklog(rows: 1, records: 1, bytes: StoreBounds().fullLog.bytes + 1)
    _ = subject.handle(.requested(append(1, batch(1)), session: 1))
    #expect(subject.finish(.appended([[stored(1, 1)]]), backlog: large).effects.last == .perform(.fold))
    #expect(subject.effects(.failed(full, backlog: large)).isEmpty)
    #expect(
      subject.effects(.requested(append(2, batch(2)), session: 1)) == [
        .answer(.appendFailed(number: 2, reason: full.told), session: 1)
      ])
    #expect(subject.effects(.ticked) == [.perform(.fold)])
  }

  @Test("an honest grant raises fences, then the contents are streamed; refused partitions are named")
  mutating func opens() throws {
    let asked: PartitionSet = [partition(1), partition(2)]
    let request = StoreRequest.open(number: 9, grant: try grant(asked), partitions: asked)
    let opening = PartitionOpening(
      holder: firstDrone, incarnation: Incarnation(7), token: token(3), partitions: asked)
    #expect(subject.effects(.requested(request, session: 1)) == [.perform(.open(opening))])
    let fenced = GrantError.fenced(partition(2), current: token(3, 8))
    let result = OpeningResult(
      standings: [.init(partition: partition(1), sequence: 0, inSync: .empty)],
      refused: [.init(partition: partition(2), error: fenced)])
    #expect(
      subject.finish(.opened(result)).effects == [
        .answer(.openRefused(number: 9, partitions: [partition(2)], reason: "\(fenced)"), session: 1),
        .stream(
          ContentsStream(
            identifier: 1, session: 1, number: 9, opening: opening.restricted(to: [partition(1)]))),
      ])
    #expect(
      subject.effects(.streamFailed(1, rest: [partition(1)], StoreFailure(.partial, told: "damaged"))) == [
        .answer(.openRefused(number: 9, partitions: [partition(1)], reason: "damaged"), session: 1)
      ])
  }

  @Test("a grant that does not hold reaches no transaction")
  mutating func refuses() throws {
    let borrowed = StoreRequest.open(number: 1, grant: try grant([partition(1)]), partitions: [partition(1)])
    let reason = "\(GrantError.borrowed(holder: firstDrone))"
    #expect(
      subject.effects(.requested(borrowed, session: 2)) == [
        .answer(.openRefused(number: 1, partitions: [partition(1)], reason: reason), session: 2)
      ])
    let nothing = StoreRequest.open(number: 2, grant: try grant([partition(1)]), partitions: [])
    #expect(subject.effects(.requested(nothing, session: 1)).count == 1)
    let first = StoreRequest.open(number: 3, grant: try grant([partition(1)]), partitions: [partition(1)])
    _ = subject.handle(.requested(first, session: 1))
    let otherLife = StoreRequest.open(
      number: 4, grant: try grant([partition(1)], incarnation: 8), partitions: [partition(1)])
    #expect(
      subject.effects(.requested(otherLife, session: 1)) == [
        .answer(
          .openRefused(number: 4, partitions: [partition(1)], reason: "\(GrantError.otherIncarnation)"),
          session: 1)
      ])
  }

  @Test("one stream runs for each session; what waits for a session that is over is not started")
  mutating func streams() throws {
    var started: [[UInt64]] = []
    for (number, session) in [(1, 1), (2, 1), (3, 2), (4, 2), (5, 1)] as [(Int, UInt64)] {
      started.append(try open(number, on: session))
    }
    #expect(started == [[1], [], [3], [], []])
    _ = subject.handle(.closed(session: 2))
    #expect(numbers(subject.handle(.streamed(1))) == [2])
    #expect(numbers(subject.handle(.streamed(3))) == [])
    #expect(
      numbers(subject.handle(.streamFailed(2, rest: [partition(2)], StoreFailure(.partial, told: "slow"))))
        == [5])
  }

  @Test("so many streams run at a time as the store has readers")
  mutating func manyStreams() throws {
    var started: [UInt64] = []
    for number in 1...StreamQueue.concurrent + 2 {
      _ = subject.handle(.opened(session: UInt64(number), .drone(firstDrone)))
      started += try open(number, on: UInt64(number), holder: firstDrone)
    }
    #expect(started == Array(1...UInt64(StreamQueue.concurrent)))
    #expect(numbers(subject.handle(.streamed(2))) == [UInt64(StreamQueue.concurrent) + 1])
  }

  /// Opens the partition of a number, and says which streams started.
  mutating func open(_ number: Int, on session: UInt64, holder: Principal? = nil) throws -> [UInt64] {
    let asked: PartitionSet = [partition(number)]
    let holder = holder ?? (session == 2 ? secondDrone : firstDrone)
    let request = StoreRequest.open(
      number: UInt64(number), grant: try grant(asked, drone: holder), partitions: asked)
    _ = subject.handle(.requested(request, session: session))
    let standings = asked.map { OpeningResult.Standing(partition: $0, sequence: 0, inSync: .empty) }
    return numbers(subject.finish(.opened(OpeningResult(standings: standings, refused: []))))
  }

  func numbers(_ actions: [DatabaseAction]) -> [UInt64] {
    actions.compactMap { if case .stream(let stream) = $0 { stream.number } else { nil } }
  }

  @Test("requests of sessions that were not admitted come to nothing")
  mutating func strangers() throws {
    _ = subject.handle(.opened(session: 3, .authority))
    for session: UInt64 in [3, 77] {
      #expect(subject.effects(.requested(append(1, batch(1)), session: session)).isEmpty)
    }
  }
}
