import Cluster
import Testing

@testable import Commander

@Suite("Spreading partitions") struct AssignmentTests {
  private let drones = (0..<4).map(HarnessNames.drone)

  private func counts(_ placed: [(partition: Partition, drone: Principal)]) -> [Int] {
    drones.map { drone in placed.count { $0.drone == drone } }
  }

  @Test("free partitions fill up whoever has the fewest")
  func place() {
    let loads = [drones[0]: 0, drones[1]: 100, drones[2]: 0, drones[3]: 300]
    let placed = Assignment.place(.all, loads: loads)
    #expect(counts(placed) == [204, 104, 204, 0])
    #expect(placed.map(\.partition) == Partition.all)
    #expect(Assignment.place(.all, loads: [:]).isEmpty)
  }

  @Test("a drone gets nothing that its data loop cannot run; what nobody can run waits")
  func silent() {
    let half = PartitionSet(Partition.all.prefix(256))
    let loads = [drones[0]: 0, drones[1]: 0]
    let placed = Assignment.place(.all, loads: loads, silent: [(drones[0], half)])
    #expect(counts(placed) == [256, 256, 0, 0])
    #expect(placed.allSatisfy { $0.drone == drones[1] || !half.contains($0.partition) })
    #expect(Assignment.place(half, loads: [drones[0]: 0], silent: [(drones[0], half)]).isEmpty)
  }

  @Test("evening out moves no more than it must, and no partition twice")
  func balance() {
    let all = Partition.all
    let owned: [(drone: Principal, partitions: PartitionSet)] = [
      (drones[0], PartitionSet(all[0..<256])),
      (drones[1], PartitionSet(all[256..<512])), (drones[2], []),
    ]
    let moves = Assignment.balance(owned: owned, limit: 1000)
    #expect(moves.count == 170 && Set(moves.map(\.partition)).count == 170)
    #expect(moves.allSatisfy { $0.to == drones[2] })
    #expect(moves.count { $0.from == drones[0] } == 85)
    #expect(Assignment.balance(owned: owned, limit: 16).count == 16)
    // What is on its way to a drone counts as its own.
    #expect(Assignment.balance(owned: owned, incoming: [drones[2]: 255], limit: 1000).isEmpty)
    #expect(Assignment.balance(owned: Array(owned.prefix(2)), limit: 1000).isEmpty)
  }

  @Test("nothing is moved to a data loop that is silent")
  func balanceSilent() {
    let owned: [(drone: Principal, partitions: PartitionSet)] = [
      (drones[0], PartitionSet.all), (drones[1], []),
    ]
    let silent = PartitionSet(Partition.all.suffix(400))
    let moves = Assignment.balance(owned: owned, silent: [(drones[1], silent)], limit: 1000)
    #expect(moves.count == 112)
    #expect(moves.allSatisfy { !silent.contains($0.partition) })
  }
}
