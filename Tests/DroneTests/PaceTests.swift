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
      ShadowPair.partition, token: ShadowPair.token, sequence: 1, past: PastWrites())
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
    // A record of these is 50 bytes. Of the bound a quarter is left for others.
    var pair = Self.pair(backlog: 200)
    var answered = 0
    for number in 1...4 {
      #expect(pair.put("\(number)", "1") == nil)
      answered += pair.talk().count
    }
    #expect(answered == 3)
    #expect(pair.get("4") == .value([UInt8]("1".utf8)), "it has its second place, and only its answer waits")
    #expect(pair.put("6", "1") == .unavailable(.busy))
    #expect(pair.put("7", "1", client: Self.other) == nil)
    #expect(pair.talk().count == 1, "who has nothing waiting passes")
    let outcome = pair.store()
    #expect(outcome.completions.isEmpty)
    #expect(pair.ownerCore.release(pair.now, timing: Self.timing).count == 1)
    #expect(pair.put("6", "1") == nil)
  }

  private static let other = ClientIncarnation(high: 2, low: 1)

  @Test("however many principals write, no more is acknowledged than the bound, and each has a part of it")
  func parts() {
    var pair = Self.pair(backlog: 2_000)
    var answered: [UInt64: Int] = [:]
    // The first writes for as long as it is let, then the others by turns.
    func write(_ mark: UInt64) -> Bool {
      let answer = pair.put("k", "1", client: ClientIncarnation(high: mark, low: 1))
      answered[mark, default: 0] += pair.talk().count
      return answer == nil
    }
    while write(1) {}
    #expect(answered[1] == 30, "three quarters of 40")
    for _ in 0..<20 { for mark: UInt64 in 2...4 { _ = write(mark) } }
    #expect(answered.values.reduce(0, +) <= 40)
    for mark: UInt64 in 2...4 { #expect(answered[mark] ?? 0 >= 2, "\(answered)") }
    let waiting = pair.ownerCore.backlog / 50 - answered.values.reduce(0, +)
    var released = 0
    for _ in 0..<200 {
      let outcome = pair.store()
      released += outcome.completions.count + pair.ownerCore.release(pair.now, timing: Self.timing).count
    }
    #expect(released == waiting && pair.ownerCore.backlog == 0, "nobody waits for ever")
  }

  @Test(
    "a short write is sent before long ones that were there first, and they are not kept from their turns")
  func turns() {
    var bounds = DataBounds()
    bounds.batchShare = 800
    let core = DataCore(incarnation: ShadowPair.ownerLife, bounds: bounds)
    let lengths = [500, 40, 400, 40, 40, 300]
    func order(_ room: Int) -> [Int] {
      core.inTurn(Array(Partition.all.prefix(6)), room: room) { lengths[$0.index] }.map(\.index)
    }
    #expect(order(1_000) == [1, 3, 4, 0, 2, 5])
    #expect(order(200) == [1, 3, 0, 2, 5, 4], "half of what goes at once is for the long ones")
  }

  @Test("what waits is counted down when it is stored, and when the partition is another's")
  func counts() {
    var pair = Self.pair(backlog: 200)
    for number in 1...4 { _ = pair.put("\(number)", "1") }
    pair.talk()
    #expect(pair.ownerCore.backlog == 200)
    _ = pair.ownerCore.close([ShadowPair.partition])
    #expect(pair.ownerCore.backlog == 0)
    #expect(pair.ownerCore.release(pair.now, timing: Self.timing).count == 1, "it has its second place")
  }

  @Test("answers that wait leave in the order in which they were due")
  func order() {
    var pair = Self.pair(backlog: 80)
    var numbers: [UInt64] = []
    for number in 1...2 {
      #expect(pair.put("\(number)", "1") == nil)
      numbers += pair.talk().map(\.replyTo.number)
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
