import Cluster
import Testing

@testable import Commander

@Suite("Emptying drones") struct DrainTests {
  typealias N = HarnessNames

  private func drained(_ office: TestOffice, _ drone: Int) -> Bool {
    office.core.members.first { $0.principal == N.drone(drone) }?.isDraining ?? false
  }

  /// A later commander that goes by the map of an earlier one.
  private func successor(of office: TestOffice) throws -> TestOffice {
    TestOffice(term: 2, previous: try SlotMap.decode(#require(office.core.map.published).signed.body))
  }

  @Test(
    "a drone that is started again is given work again, whoever commands by then", arguments: [false, true])
  func restarted(isKnown: Bool) throws {
    var office = TestOffice.settled()
    #expect(office.core.administer(.drain, "d3", now: office.now).isAccepted)
    office.pass(500, answering: [0, 1, 2])
    #expect(drained(office, 2), "the same life")
    var next = try isKnown ? office : successor(of: office)
    #expect(drained(next, 2))
    next.tick()
    next.report(2, life: 2)
    #expect(!drained(next, 2))
  }

  @Test("a drone that goes on running stays empty under the next commander")
  func goesOn() throws {
    var office = TestOffice.settled()
    #expect(office.core.administer(.drain, "d3", now: office.now).isAccepted)
    office.pass(500, answering: [0, 1, 2])
    var next = try successor(of: office)
    for _ in 0..<3 {
      next.tick()
      next.report(2)
    }
    #expect(drained(next, 2))
  }
}
