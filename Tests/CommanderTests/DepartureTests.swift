import Cluster
import Testing

@testable import Commander

@Suite("A drone that has been asked to end, as its commander sees it") struct DepartureTests {
  private static let set: PartitionSet = [Partition.all[7]]
  private static let copies = [Holding(token: FencingToken(term: Term(1), counter: 1), partitions: set)]

  /// What a drone's report is answered with.
  private func renewal(_ actions: [CommanderAction], to drone: Int) -> Renewal? {
    for case .send(.renewal(let renewal), let peer) in actions where peer == HarnessNames.drone(drone) {
      return renewal
    }
    return nil
  }

  private func office() -> TestOffice {
    var office = TestOffice()
    office.reportsCopies = false
    office.storeKey()
    office.tick()
    return office
  }

  @Test("nothing is given to it that others can have")
  func givenNothing() {
    var office = office()
    for drone in 0..<3 { office.report(drone, isEnding: drone == 2) }
    office.now = office.now + office.timing.heartbeat
    office.tick()
    for drone in 0..<3 { office.report(drone, isEnding: drone == 2) }
    office.tick()
    let owners = Set(office.core.partitions.compactMap(\.owner))
    #expect(owners == [HarnessNames.drone(0), HarnessNames.drone(1)])
  }

  @Test("where all are about to end nothing is loaded any more")
  func nobodyStays() {
    var office = office()
    for _ in 0..<3 {
      for drone in 0..<3 { office.report(drone, isEnding: true) }
      office.now = office.now + office.timing.heartbeat
      office.tick()
    }
    #expect(office.core.partitions.allSatisfy { $0.owner == nil })
    #expect(office.core.isAllServed(office.now), "as far as anybody could")
  }

  @Test("it is told of what nobody serves and it has a copy of; others are not, they stay")
  func orphans() {
    var office = office()
    for drone in 0..<3 { office.report(drone, copies: drone == 0 ? [] : Self.copies, isEnding: drone == 2) }
    let asked = office.report(2, copies: Self.copies, isEnding: true)
    #expect(renewal(asked, to: 2)?.orphans == Self.set)
    #expect(renewal(office.report(1, copies: Self.copies), to: 1)?.orphans == [])
  }

  @Test("it is told of what is on its way to it and is left to its copy; another with a copy is not")
  func moving() {
    var office = office()
    for drone in 0..<3 { office.report(drone) }
    let owner = Holder(principal: HarnessNames.drone(0), incarnation: TestOffice.incarnation(0))
    office.core.partitions[7].state = .moving(owner, to: HarnessNames.drone(2))
    for (drone, orphans) in [(1, []), (2, Self.set)] as [(Int, PartitionSet)] {
      let asked = office.report(drone, copies: Self.copies, isEnding: true)
      #expect(renewal(asked, to: drone)?.orphans == orphans, "d\(drone)")
    }
  }

  @Test("the only copy there is gets promoted though its drone is about to end; another is preferred")
  func promoted() {
    for others in [false, true] {
      var office = office()
      func report() {
        for drone in 0..<3 {
          let copies = drone == 1 || drone == 2 && others ? Self.copies : []
          office.report(drone, copies: copies, isEnding: drone == 1)
        }
      }
      report()
      office.now = office.now + office.timing.heartbeat
      office.tick()
      report()
      office.tick()
      let record = office.core.partitions[Partition.all[7].index]
      #expect(record.owner == HarnessNames.drone(others ? 2 : 1))
    }
  }
}
