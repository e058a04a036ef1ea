import Cluster
import Testing

@testable import Drone

@Suite("Whether a database answers")
struct DatabaseWatchTests {
  private let timing = Timing(heartbeat: 100)
  private func at(_ milliseconds: Int64) -> Instant { Instant(milliseconds: milliseconds) }

  private func opened() -> DatabaseWatch {
    var watch = DatabaseWatch(timing: timing)
    watch.opened(at: at(0))
    return watch
  }

  @Test("a database that was quiet for as long as suspicion takes is asked; one that owes an answer is not")
  func probing() {
    var watch = opened()
    #expect(watch.tick(at(299)) == .nothing)
    #expect(watch.tick(at(300)) == .probe)
    watch.asked(at: at(300))
    #expect(watch.tick(at(400)) == .nothing)
    #expect(watch.answered(owesMore: false, at: at(450)) == false)
    #expect(watch.tick(at(749)) == .nothing)
    #expect(watch.tick(at(750)) == .probe)
  }

  @Test("one that owes an answer for longer than suspicion is lost, once, until it answers")
  func silence() {
    var watch = opened()
    watch.asked(at: at(0))
    watch.asked(at: at(250))
    #expect(watch.tick(at(300)) == .nothing)
    #expect(watch.tick(at(301)) == .lost && !watch.isReached)
    #expect(watch.tick(at(400)) == .nothing)
    #expect(watch.answered(owesMore: true, at: at(500)) == true)
    #expect(watch.isReached)
    #expect(watch.tick(at(801)) == .lost)
    #expect(watch.tick(at(2500)) == .nothing)
    #expect(watch.tick(at(2501), patiently: true) == .nothing, "there may be no other")
    #expect(watch.tick(at(2501)) == .giveUp)
    #expect(watch.tick(at(12_501), patiently: true) == .giveUp)
  }

  @Test("every answer counts for those that are still owed, such as the contents of a large partition")
  func streaming() {
    var watch = opened()
    watch.asked(at: at(0))
    for now: Int64 in stride(from: 200, to: 4000, by: 200) {
      #expect(watch.answered(owesMore: true, at: at(now)) == false)
      #expect(watch.tick(at(now + 100)) == .nothing)
    }
  }

  @Test("without a session there is nothing to ask and nothing to lose")
  func closed() {
    var watch = opened()
    watch.asked(at: at(0))
    watch.closed()
    #expect(!watch.isReached)
    #expect(watch.tick(at(10_000)) == .nothing)
    #expect(watch.answered(owesMore: false, at: at(10_000)) == false)
  }
}
