import Cluster
import Testing

@testable import Commander

@Suite("When time has work for a commander") struct TickTests {
  private let timing = Timing()

  @Test("while everything is served it wakes with its heartbeats")
  func settled() {
    var office = TestOffice.settled()
    office.pass(1_000, answering: [0, 1, 2])
    #expect(office.core.nextTick == office.now + timing.heartbeat)
  }

  @Test("a drone that is late wakes it at once")
  func late() {
    var office = TestOffice.settled()
    office.pass(1_000, answering: [0, 1, 2])
    let answered = office.now
    office.pass(timing.suspicion, answering: [0, 1])
    #expect(office.core.nextTick == answered + timing.suspicion + 1)
    office.now = office.core.nextTick
    #expect(office.tick().contains(.note(.droneSilent(TestOffice.N.drone(2)))))
    #expect(office.core.nextTick == office.now + timing.step, "until its partitions are served elsewhere")
  }

  @Test("while something is not served it looks several times a heartbeat")
  func unserved() {
    var office = TestOffice.settled()
    office.pass(1_000, answering: [0, 1, 2])
    office.report(1)
    #expect(office.core.nextTick == office.now + timing.step)
  }
}
