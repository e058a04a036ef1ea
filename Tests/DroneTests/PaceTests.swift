import Cluster
import Testing

@testable import Drone

@Suite("Writers are slowed down") struct PaceTests {
  private static let timing = Timing()

  private static func bounds(_ backlog: Int) -> DataBounds {
    var bounds = DataBounds()
    bounds.backlog = backlog
    bounds.appendLength = 1
    return bounds
  }

  /// A shadow has every write at once; the database has none.
  private static func pair(backlog: Int) -> ShadowPair {
    var pair = ShadowPair()
    pair.ownerCore = DataCore(incarnation: ShadowPair.ownerLife, bounds: bounds(backlog))
    let set: PartitionSet = [ShadowPair.partition]
    _ = pair.ownerCore.beginOpening(set, token: ShadowPair.token, mode: .load)
    _ = pair.ownerCore.finishLoading(
      ShadowPair.partition, token: ShadowPair.token, sequence: 1, outcomes: [], forgotten: [])
    pair.ownerCore.serve(set, until: pair.now + 1_000_000)
    pair.install(shadows: [1])
    pair.connect()
    pair.talk()
    pair.store()
    return pair
  }

  @Test(
    "no more bytes are acknowledged before the database has them than the bound says; then they are turned away"
  )
  func bytes() {
    // A record of these is 50 bytes.
    var pair = Self.pair(backlog: 200)
    var answered = 0
    for number in 1...5 {
      #expect(pair.put("\(number)", "1") == nil)
      answered += pair.talk().count
    }
    #expect(answered == 4)
    #expect(pair.get("5") == .value([UInt8]("1".utf8)), "it has its second place, and only its answer waits")
    #expect(pair.put("6", "1") == .unavailable(.busy))
    let settlement = pair.store()
    #expect(settlement.completions.isEmpty)
    #expect(pair.ownerCore.release(pair.now, timing: Self.timing).count == 1)
    #expect(pair.put("6", "1") == nil)
  }

  @Test("answers that wait leave in the order in which they were due")
  func order() {
    var pair = Self.pair(backlog: 50)
    var numbers: [UInt64] = []
    for number in 1...2 {
      #expect(pair.put("\(number)", "1") == nil)
      numbers += pair.talk().map(\.origin.number)
    }
    #expect(numbers.count == 1)
    pair.ownerCore.bounds.backlog = 1_000
    pair.ownerCore.window = 1_000
    #expect(pair.put("3", "1", level: .memory) == nil)
    #expect(pair.talk().isEmpty, "nobody overtakes who has waited longer")
    pair.store()
    #expect(pair.ownerCore.release(pair.now, timing: Self.timing).count == 2)
  }

  @Test("what may wait is what the database stores within the time, by what it has shown")
  func time() {
    var pace = BacklogPace(bounds: Self.bounds(1 << 20))
    var now = Instant(milliseconds: 0)
    #expect(pace.window(now, timing: Self.timing) == 1 << 20, "nothing is known")
    for _ in 0..<50 {
      pace.sent(isBehind: true, now: now)
      now = now + 100
      pace.answered(bytes: 1_000, now: now)
    }
    #expect((19_000...21_000).contains(pace.window(now, timing: Self.timing)), "10 bytes a millisecond")
    for _ in 0..<50 {
      pace.sent(isBehind: true, now: now)
      now = now + 10
      pace.answered(bytes: 1_000, now: now)
    }
    #expect(pace.window(now, timing: Self.timing) > 120_000, "it has become faster")
  }

  @Test("who is given little has not shown how slow he is")
  func idle() {
    var pace = BacklogPace(bounds: Self.bounds(1 << 20))
    var now = Instant(milliseconds: 0)
    for _ in 0..<50 {
      pace.sent(isBehind: false, now: now)
      now = now + 100
      pace.answered(bytes: 10, now: now)
    }
    #expect(pace.window(now, timing: Self.timing) == 1 << 20)
  }

  @Test("while the database is away more may wait the longer that lasts, up to the bound")
  func away() {
    var pace = BacklogPace(bounds: Self.bounds(60_000))
    let now = Instant(milliseconds: 0)
    pace.lost(now)
    #expect(pace.window(now, timing: Self.timing) == 60_000, "a moment is nothing")
    #expect(pace.window(now + 1_000, timing: Self.timing) == 16_000)
    #expect(pace.window(now + 30_000, timing: Self.timing) == 45_000)
    #expect(pace.window(now + 90_000, timing: Self.timing) == 60_000)
    pace.found()
    #expect(pace.window(now + 90_000, timing: Self.timing) == 60_000)
  }
}
