import Load
import Testing

@testable import speed

@Suite("What a connection asks Redis") struct RedisPipelineTests {
  private static func pipeline(
    _ course: RedisPipeline.Course, depth: Int = 3, schedule: RateSchedule? = nil
  ) throws -> RedisPipeline {
    RedisPipeline(
      course, depth: depth, names: try KeyNames(length: 16, count: 10), valueBytes: 4, seed: 1,
      schedule: schedule)
  }

  private static func text(_ pipeline: inout RedisPipeline, at now: UInt64 = 0) -> String {
    let length = pipeline.fill(now: now)
    return String(decoding: pipeline.output[..<length], as: UTF8.self)
  }

  private static func take(
    _ pipeline: inout RedisPipeline, _ replies: String
  ) throws -> (taken: Int, answered: [UInt64]) {
    var answered: [UInt64] = []
    let taken = try Array(replies.utf8).withUnsafeBytes { bytes in
      try pipeline.take(bytes) { due, count in answered += Array(repeating: due, count: Int(count)) }
    }
    return (taken, answered)
  }

  @Test("a load puts each key once, in RESP, and is over then")
  func load() throws {
    var pipeline = try Self.pipeline(.load(first: 1, step: 5))
    let first = "*3\r\n$3\r\nSET\r\n$16\r\nkey:000000000001\r\n$4\r\nvvvv\r\n"
    let second = "*3\r\n$3\r\nSET\r\n$16\r\nkey:000000000006\r\n$4\r\nvvvv\r\n"
    #expect(Self.text(&pipeline) == first + second)
    #expect(pipeline.isOver && pipeline.underWay == 2)
    #expect(try Self.take(&pipeline, "+OK\r\n+OK\r\n").answered == [0, 0])
    #expect(pipeline.underWay == 0)
  }

  @Test("as many gets are under way as the pipeline is deep, and a part of a reply waits for the rest")
  func gets() throws {
    var pipeline = try Self.pipeline(.get)
    #expect(Self.text(&pipeline, at: 5).split(separator: "*").count == 3)
    let cut = try Self.take(&pipeline, "$4\r\nvvvv\r\n$-1\r\n$4\r\nvv")
    #expect(cut.taken == 15 && cut.answered == [5, 5] && pipeline.underWay == 1)
    #expect(Self.text(&pipeline, at: 6).split(separator: "*").count == 2)
    #expect(try Self.take(&pipeline, "$4\r\nvvvv\r\n$0\r\n\r\n").answered == [5, 6])
  }

  @Test("behind a batch of puts comes a WAIT, and the next batch only when that is answered")
  func waits() throws {
    var pipeline = try Self.pipeline(.setAndWait)
    #expect(Self.text(&pipeline).hasSuffix("*3\r\n$4\r\nWAIT\r\n$1\r\n1\r\n$1\r\n0\r\n"))
    #expect(try Self.take(&pipeline, "+OK\r\n+OK\r\n+OK\r\n").answered.count == 3)
    #expect(Self.text(&pipeline).isEmpty)
    #expect(try Self.take(&pipeline, ":1\r\n").answered.isEmpty)
    #expect(!Self.text(&pipeline).isEmpty)
    #expect(throws: RedisError.self) { try Self.take(&pipeline, "+OK\r\n+OK\r\n+OK\r\n:0\r\n") }
  }

  @Test("at a fixed rate a request is asked when it is due, and counts from then")
  func rate() throws {
    let schedule = RateSchedule(start: 1_000, rate: 1_000_000, turn: 0, turns: 1)
    var pipeline = try Self.pipeline(.get, schedule: schedule)
    #expect(Self.text(&pipeline, at: 999).isEmpty && pipeline.nextDue == 1_000)
    #expect(Self.text(&pipeline, at: 2_500).split(separator: "*").count == 2)
    #expect(pipeline.nextDue == 3_000)
    #expect(try Self.take(&pipeline, "$-1\r\n$-1\r\n").answered == [1_000, 2_000])
  }

  @Test("an error of Redis' ends the load, as does an answer to nothing")
  func errors() throws {
    var pipeline = try Self.pipeline(.get)
    #expect(throws: RedisError.self) { try Self.take(&pipeline, "+OK\r\n") }
    _ = Self.text(&pipeline)
    #expect { try Self.take(&pipeline, "-LOADING wait\r\n") } throws: { "\($0)".contains("LOADING") }
  }
}
