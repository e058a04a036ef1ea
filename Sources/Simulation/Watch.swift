import Authority
import Cluster
import Drone

/// Looks at everything that happens and says at once what must never be. It goes by what was done, not by what
/// somebody believes.
final class Watch {
  private unowned let world: World
  private var winners: [Term: Winner] = [:]
  private var minted: Set<FencingToken> = []
  private(set) var acknowledgedWrites = 0
  private(set) var elections = 0

  init(_ world: World) { self.world = world }

  // MARK: Elections

  /// Step 1 of a certification: a majority of the registered drones has promised that term to its winner, the
  /// authority counting as one more when their number is even.
  func claimed(_ record: OfficeRecord, by authority: AuthorityMachine) {
    guard case .certifying(let winner, .claimed) = record.state else { return }
    // A drone that was registered between the ballot and this claim had no vote to give.
    guard let voters = authority.voters[record.term] else {
      return world.violated("term \(record.term) is claimed without a ballot")
    }
    let promised = world.drones.count { drone in
      drone.promise.term == record.term && drone.promise.candidate == winner.principal
    }
    let voice = voters.isMultiple(of: 2) ? 1 : 0
    // A drone may have promised a higher term since; then its vote in this one is not known any more.
    let passed = world.drones.count { $0.promise.term > record.term }
    if (promised + passed + voice) * 2 <= voters + voice {
      world.violated(
        "\(winner.principal.shortName) wins term \(record.term) with \(promised) of \(voters) votes")
    }
  }

  /// A certificate is made.
  func certified(_ order: CertificateOrder) {
    if let winner = winners[order.term] {
      if winner != order.winner {
        world.violated(
          "term \(order.term) is certified for \(winner.principal.shortName) and \(order.winner.principal.shortName)"
        )
      }
      return
    }
    winners[order.term] = order.winner
    elections += 1
    if world.database.store.durable.term < order.term {
      world.violated("term \(order.term) is certified before the database has stored it")
    }
  }

  func promised(_ promise: VotePromise, after old: VotePromise, by drone: DroneMachine) {
    if promise.term < old.term || promise.term == old.term && promise.candidate != old.candidate {
      world.violated("\(drone.name) promises \(promise.term) after \(old.term)")
    }
  }

  func minted(_ token: FencingToken, by drone: DroneMachine) {
    if !minted.insert(token).inserted {
      world.violated("\(drone.name) mints \(token), which was minted before")
    }
  }

  // MARK: Data

  /// Another drone that has the partition loaded under a lease that is not over by its own clock.
  func otherServing(_ partition: Partition, than drone: DroneMachine) -> DroneMachine? {
    world.drones.first { $0 !== drone && $0.isServing(partition) }
  }

  /// A client is told that its write is done.
  func acknowledged(_ write: UInt64, of client: ClientIncarnation, by drone: DroneMachine) {
    acknowledgedWrites += 1
    if !world.database.store.durable.has(write, of: client) {
      world.violated("\(drone.name) acknowledges write \(write), which the database does not have")
    }
  }
}

extension DroneMachine {
  func isServing(_ partition: Partition) -> Bool {
    guard isUp, let end = loops[DataLoop.loop(of: partition)].core.leaseEnd(of: partition) else {
      return false
    }
    return end > now
  }
}
