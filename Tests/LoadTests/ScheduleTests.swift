import Testing

@testable import Load

@Suite("Requests at a fixed rate") struct ScheduleTests {
  @Test("all connections together have the rate, each its turn")
  func turns() {
    let schedules = (0..<4).map { RateSchedule(start: 1_000, rate: 1_000_000, turn: $0, turns: 4) }
    let due = (0..<10 as Range<UInt64>).flatMap { number in schedules.map { $0.due(number) } }
    #expect(due == (0..<40).map { 1_000 + $0 * 1_000 })
  }

  @Test("a rate that does not divide a second is kept over hours")
  func drift() {
    let schedule = RateSchedule(start: 5, rate: 7, turn: 0, turns: 1)
    #expect(schedule.due(7 * 36_000) == 5 + 36_000 * 1_000_000_000)
    #expect(schedule.due(1) == 5 + 142_857_142)
  }

  @Test(
    "as many are counted before a time as are due before it", arguments: [1, 3, 1_000, 999_983] as [UInt64])
  func counted(rate: UInt64) {
    for turn in 0..<3 as Range<UInt64> {
      let schedule = RateSchedule(start: 77, rate: rate, turn: turn, turns: 3)
      for end in [0, 77, 78, 1_000_000_077, 2_500_000_000] as [UInt64] {
        var count: UInt64 = 0
        while schedule.due(count) < end { count += 1 }
        #expect(schedule.count(before: end) == count, "turn \(turn), end \(end)")
      }
    }
  }
}
