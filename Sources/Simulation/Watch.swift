import Authority
import Cluster
import Drone
import Histories

/// Looks at everything that happens and says at once what must never be. It goes by what was done, not by what
/// somebody believes.
final class Watch {
  unowned let world: World
  private var winners: [Term: Winner] = [:]
  /// What each drone has stored that it promises, term by term.
  private var promises: [Term: [Principal: Principal]] = [:]
  private var minted: Set<FencingToken> = []
  /// No commander that can still have a majority counts a lower version of the membership than this.
  private var counted: UInt64 = 0
  private(set) var acknowledgedWrites = 0
  /// Of them those that only memories had when they were acknowledged.
  private(set) var shadowedWrites = 0
  private(set) var elections = 0
  private var acknowledged: [Partition: Set<StoreState.WriteName>] = [:]
  private var values: [[UInt8]: (StoreState.WriteName, Partition)] = [:]
  /// What clients were told of, by key and version.
  private var versions: [[UInt8]: [Version: [UInt8]]] = [:]
  /// Access lists that commanders put in force: their terms, versions, and when.
  private var publications: [(term: Term, version: UInt64, time: Int64)] = []

  init(_ world: World) { self.world = world }

  // MARK: Elections

  /// Step 1 of a certification: in every version of the membership that a commander may count, a majority has
  /// promised that term to its winner. Counted here from the changes as they stand in the register, and from what
  /// the commanders do.
  func claimed(_ record: OfficeRecord) {
    guard case .certifying(let winner, .claimed) = record.state else { return }
    let changes = world.authoritySite.register.membership.changes
    let present = changes.last?.version ?? 0
    let first = elections + claims == 0 ? present : counted
    for version in first...max(first, present) {
      requireMajority(of: drones(at: version, changes), at: version, for: winner.principal, record.term)
    }
    for office in world.drones {
      guard office.isUp, let version = office.countedVersion, let term = office.officeTerm, term < record.term
      else { continue }
      // Who has lost its majority to an earlier election may not know it yet.
      if version >= first {
        requireMajority(of: drones(at: version, changes), at: version, for: winner.principal, record.term)
      }
    }
    claims += 1
    counted = max(counted, present)
  }

  private var claims = 0

  /// A certified commander counts its majority by this version now.
  func counts(_ version: UInt64, in term: Term) {
    if term == world.authoritySite.register.office.term { counted = max(counted, version) }
  }

  /// The drones of a version, without those that are off for good.
  private func drones(at version: UInt64, _ changes: [MembershipChange]) -> Set<Principal> {
    var drones: Set<Principal> = []
    for change in changes where change.principal.role == .drone {
      if change.kind == .removedDead, change.version > version {
        drones.remove(change.principal)
      } else if change.version <= version {
        if change.kind == .added { drones.insert(change.principal) } else { drones.remove(change.principal) }
      }
    }
    return drones
  }

  private func requireMajority(
    of drones: Set<Principal>, at version: UInt64, for winner: Principal, _ term: Term
  ) {
    guard !drones.isEmpty else { return }
    let revoked = world.authoritySite.register.membership.revoked
    let promised = drones.count { promises[term]?[$0] == winner && !revoked.contains($0) }
    let voice = drones.count.isMultiple(of: 2) ? 1 : 0
    if (promised + voice) * 2 <= drones.count + voice {
      world.violated(
        "\(winner.shortName) wins term \(term) with \(promised) of \(drones.count) votes in membership \(version)"
      )
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
    if world.database.store.durable.term() < order.term {
      world.violated("term \(order.term) is certified before the database has stored it")
    }
  }

  func promised(_ promise: VotePromise, after old: VotePromise, by drone: DroneMachine) {
    promises[promise.term, default: [:]][drone.principal] = promise.candidate
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

  /// A client is told that its write is done: it is on the database's disk, or in the memory of everybody on the
  /// list that is on that disk.
  func acknowledged(
    _ write: UInt64, of client: ClientIncarnation, in partition: Partition, isDurable: Bool,
    by drone: DroneMachine
  ) {
    acknowledgedWrites += 1
    let name = StoreState.WriteName(client: client, write: write)
    acknowledged[partition, default: []].insert(name)
    if !world.database.store.durable.has(write, of: client) { shadowedWrites += 1 }
    if let missing = whereMissing(name, in: partition, isDurable: isDurable) {
      return world.violated(
        "\(drone.name) acknowledges write \(write) of partition \(partition), which \(missing)")
    }
    world.custody.acknowledged(name, in: partition)
  }

  /// Who should have a write that somebody is told of, and has not: the database has it on its disk, or everybody
  /// in memory who is on the list on that disk.
  private func whereMissing(_ name: StoreState.WriteName, in partition: Partition, isDurable: Bool) -> String?
  {
    let stored = world.database.store.durable
    if stored.has(name.write, of: name.client) { return nil }
    guard !isDurable, let holders = stored.standing(of: partition)?.inSync.holders, !holders.isEmpty else {
      return "the database does not have"
    }
    for holder in holders {
      // Who has ended since has ended with what he had.
      guard let machine = world.drones.first(where: { $0.principal == holder.principal }), machine.isUp,
        machine.incarnation == holder.incarnation
      else { continue }
      if !machine.loop(of: partition).has(name, in: partition) {
        return "neither the database has nor \(machine.name)"
      }
    }
    return nil
  }

  /// A drone begins to serve, under a lease: nothing is missing that anybody was told of.
  func serves(_ partitions: [Partition], on loop: DataLoop) {
    for partition in partitions where !accepted.contains(partition) {
      let missing = (acknowledged[partition] ?? []).filter { name in
        !loop.has(name, in: partition)
      }
      guard let first = missing.map(\.write).min() else { continue }
      return world.violated(
        "\(loop.drone.name) serves partition \(partition) without write \(first), which was acknowledged")
    }
  }

  // MARK: What reads reveal

  /// A client asks to write this value; no other write has the same.
  func asked(_ value: [UInt8], _ write: UInt64, of client: ClientIncarnation, in partition: Partition) {
    values[value] = (StoreState.WriteName(client: client, write: write), partition)
  }

  /// A client is told of this value.
  func read(_ value: [UInt8], by drone: DroneMachine) {
    guard let (name, partition) = values[value], !accepted.contains(partition),
      let missing = whereMissing(name, in: partition, isDurable: false)
    else { return }
    world.violated(
      "\(drone.name) reveals write \(name.write) of partition \(partition), which \(missing)")
  }

  /// A client is told of this value and its version: no other value has it.
  func read(_ value: [UInt8], _ version: Version, of key: [UInt8]) {
    if let other = versions[key]?[version], other != value {
      world.violated("\(version) is the version of two values of one key")
    }
    versions[key, default: [:]][version] = value
  }

  // MARK: Memory

  /// A drone has no more than its ceiling, what is kept beyond it, and what may come in one go besides.
  func holds(_ bytes: Int, _ drone: DroneMachine) {
    let ceiling = world.knobs.data.memory
    guard bytes > ceiling + ceiling / 4 + Self.inOneGo else { return }
    world.violated("\(drone.name) holds \(bytes) bytes, and is to hold \(ceiling)")
  }

  /// Deletes and their outcomes, a batch for a copy, a piece of what is loaded.
  private static let inOneGo = 60_000

  // MARK: The operator

  /// Partitions of which he has accepted a loss.
  private(set) var accepted = PartitionSet()

  /// He does so only where everybody is gone who could have what was acknowledged.
  func accept(_ partitions: PartitionSet) { accepted.formUnion(partitions) }

  /// How the first partition stands that nobody serves.
  var whyNotServed: String {
    let missing = Partition.all.first { partition in !world.drones.contains { $0.isServing(partition) } }
    return missing.map(standing) ?? ""
  }

  /// How the first partition stands that is not served, or not shadowed by as many as can be.
  var whyNotWhole: String {
    if world.commanders.isEmpty { return "nobody commands" }
    return world.isServed ? world.notShadowed.map(standing) ?? "" : whyNotServed
  }

  func standing(_ partition: Partition) -> String {
    let fence = world.database.store.durable.standing(of: partition)
    let copies = world.drones.filter(\.isUp).compactMap { drone in
      drone.loop(of: partition).copyToken(of: partition).map { "\(drone.name) \($0)" }
    }
    let states = world.drones.filter(\.isUp).map {
      "\($0.name) \($0.loop(of: partition).shadowStates(of: partition))"
    }
    let lives = world.drones.map { "\($0.name) \($0.incarnation)" }
    let serving = world.drones.filter { $0.isServing(partition) }.map(\.name)
    let maps = world.drones.filter(\.isUp).map { drone in
      let map = drone.slotMap
      let owner = map?.owner(of: partition)?.principal.instance
      return "\(drone.name) \(map?.term.number ?? 0).\(map?.version ?? 0) \(owner ?? "nobody")"
    }
    return
      "partition \(partition): \(fence.map { "\($0)" } ?? "never opened"); serving: \(serving); owners by the maps: \(maps); copies: \(copies); \(states); lives: \(lives)"
  }

  func isLost(_ partition: Partition) -> Bool {
    guard let fence = world.database.store.durable.standing(of: partition) else { return false }
    let owner = Holder(principal: fence.holder, incarnation: fence.incarnation)
    return (fence.inSync.holders + [owner]).allSatisfy { holder in
      world.drones.contains { drone in
        guard drone.principal == holder.principal else { return false }
        // What a drone had that was removed is not asked for.
        if drone.isRemoved || drone.isGone { return true }
        guard drone.isUp else { return false }
        // Cut off from the database or the commander for ever, when its owner ended at the same time: as good as lost.
        return drone.lostLives.contains(holder.incarnation)
          || ([world.database] + world.commanders).contains { (other: Machine) in
            world.network.isCut(drone, other) || world.network.isCut(other, drone)
          }
      }
    }
  }
}

extension World {
  /// What an operator does who sees that copies are lost.
  func operate() {
    mendLines()
    let lost = PartitionSet(Partition.all.filter { watch.isLost($0) })
    guard !lost.isEmpty else { return }
    for commander in commanders {
      let accepted = commander.acceptLoss(of: lost)
      guard !accepted.isEmpty else { continue }
      trace("the operator accepts the loss of \(accepted)")
      watch.accept(accepted)
    }
  }
}

extension World {
  /// What he does who reads that no commander can be elected without a drone that the authority does not reach.
  private func mendLines() {
    guard commanders.isEmpty else { return }
    for authority in authorities {
      for drone in drones where drone.isUp && !drone.isRemoved && authority.needs(drone.principal) {
        for (from, to) in [(authority, drone), (drone, authority)] as [(Machine, Machine)]
        where network.isCut(from, to) {
          network.heal(from, to)
          trace("the operator mends the line from \(from.name) to \(to.name)")
        }
      }
    }
  }
}

// MARK: Rights

extension Watch {
  /// What a client asked, and the access list of the loop that let it through.
  struct Permission {
    let call: Operation.Call
    let key: [UInt8]
    let client: String
    let term: Term
    let version: UInt64
  }

  func publishes(_ list: PublishedAccessList, by drone: DroneMachine) {
    publications.append((list.term, list.version, world.time))
  }

  /// A client is told that a write of it was executed.
  func executed(_ permission: Permission, by drone: DroneMachine) {
    guard
      world.access.permits(
        permission.call, on: permission.key, to: permission.client, version: permission.version)
    else {
      return world.violated(
        "\(drone.name) executes a \(permission.call.text) of ‘\(String(decoding: permission.key, as: UTF8.self))’ "
          + "for \(permission.client), which access list \(permission.version) does not permit")
    }
  }

  /// A client is told what is, or is not, under a key: by a list that permits it, and that no commander replaced
  /// longer ago than a lease (by the drone's clock).
  func revealed(_ permission: Permission, by drone: DroneMachine) {
    executed(permission, by: drone)
    let limit = world.time - (world.timing.lease + 2 * world.timing.drift) * 1_000
    let old = publications.filter { $0.time <= limit }
    guard let term = old.map(\.term).max(), permission.term <= term,
      let version = old.filter({ $0.term == term }).map(\.version).max(), permission.version < version
    else { return }
    world.violated(
      "\(drone.name) answers a read by access list \(permission.version) of term \(permission.term), more than "
        + "a lease after the commander of term \(term) has replaced it by \(version)")
  }
}

extension DroneMachine {
  func isServing(_ partition: Partition) -> Bool {
    guard isUp, let end = loop(of: partition).leaseEnd(of: partition) else {
      return false
    }
    return end > now
  }
}
