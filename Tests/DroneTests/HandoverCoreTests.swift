import Cluster
import Testing

@testable import Drone

@Suite("How long a drone that is about to end waits") struct HandoverCoreTests {
  private var handover = HandoverCore()
  private let start = Instant(milliseconds: 1_000)

  private mutating func look(
    _ after: Int64, stored isStored: Bool, orphans: Int? = 0, hurried isHurried: Bool = false
  ) -> HandoverCore.Step {
    handover.looked(isStored: isStored, orphans: orphans, isHurried: isHurried, now: start + after)
  }

  private mutating func given(
    _ after: Int64, _ hasGivenAll: Bool, hurried isHurried: Bool = false
  ) -> HandoverCore.Step {
    handover.looked(hasGivenAll: hasGivenAll, isHurried: isHurried, now: start + after)
  }

  @Test("for the database as long as that takes, unless somebody will not wait") mutating func stores() {
    #expect(look(0, stored: false) == .lookAgain)
    #expect(look(3_600_000, stored: false) == .lookAgain)
    #expect(look(3_600_010, stored: false, hurried: true) == .cutShort)
    #expect(look(3_600_020, stored: true) == .retire)
  }

  @Test("half a minute for the commander to have promoted what nobody serves, from when all else is stored")
  mutating func orphans() {
    #expect(look(0, stored: true, orphans: nil) == .lookAgain)
    #expect(look(29_000, stored: false, orphans: 3) == .lookAgain)
    #expect(look(30_000, stored: true, orphans: 3) == .lookAgain)
    #expect(look(59_999, stored: true, orphans: 1) == .lookAgain)
    #expect(look(60_000, stored: true, orphans: 1) == .cutShort)
  }

  @Test("five seconds for others to have what it served") mutating func gives() {
    #expect(look(0, stored: true) == .retire)
    #expect(given(10, false) == .lookAgain)
    #expect(given(4_999, false) == .lookAgain)
    #expect(given(5_000, false) == .cutShort)
    #expect(given(5_000, true) == .end)
  }

  @Test("not at all once others have it, or when somebody will not wait") mutating func isDone() {
    #expect(look(0, stored: true) == .retire)
    #expect(given(10, false, hurried: true) == .cutShort)
    #expect(given(10, true, hurried: true) == .end)
  }

  @Test("whoever ends with nothing of its own left, and in a hurry, counts from its first look for others")
  mutating func hurriedWithNothing() {
    #expect(look(0, stored: false, hurried: true) == .cutShort)
    #expect(given(100, false) == .lookAgain)
    #expect(given(5_100, false) == .cutShort)
  }
}
