import Cluster
import Testing

@testable import Commander

@Suite("Drones without room") struct RoomTests {
  private typealias N = HarnessNames

  @Test("what a drone has no room to load goes to another, and is not given to it again at once")
  func refused() throws {
    var office = TestOffice.settled()
    let mine = office.served(by: 1)
    office.pass(office.timing.lease + 2_000, answering: [0, 2])
    let assigned = office.assigned(to: 2).intersection(mine)
    #expect(!assigned.isEmpty)
    let grant = try #require(office.request(assigned, by: 2).grant)
    office.receive(
      .openFailed(
        OpenFailed(term: Term(1), token: grant.token, partitions: assigned, refusal: .noRoom)),
      from: N.drone(2))
    office.tick()
    #expect(office.assigned(to: 2).intersection(assigned).isEmpty)
    #expect(assigned.isSubset(of: office.assigned(to: 0)))
  }

  @Test("what nobody has room for waits, and is tried again")
  func nobody() throws {
    var office = TestOffice.settled()
    let mine = office.served(by: 1)
    office.pass(office.timing.lease + 2_000, answering: [0, 2])
    for drone in [2, 0] {
      let assigned = office.assigned(to: drone).intersection(mine)
      let grant = try #require(office.request(assigned, by: drone).grant)
      office.receive(
        .openFailed(
          OpenFailed(term: Term(1), token: grant.token, partitions: assigned, refusal: .noRoom)),
        from: N.drone(drone))
      office.tick()
    }
    #expect(office.assigned(to: 0).union(office.assigned(to: 2)).intersection(mine).isEmpty)
    #expect(office.core.partitions.contains { $0.isFree })
    office.pass(office.timing.lease + 500, answering: [0, 2])
    #expect(mine.isSubset(of: office.assigned(to: 0).union(office.assigned(to: 2))))
  }

  @Test("nothing is moved to who says that he is full, until he has room")
  func full() {
    var office = TestOffice.settled(shadows: 1)
    office.full = [1]
    // Drone 1 dies and comes back with nothing.
    office.pass(office.timing.lease + 10_000, answering: [0, 2])
    office.load([0, 2])
    office.pass(2_000, answering: [0, 2])
    office.load([0, 2])
    office.pass(5_000, answering: [0, 1, 2])
    #expect(office.served(by: 1).isEmpty)
    #expect(office.core.partitions.allSatisfy { $0.move?.to != N.drone(1) })
    office.full = []
    var isMoved = false
    for _ in 0..<20 {
      office.pass(250, answering: [0, 1, 2])
      isMoved = isMoved || office.core.partitions.contains { $0.move?.to == N.drone(1) }
    }
    #expect(isMoved)
  }
}
