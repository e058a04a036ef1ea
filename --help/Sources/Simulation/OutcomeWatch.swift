import Cluster

/// Whether one who lies makes outcomes of others unknown. Whoever has no more writes in a partition than his share of what
/// is remembered of it is told of each what it came to, whatever others ask there.
final class OutcomeWatch {
  private unowned let world: World
  /// By principal.
  private var asked: [Partition: [UInt64: Set<StoreState.WriteName>]] = [:]

  init(_ world: World) { self.world = world }

  /// A client that does not lie asks for a write.
  func asked(_ write: UInt64, of client: ClientIncarnation, in partition: Partition) {
    guard world.lyingClient != nil else { return }
    let name = StoreState.WriteName(client: client, write: write)
    asked[partition, default: [:]][client.principalMark, default: []].insert(name)
  }

  /// And is told that nobody knows any more.
  func unknown(_ write: UInt64, of client: ClientIncarnation, in partition: Partition, by drone: DroneMachine)
  {
    guard world.lyingClient != nil, let count = asked[partition]?[client.principalMark]?.count else { return }
    let principals = world.clients.count + 1
    let bounds = world.knobs.data.history
    // With so many principals, or so little room, it would be said of everybody.
    guard principals <= bounds.outcomes + 2 * bounds.clients, count * principals <= bounds.outcomes else {
      return
    }
    world.violated(
      "\(drone.name) does not know write \(write) of partition \(partition) any more, whose client has asked for "
        + "\(count) there, of \(bounds.outcomes) that are remembered for \(principals) clients")
  }
}
