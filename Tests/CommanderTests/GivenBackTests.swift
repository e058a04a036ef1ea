import Cluster
import Testing

@testable import Commander

@Suite("What a drone gives back when it ends") struct GivenBackTests {
  typealias N = HarnessNames

  /// Drone 1 has given everything back in order, or lost it; drone 2 has whole copies.
  private func released(inOrder: Bool) -> (TestOffice, PartitionSet) {
    var office = TestOffice.settled()
    let mine = office.served(by: 1)
    let copies = office.holdings(of: 1)
    office.list(2, mine)
    office.report(2, holding: office.holdings(of: 2), copies: copies)
    office.report(1, lively: inOrder ? [] : .all)
    office.tick()
    return (office, mine)
  }

  private func promoting(_ office: TestOffice) -> PartitionSet {
    PartitionSet(Partition.all.filter { office.core.partitions[$0.index].isPromoting })
  }

  @Test(
    "no copy is asked for, since the database has everything and nobody on its list; else the copy is the truth"
  )
  func loads() {
    let (orderly, mine) = released(inOrder: true)
    #expect(promoting(orderly).isEmpty)
    #expect(mine.isSubset(of: orderly.assigned(to: 0).union(orderly.assigned(to: 2))))
    let (lost, others) = released(inOrder: false)
    #expect(promoting(lost) == others)
  }

  @Test("when the database knows of copies after all, they are asked for")
  func refused() throws {
    var (office, _) = released(inOrder: true)
    let assigned = office.assigned(to: 0)
    let grant = try #require(office.request(assigned, by: 0).grant)
    let failure = OpenFailed(
      term: Term(1), token: grant.token, partitions: assigned, refusal: .copiesElsewhere)
    office.receive(.openFailed(failure), from: N.drone(0))
    office.tick()
    #expect(promoting(office) == assigned)
  }

  @Test(
    "that was so of one life of the partition: whoever serves it next may be survived by a copy that counts")
  func served() {
    var (office, mine) = released(inOrder: true)
    office.load([0, 2])
    let again = mine.intersection(office.served(by: 0))
    #expect(!again.isEmpty)
    let copies = office.holdings(of: 0)
    // Drone 0 says nothing any more, and its lease runs out.
    let end = office.now + office.timing.lease * 2
    while office.now < end {
      office.now = office.now + office.timing.heartbeat
      office.tick()
      office.storeKey()
      office.report(1)
      office.report(2, holding: office.holdings(of: 2), copies: copies)
    }
    #expect(again.isSubset(of: promoting(office)))
  }
}
