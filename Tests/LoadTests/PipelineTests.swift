import Cluster
import Testing
import Wire

@testable import Load

@Suite("The pipeline of a connection") struct PipelineTests {
  private static func course(
    _ mix: String = "get", depth: Int = 4, quota: UInt64? = nil, end: UInt64 = .max,
    schedule: RateSchedule? = nil, sequence: (Int, Int)? = nil, keys: Int = 100
  ) throws -> Pipeline.Course {
    Pipeline.Course(
      mix: try OperationMix(mix),
      templates: RequestTemplates(
        names: try KeyNames(length: 16, count: keys), valueBytes: 8, level: .memory),
      depth: depth, quota: quota, end: end, schedule: schedule, zipfian: nil, sequence: sequence, turn: (0, 1)
    )
  }

  /// A request as a drone reads it.
  private struct Request: Equatable {
    let number: UInt64
    let key: [UInt8]
    /// Nil: a get.
    let write: UInt64?
  }

  private static func requests(_ pipeline: inout Pipeline, _ tally: inout Tally, at now: UInt64) throws
    -> [Request]
  {
    var found: [Request] = []
    while case let length = pipeline.fill(now: now, &tally), length > 0 {
      try pipeline.bytes.withUnsafeBytes { bytes in
        var reader = CBORReader(UnsafeRawBufferPointer(rebasing: bytes[..<length]))
        while !reader.isAtEnd {
          switch try DataRequest(from: &reader) {
          case .read(let read):
            found.append(Request(number: read.number, key: Array(read.key), write: nil))
          case .write(let put):
            found.append(Request(number: put.number, key: Array(put.key), write: put.write))
          case let other: Issue.record("\(other)")
          }
        }
      }
    }
    return found
  }

  @discardableResult
  private static func answer(
    _ pipeline: inout Pipeline, _ tally: inout Tally, at now: UInt64, _ answers: [DataAnswer]
  ) throws -> (moved: Int?, pause: UInt64) {
    var writer = CBORWriter()
    for answer in answers { answer.encode(into: &writer) }
    return try writer.bytes.withUnsafeBytes { try pipeline.receive($0, now: now, &tally) }
  }

  @Test(
    "as many requests are under way as the pipeline is deep, whatever is answered when",
    arguments: [1, 16, 300])
  func depth(depth: Int) throws {
    var (pipeline, tally) = (
      Pipeline(try Self.course(depth: depth), share: KeyShare(all: 100), seed: 1), Tally()
    )
    var underWay = try Self.requests(&pipeline, &tally, at: 0)
    #expect(underWay.count == depth && Set(underWay.map(\.number)).count == depth)
    var random = SplitMix(seed: 9)
    for round in 1..<20 as Range<UInt64> {
      let count = 1 + random.next(below: depth)
      var shuffler = Shuffler(random: SplitMix(seed: random.next()))
      let answered = underWay.shuffled(using: &shuffler).prefix(count)
      try Self.answer(&pipeline, &tally, at: round, answered.map { .notFound(number: $0.number) })
      underWay.removeAll { answered.contains($0) }
      underWay += try Self.requests(&pipeline, &tally, at: round)
      #expect(underWay.count == depth && Set(underWay.map(\.number)).count == depth)
      #expect(pipeline.underWay == depth)
    }
    #expect(tally.answered == tally.misses)
  }

  @Test("with a quota exactly so many requests are begun, and then it is done")
  func quota() throws {
    var (pipeline, tally) = (
      Pipeline(try Self.course(quota: 10), share: KeyShare(all: 100), seed: 1), Tally()
    )
    var asked = 0
    while !pipeline.isDone {
      let requests = try Self.requests(&pipeline, &tally, at: 0)
      asked += requests.count
      try Self.answer(&pipeline, &tally, at: 5, requests.map { .notFound(number: $0.number) })
      if requests.isEmpty { break }
    }
    #expect(asked == 10 && pipeline.isDone && tally.answered == 10)
  }

  @Test("after the end no request is begun, and those under way are waited for")
  func end() throws {
    var (pipeline, tally) = (Pipeline(try Self.course(end: 100), share: KeyShare(all: 100), seed: 1), Tally())
    let requests = try Self.requests(&pipeline, &tally, at: 99)
    try Self.answer(&pipeline, &tally, at: 100, [.notFound(number: requests[0].number)])
    #expect(try Self.requests(&pipeline, &tally, at: 100).isEmpty)
    #expect(!pipeline.isDone && pipeline.underWay == 3)
    try Self.answer(&pipeline, &tally, at: 101, requests[1...].map { .notFound(number: $0.number) })
    #expect(pipeline.isDone && tally.answered == 4)
  }

  @Test("a load puts each key of the share once, and counts its writes up")
  func sequence() throws {
    var keys: [[UInt8]] = []
    for first in 0..<3 {
      let course = try Self.course("put", sequence: (first, 3))
      var (pipeline, tally) = (Pipeline(course, share: KeyShare(all: 100), seed: 1), Tally())
      var writes: [UInt64] = []
      while case let requests = try Self.requests(&pipeline, &tally, at: 0), !requests.isEmpty {
        keys += requests.map(\.key)
        writes += requests.compactMap(\.write)
        try Self.answer(
          &pipeline, &tally, at: 1, requests.map { .done(number: $0.number, .written(existed: false)) })
      }
      #expect(pipeline.isDone && writes == writes.indices.map { RequestTemplates.firstWrite + UInt64($0) })
    }
    #expect(keys.count == 100 && Set(keys).count == 100)
  }

  @Test("what was not executed is asked again after a pause, the same key, and no other takes its place")
  func retries() throws {
    let course = try Self.course("put", depth: 2)
    var (pipeline, tally) = (Pipeline(course, share: KeyShare(all: 100), seed: 1), Tally())
    let requests = try Self.requests(&pipeline, &tally, at: 0)
    let reply = try Self.answer(
      &pipeline, &tally, at: 1,
      [.unavailable(number: requests[0].number, .busy), .limited(number: requests[1].number, wait: 40)])
    #expect(reply.pause == 40 && pipeline.isResting && tally.retries == 2)
    #expect(try Self.requests(&pipeline, &tally, at: 1).isEmpty)
    pipeline.wake()
    let again = try Self.requests(&pipeline, &tally, at: 50_000)
    #expect(Set(again.map(\.key)) == Set(requests.map(\.key)) && !pipeline.isResting)
    try Self.answer(
      &pipeline, &tally, at: 50_000, again.map { .done(number: $0.number, .written(existed: true)) })
    // The latency is that of the first attempt.
    #expect(tally.answered == 2 && tally.puts.min > 49_000)
  }

  @Test("a key that has moved is counted, and told by its partition")
  func moved() throws {
    var (pipeline, tally) = (Pipeline(try Self.course(depth: 1), share: KeyShare(all: 100), seed: 1), Tally())
    let request = try #require(try Self.requests(&pipeline, &tally, at: 0).first)
    let reply = try Self.answer(
      &pipeline, &tally, at: 1, [.moved(number: request.number, term: .none, version: 3)])
    #expect(reply.moved == Slot(key: request.key).partition.index && tally.moved == 1)
    #expect(try Self.requests(&pipeline, &tally, at: 2).isEmpty)
    pipeline.wake()
    #expect(try Self.requests(&pipeline, &tally, at: 3).count == 1)
  }

  @Test("at a fixed rate a request is asked when it is due, and its latency counts from then")
  func rate() throws {
    let schedule = RateSchedule(start: 1_000_000, rate: 1_000, turn: 0, turns: 1)
    let course = try Self.course(depth: 2, end: 10_000_000, schedule: schedule)
    var (pipeline, tally) = (Pipeline(course, share: KeyShare(all: 100), seed: 1), Tally())
    #expect(try Self.requests(&pipeline, &tally, at: 999_999).isEmpty)
    #expect(pipeline.nextDue == 1_000_000)
    // Three are due and there are two places: the third waits, and its time runs.
    let requests = try Self.requests(&pipeline, &tally, at: 3_500_000)
    #expect(requests.count == 2 && pipeline.nextDue == nil)
    try Self.answer(&pipeline, &tally, at: 6_000_000, [.notFound(number: requests[0].number)])
    #expect(tally.gets.max >= 4_900_000)
    let third = try Self.requests(&pipeline, &tally, at: 6_000_000)
    #expect(third.count == 1)
    try Self.answer(&pipeline, &tally, at: 10_500_000, third.map { .notFound(number: $0.number) })
    #expect(tally.gets.max >= 7_400_000)
    // Nine are due before the end, of which three were asked.
    #expect(try Self.requests(&pipeline, &tally, at: 10_500_000).isEmpty)
    #expect(tally.unsent == 6)
  }

  @Test("YCSB's F puts the key that it has read")
  func readModifyWrite() throws {
    let course = try Self.course("ycsb-f", depth: 1)
    var (pipeline, tally) = (Pipeline(course, share: KeyShare(all: 100), seed: 1), Tally())
    var read: Request?
    var pairs = 0
    for time in 1..<200 as Range<UInt64> {
      let request = try #require(try Self.requests(&pipeline, &tally, at: time).first)
      if request.write != nil {
        #expect(read?.key == request.key)
        pairs += 1
      }
      read = request
      let answer: DataAnswer =
        request.write == nil
        ? .notFound(number: request.number) : .done(number: request.number, .written(existed: true))
      try Self.answer(&pipeline, &tally, at: time, [answer])
    }
    #expect((40...100).contains(pairs) && tally.puts.totalCount == UInt64(pairs))
  }

  @Test("YCSB's D reads what it has put a moment ago more often than anything else")
  func latest() throws {
    var course = try Self.course("ycsb-d", depth: 1)
    course.zipfian = Zipfian(count: 100)
    var (pipeline, tally) = (Pipeline(course, share: KeyShare(all: 100), seed: 1), Tally())
    var (puts, reads, newest): ([[UInt8]], Int, Int) = ([], 0, 0)
    for time in 1..<20_000 as Range<UInt64> {
      let request = try #require(try Self.requests(&pipeline, &tally, at: time).first)
      if request.write != nil {
        #expect(!puts.contains(request.key))
        puts.append(request.key)
      } else {
        reads += 1
        if request.key == puts.last { newest += 1 }
      }
      let answer: DataAnswer =
        request.write == nil
        ? .notFound(number: request.number) : .done(number: request.number, .written(existed: false))
      try Self.answer(&pipeline, &tally, at: time, [answer])
    }
    #expect(newest * 10 > reads, "\(newest) of \(reads)")
  }

  @Test(
    "when the session is lost what was under way counts as lost, and what was not executed is asked again")
  func lost() throws {
    var (pipeline, tally) = (Pipeline(try Self.course("put"), share: KeyShare(all: 100), seed: 1), Tally())
    let requests = try Self.requests(&pipeline, &tally, at: 0)
    try Self.answer(&pipeline, &tally, at: 1, [.unavailable(number: requests[2].number, .busy)])
    pipeline.lose(&tally)
    #expect(tally.lost == 3 && pipeline.underWay == 0)
    pipeline.wake()
    let again = try Self.requests(&pipeline, &tally, at: 1)
    #expect(again.count == 4 && again.contains { $0.key == requests[2].key })
    #expect(again[0].write == RequestTemplates.firstWrite + 4)
  }

  @Test("an answer to nothing that is under way ends the session")
  func stray() throws {
    var (pipeline, tally) = (Pipeline(try Self.course(), share: KeyShare(all: 100), seed: 1), Tally())
    _ = try Self.requests(&pipeline, &tally, at: 0)
    for number in [0, 255, 260, 65_535, UInt64.max] as [UInt64] {
      #expect(throws: CBORError.self) {
        try Self.answer(&pipeline, &tally, at: 1, [.notFound(number: number)])
      }
    }
  }

  @Test("a second answer to the same request ends the session")
  func twice() throws {
    var (pipeline, tally) = (Pipeline(try Self.course(), share: KeyShare(all: 100), seed: 1), Tally())
    let request = try #require(try Self.requests(&pipeline, &tally, at: 0).first)
    #expect(throws: CBORError.self) {
      try Self.answer(
        &pipeline, &tally, at: 1, [.notFound(number: request.number), .notFound(number: request.number)])
    }
  }

  @Test("a refusal that asking again does not help against is the failure of the load")
  func refused() throws {
    var (pipeline, tally) = (Pipeline(try Self.course(), share: KeyShare(all: 100), seed: 1), Tally())
    let request = try #require(try Self.requests(&pipeline, &tally, at: 0).first)
    try Self.answer(&pipeline, &tally, at: 1, [.failed(number: request.number, .notPermitted)])
    #expect(tally.failure == .refused(drone: "", .notPermitted))
  }
}

/// For the standard library's shuffling.
private struct Shuffler: RandomNumberGenerator {
  var random: SplitMix
  mutating func next() -> UInt64 { random.next() }
}
