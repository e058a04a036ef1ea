import Cluster
import Testing

@testable import Commander

@Suite("Operators' orders") struct OrderTests {
  typealias N = HarnessNames

  /// What the map gives to each drone.
  private func owned(_ office: TestOffice) -> [Partition: Principal] {
    Dictionary(
      uniqueKeysWithValues: Partition.all.compactMap { partition in
        office.core.partitions[partition.index].owner.map { (partition, $0) }
      })
  }

  /// Rounds of heartbeats in which released partitions are let go, and granted ones opened.
  private func pass(_ office: inout TestOffice, rounds: Int, _ drones: [Int]) -> [PartitionSet] {
    var moves: [PartitionSet] = []
    for _ in 0..<rounds {
      office.now = office.now + 250
      office.tick()
      office.storeKey()
      office.publish()
      for drone in drones {
        let released = office.report(drone, holding: office.holdings(of: drone)).releases.first?.1 ?? []
        guard !released.isEmpty else { continue }
        moves.append(released)
        let kept = office.holdings(of: drone).map {
          Holding(token: $0.token, partitions: $0.partitions.subtracting(released))
        }
        office.report(drone, holding: kept)
      }
      office.publish()
      office.load(drones)
    }
    return moves
  }

  @Test("a drone is emptied a few partitions at a time, none of them twice, and nothing else is moved")
  func drain() {
    var office = TestOffice.settled(drones: 3)
    let before = owned(office)
    #expect(office.core.administer(.drain, "d2", now: office.now).isAccepted)
    let moves = pass(&office, rounds: 20, [0, 1, 2])
    #expect(office.served(by: 1).isEmpty && office.served(by: 0).count + office.served(by: 2).count == 512)
    #expect(moves.allSatisfy { $0.count <= CommanderCore.concurrentMoves })
    let moved = moves.flatMap(Array.init)
    #expect(Set(moved).count == moved.count)
    #expect(Set(moved) == Set(before.filter { $0.value == N.drone(1) }.keys))
    #expect(office.core.status(now: office.now).drones[1].state == .drained)
    #expect(pass(&office, rounds: 8, [0, 1, 2]).isEmpty, "it stays empty")
    #expect(office.core.administer(.resume, "d2", now: office.now).isAccepted)
    _ = pass(&office, rounds: 20, [0, 1, 2])
    #expect(office.served(by: 1).count == 170)
  }

  @Test("who is not there cannot be emptied, and the answer says who is")
  func unknown() {
    var office = TestOffice.settled(drones: 2)
    let before = owned(office)
    let reply = office.core.administer(.drain, "d9", now: office.now)
    let sentence = "there is no drone d9; there are: d1, d2"
    #expect(reply == AdministratorReply(isAccepted: false, sentence: sentence))
    #expect(!office.core.administer(.resume, "", now: office.now).isAccepted)
    #expect(pass(&office, rounds: 8, [0, 1]).isEmpty)
    #expect(owned(office) == before)
  }

  @Test("the last drone that could take over is not emptied: there is nowhere to put the slots")
  func impossible() {
    var office = TestOffice.settled(drones: 2)
    #expect(office.core.administer(.drain, "d2", now: office.now).isAccepted)
    let reply = office.core.administer(.drain, "d1", now: office.now)
    #expect(!reply.isAccepted && reply.sentence.contains("no other drone"))
    var alone = TestOffice.settled(drones: 3)
    alone.pass(1000, answering: [0])
    let before = owned(alone)
    #expect(!alone.core.administer(.drain, "d1", now: alone.now).isAccepted)
    #expect(owned(alone) == before)
  }

  @Test("a drone that does not answer is not emptied, and the answer says so at once, and what to do")
  func dead() {
    var office = TestOffice.settled(drones: 3)
    office.pass(1000, answering: [0, 1])
    let reply = office.core.administer(.drain, "d3", now: office.now)
    #expect(!reply.isAccepted && reply.sentence.contains("d3 does not answer"))
    #expect(reply.sentence.contains("keyval node remove keyval-drone/d3"))
    #expect(office.core.status(now: office.now).drones[2].state != .draining)
  }

  @Test("losses are accepted only where slots wait for a copy")
  func nothingToAccept() {
    var office = TestOffice.settled(drones: 2)
    #expect(!office.core.administer(.acceptLoss, "", now: office.now).isAccepted)
  }
}
