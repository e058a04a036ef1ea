import Cluster
import Testing

@testable import Commander

@Suite("Drones that do not reach the database") struct DatabaseReachTests {
  /// All that the map says, besides its version.
  private func assignment(_ office: TestOffice) -> [[Principal]] {
    office.core.partitions.map { ($0.owner.map { [$0] } ?? []) + $0.shadowsAndTarget }
  }

  @Test("a database that comes back is reached by one drone before the others: nobody loses anything by that")
  func comesBack() {
    var office = TestOffice.settled(shadows: 1)
    let before = assignment(office)
    #expect(before.allSatisfy { $0.count == 2 })
    office.pass(20_000, answering: [0, 1, 2], unreached: [0, 1, 2])
    office.pass(office.timing.lease, answering: [0, 1, 2], unreached: [1, 2])
    #expect(assignment(office) == before)
    office.pass(5_000, answering: [0, 1, 2])
    #expect(assignment(office) == before)
  }

  @Test("one that does not reach it while others do loses what it shadows, and what it has")
  func cutOff() {
    var office = TestOffice.settled(shadows: 1)
    let cut = HarnessNames.drone(2)
    office.pass(20_000, answering: [0, 1, 2], unreached: [0, 1, 2])
    for _ in 0..<120 {
      office.pass(250, answering: [0, 1, 2], unreached: [2])
      office.load([0, 1])
    }
    #expect(!assignment(office).joined().contains(cut))
  }

  @Test("one that stalls again and again does not hide who alone never reaches it")
  func stalls() {
    var office = TestOffice.settled(shadows: 1)
    let cut = HarnessNames.drone(2)
    for step in 0..<160 {
      office.pass(250, answering: [0, 1, 2], unreached: step / 4 % 2 == 0 ? [2] : [0, 1, 2])
      office.load([0, 1])
    }
    #expect(!assignment(office).joined().contains(cut))
  }
}
