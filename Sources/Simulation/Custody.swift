import Cluster

/// Where acknowledged writes are at each step (invariant 3), and not only when somebody reads them: in the database, or
/// in the memory of every living copy that may be promoted, of which its list then names at least one. Where a list
/// names nobody the database may be loaded, so that nothing may be missing there.
final class Custody {
  private unowned let world: World
  /// Acknowledged, and not on the database's disk yet.
  private var unstored: [[Partition: Set<StoreState.WriteName>]]
  /// By how much there is to look at, most of the time nothing.
  private var counts: [Int]

  init(_ world: World) {
    self.world = world
    unstored = [[Partition: Set<StoreState.WriteName>]](repeating: [:], count: DroneMachine.loopCount)
    counts = [Int](repeating: 0, count: DroneMachine.loopCount)
  }

  /// A client is told that it is done.
  func acknowledged(_ name: StoreState.WriteName, in partition: Partition) {
    guard !world.database.store.durable.has(name.write, of: name.client) else { return }
    let loop = DataLoop.loop(of: partition)
    if unstored[loop][partition, default: []].insert(name).inserted { counts[loop] += 1 }
  }

  /// The database has synced something.
  func synced() {
    let stored = world.database.store.durable
    for loop in unstored.indices where counts[loop] > 0 {
      for partition in unstored[loop].keys.sorted() {
        let before = unstored[loop][partition, default: []]
        let rest = before.filter { !stored.has($0.write, of: $0.client) }
        counts[loop] -= before.count - rest.count
        unstored[loop][partition] = rest.isEmpty ? nil : rest
      }
    }
    lookAtAll()
  }

  func lookAtAll() { for loop in unstored.indices { look(loop: loop) } }

  /// A data loop of this number has done something, on one of the drones.
  func look(loop: Int) {
    guard counts[loop] > 0, !world.isOver else { return }
    for partition in unstored[loop].keys.sorted() {
      guard let names = unstored[loop][partition], !world.watch.accepted.contains(partition),
        let sentence = missing(names, of: partition)
      else { continue }
      return world.violated(sentence)
    }
  }

  private func missing(_ names: Set<StoreState.WriteName>, of partition: Partition) -> String? {
    let holders = world.database.store.durable.standing(of: partition)?.inSync.holders ?? []
    guard !holders.isEmpty else {
      let first = names.map(\.write).min() ?? 0
      return
        "write \(first) of partition \(partition) was acknowledged, is not stored, and nobody is on the list: "
        + "the database may be loaded without it"
    }
    for holder in holders {
      // Who has ended since has ended with what he had.
      guard
        let machine = world.drones.first(where: { $0.principal == holder.principal && $0.isUp }),
        machine.incarnation == holder.incarnation
      else { continue }
      let loop = machine.loops[DataLoop.loop(of: partition)]
      var first: UInt64?
      for name in names where !loop.has(name, in: partition) { first = min(first ?? .max, name.write) }
      guard let first else { continue }
      return "write \(first) of partition \(partition) was acknowledged and is not stored, and "
        + "\(machine.name), which is on the list, does not have it"
    }
    return nil
  }
}
