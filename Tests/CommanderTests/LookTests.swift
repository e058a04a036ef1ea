import Cluster
import Testing

@testable import Commander

@Suite("Reports of drones that are not reached") struct LookTests {
  typealias N = HarnessNames

  private func report(_ office: inout TestOffice, _ drone: Int, by peer: Principal) -> [CommanderAction] {
    office.receive(
      .unreachable(Unreachable(term: office.core.identity.term, principal: N.drone(drone))), from: peer)
  }

  private func asked(_ actions: [CommanderAction]) -> [Principal] {
    actions.compactMap { if case .send(.heartbeat, let peer) = $0 { peer } else { nil } }
  }

  private func state(_ office: TestOffice, _ drone: Int) -> ClusterStatus.Drone.State {
    office.core.status(now: office.now).drones[drone].state
  }

  @Test("the commander asks the drone at once; it is silent when a heartbeat passes without an answer")
  func silent() {
    var office = TestOffice.settled()
    office.now = office.now + 1
    #expect(asked(report(&office, 1, by: N.drone(2))) == [N.drone(1)])
    office.now = office.now + office.timing.heartbeat + 1
    let notes = office.tick()
    #expect(notes.contains(.note(.droneSilent(N.drone(1)))))
    #expect(state(office, 1) == .silent)
    #expect(office.core.hasMajority(office.now), "what it answered before still counts")
  }

  @Test("a drone that answers is left alone, whoever says what")
  func answers() {
    var office = TestOffice.settled()
    _ = report(&office, 1, by: N.drone(2))
    office.report(1, holding: office.holdings(of: 1))
    office.now = office.now + office.timing.heartbeat + 1
    office.tick()
    #expect(state(office, 1) == .serving)
  }

  @Test("it is asked once a heartbeat at most, and nobody but drones may have it asked")
  func limits() {
    var office = TestOffice.settled()
    #expect(asked(report(&office, 1, by: N.authority)) == [])
    #expect(asked(report(&office, 1, by: N.drone(9))) == [])
    #expect(asked(report(&office, 9, by: N.drone(2))) == [])
    #expect(asked(report(&office, 1, by: N.drone(2))) == [N.drone(1)])
    #expect(asked(report(&office, 1, by: N.drone(0))) == [])
    office.report(1, holding: office.holdings(of: 1))
    office.now = office.now + office.timing.heartbeat
    #expect(asked(report(&office, 1, by: N.drone(0))) == [N.drone(1)])
  }
}
