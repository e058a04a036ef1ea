import Cluster
import Drone

/// Where acknowledged writes are at each step (invariant 3), and not only when somebody reads them: in the database, or
/// in the memory of every living copy that may be promoted, of which its list then names at least one. Where a list
/// names nobody the database may be loaded, so that nothing may be missing there.
final class Custody {
  private unowned let world: World
  /// Acknowledged, and not on the database's disk yet: of most partitions nothing, most of the time.
  private var unstored: [Partition: Set<StoreState.WriteName>] = [:]

  init(_ world: World) { self.world = world }

  /// A client is told that it is done.
  func acknowledged(_ name: StoreState.WriteName, in partition: Partition) {
    guard !world.database.store.durable.has(name.write, of: name.client) else { return }
    unstored[partition, default: []].insert(name)
  }

  /// The database has synced something.
  func synced() {
    let stored = world.database.store.durable
    for partition in unstored.keys.sorted() {
      let rest = unstored[partition, default: []].filter { !stored.has($0.write, of: $0.client) }
      unstored[partition] = rest.isEmpty ? nil : rest
    }
    lookAtAll()
  }

  func lookAtAll() { look { _ in true } }

  /// A drone's data loop of this number has done something.
  func look(loop: Int, of placement: LoopPlacement) { look { placement.loop(of: $0) == loop } }

  private func look(where isMeant: (Partition) -> Bool) {
    guard !unstored.isEmpty else { return }
    for partition in unstored.keys.sorted() where isMeant(partition) { look(at: partition) }
  }

  /// A request on one of its keys was executed.
  func look(at partition: Partition) {
    guard !world.isOver, let names = unstored[partition], !world.watch.accepted.contains(partition),
      let sentence = missing(names, of: partition)
    else { return }
    world.violated(sentence)
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
      let loop = machine.loop(of: partition)
      var first: UInt64?
      for name in names where !loop.has(name, in: partition) { first = min(first ?? .max, name.write) }
      guard let first else { continue }
      return "write \(first) of partition \(partition) was acknowledged and is not stored, and "
        + "\(machine.name), which is on the list, does not have it"
    }
    return nil
  }
}
