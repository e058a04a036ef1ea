import Cluster

/// Spreads partitions evenly over drones, moving as few as it must. Pure, and the same on every machine: it
/// goes by the order of principals and partitions only.
enum Assignment {
  /// Gives each free partition to the drone that has the fewest, of those whose data loop for it is alive.
  /// - Parameter silent: for each drone the partitions whose data loop is not.
  static func place(
    _ free: PartitionSet, loads: [Principal: Int], silent: [(drone: Principal, partitions: PartitionSet)] = []
  ) -> [(partition: Partition, drone: Principal)] {
    let silent = silent.filter { !$0.partitions.isEmpty }
    var loads = loads
    var placed: [(Partition, Principal)] = []
    for partition in free {
      let excluded = silent.filter { $0.partitions.contains(partition) }.map(\.drone)
      let able = excluded.isEmpty ? loads : loads.filter { !excluded.contains($0.key) }
      guard let drone = leastLoaded(able) else { continue }
      placed.append((partition, drone))
      loads[drone, default: 0] += 1
    }
    return placed
  }

  /// Moves that even the loads out: from drones above the fair share to drones below it, at most `limit`.
  /// `incoming` counts what is on its way to a drone already.
  /// Adding the n-th drone moves about a n-th of the partitions, none of them twice.
  static func balance(
    owned: [(drone: Principal, partitions: PartitionSet)], incoming: [Principal: Int] = [:],
    silent: [(drone: Principal, partitions: PartitionSet)] = [], limit: Int
  ) -> [(partition: Partition, from: Principal, to: Principal)] {
    var loads: [Principal: Int] = [:]
    var rest: [Principal: [Partition]] = [:]
    for entry in owned {
      loads[entry.drone] = entry.partitions.count + incoming[entry.drone, default: 0]
      rest[entry.drone] = Array(entry.partitions)
    }
    var moves: [(Partition, Principal, Principal)] = []
    while moves.count < limit, let to = leastLoaded(loads), let from = mostLoaded(loads) {
      guard let low = loads[to], let high = loads[from], high - low > 1,
        let position = rest[from]?.lastIndex(where: { partition in
          !silent.contains { $0.drone == to && $0.partitions.contains(partition) }
        }), let partition = rest[from]?.remove(at: position)
      else { break }
      moves.append((partition, from, to))
      loads[from] = high - 1
      loads[to] = low + 1
    }
    return moves
  }

  private static func leastLoaded(_ loads: [Principal: Int]) -> Principal? {
    loads.min { ($0.value, $0.key) < ($1.value, $1.key) }?.key
  }

  private static func mostLoaded(_ loads: [Principal: Int]) -> Principal? {
    loads.min { (-$0.value, $0.key) < (-$1.value, $1.key) }?.key
  }
}
