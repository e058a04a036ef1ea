import Cluster

/// Whose is what: accounting for reports, expiry of leases, assignment, moves and grants.
extension CommanderCore {
  /// Compares what a drone reports with the book.
  mutating func account(_ holdings: [Holding], of holder: Holder, now: Instant) -> [CommanderAction] {
    var release = PartitionSet()
    var reported = PartitionSet()
    for holding in holdings {
      for partition in holding.partitions {
        reported.insert(partition)
        if !accept(partition, holding.token, holder, now) { release.insert(partition) }
      }
    }
    for partition in Partition.all where !reported.contains(partition) {
      switch partitions[partition.index].state {
      case .serving(holder):
        // It had it and has it no more: a fence, or an error on its side. It may be given again at once.
        partitions[partition.index].state = .free
        partitions[partition.index].leasedUntil = now
      case .moving(holder, let target):
        partitions[partition.index].state = .assigned(target)
        partitions[partition.index].leasedUntil = now
        map.isStale = true
      default: break
      }
    }
    guard !release.isEmpty else { return [] }
    return [.send(.release(Release(term: identity.term, partitions: release)), to: holder.principal)]
  }

  /// Whether the holder may keep what it reports.
  private mutating func accept(
    _ partition: Partition, _ token: FencingToken, _ holder: Holder, _ now: Instant
  ) -> Bool {
    // No drone can have a token that was never minted, and believing one would shut out those that were.
    guard token <= FencingToken(term: identity.term, counter: grantCounter) else { return false }
    var record = partitions[partition.index]
    defer { partitions[partition.index] = record }
    switch record.state {
    case .serving(holder): return true
    case .moving(holder, _): return false
    case .granted(holder):
      // Loaded under one of the grants it was given; what it had before that may be behind the database.
      guard token >= record.firstToken, token <= record.token else { return false }
      record.state = .serving(holder)
      return true
    case .unaccounted, .free:
      // Nobody else has been granted it since: its fence still stands (`Holdings.dropLapsed`).
      guard token >= record.token, record.state == .free || record.token == .none || now > record.leasedUntil
      else { return false }
      record.token = token
      record.state = .serving(holder)
      map.isStale = true
      return true
    case .serving, .moving:
      // Two hold it by their word; the higher token is the one that the database obeys.
      // Neither goes on: the partition is granted anew once every lease that there may be has run out.
      guard token > record.token else { return false }
      record.token = token
      record.state = .unaccounted
      record.leasedUntil = max(record.leasedUntil, now + timing.lease + timing.drift)
      return false
    case .assigned, .granted: return false
    }
  }

  /// Frees what silent drones held once their leases are over by this commander's count.
  mutating func expire(_ now: Instant) -> [CommanderAction] {
    var actions: [CommanderAction] = []
    for index in members.indices where !members[index].isAlive(now, timing) {
      if members[index].lastAnswered != nil, !members[index].isSilent {
        members[index].isSilent = true
        actions.append(.note(.droneSilent(members[index].principal)))
      }
    }
    var dead: [Principal: PartitionSet] = [:]
    let loaders = loaders(now)
    func canLoad(_ drone: Principal, _ partition: Partition) -> Bool {
      loaders.contains { $0.principal == drone && $0.lively.contains(partition) }
    }
    for partition in Partition.all where isLeaseOver(partition, now) {
      let record = partitions[partition.index]
      switch record.state {
      case .unaccounted where hasWaited(now):
        partitions[partition.index].state = .free
      case .assigned(let principal) where !canLoad(principal, partition):
        partitions[partition.index].state = .free
      case .granted(let holder) where !isCurrent(holder, now) || !canLoad(holder.principal, partition):
        partitions[partition.index].state = .free
      case .serving(let holder) where !isCurrent(holder, now) || !isLively(holder.principal, partition):
        // Not renewed since its lease: the drone is silent, or its data loop is.
        partitions[partition.index].state = .free
        dead[holder.principal, default: []].insert(partition)
      case .moving(_, let target):
        // The release was never confirmed, but the lease that was not renewed is over.
        partitions[partition.index].state = .assigned(target)
        map.isStale = true
      default: break
      }
    }
    return actions + dead.keys.sorted().map { .note(.droneDead($0, partitions: dead[$0] ?? [])) }
  }

  /// Who can be given partitions: the drones that live and reach a database, or all that live if none does.
  private func loaders(_ now: Instant) -> [Member] {
    let fit = members.filter { $0.isFit(now, timing) }
    return fit.isEmpty ? members.filter { $0.isAlive(now, timing) } : fit
  }

  private func isLively(_ principal: Principal, _ partition: Partition) -> Bool {
    members.contains { $0.principal == principal && $0.lively.contains(partition) }
  }

  /// Alive, and still in the life in which it was granted.
  private func isCurrent(_ holder: Holder, _ now: Instant) -> Bool {
    members.contains {
      $0.principal == holder.principal && $0.incarnation == holder.incarnation && $0.isAlive(now, timing)
    }
  }

  /// Places free partitions; when there are none, evens out.
  /// - Parameter isRound: evening out can wait for the next heartbeat, and not be thought about in each tick.
  mutating func assign(_ now: Instant, isRound: Bool) -> [CommanderAction] {
    guard isRound || partitions.contains(where: \.isFree), grantingDatabase != nil, isSettled(now) else {
      return []
    }
    let loaders = loaders(now)
    var loads: [Principal: Int] = [:]
    for member in loaders { loads[member.principal] = 0 }
    var free = PartitionSet()
    for partition in Partition.all {
      let record = partitions[partition.index]
      if record.isFree { free.insert(partition) }
      if let target = record.target, loads[target] != nil { loads[target, default: 0] += 1 }
    }
    guard free.isEmpty else {
      let placed = Assignment.place(free, loads: loads, silent: silent(loaders))
      for (partition, drone) in placed { partitions[partition.index].state = .assigned(drone) }
      if !placed.isEmpty { map.isStale = true }
      return []
    }
    return rebalance(loaders)
  }

  /// Placing waits until every registered drone has reported, or has had the time to: at first, and after a time
  /// without a majority (this process was stopped, say), when what all drones have on them looks free.
  private func isSettled(_ now: Instant) -> Bool {
    majoritySince.map { now - $0 > timing.suspicion } ?? false
      || members.allSatisfy { $0.isAlive(now, timing) }
  }

  /// For each drone the partitions whose data loop is not alive.
  private func silent(_ drones: [Member]) -> [(drone: Principal, partitions: PartitionSet)] {
    drones.map { (drone: $0.principal, partitions: PartitionSet.all.subtracting($0.lively)) }
  }

  private mutating func rebalance(_ drones: [Member]) -> [CommanderAction] {
    var owned: [Principal: PartitionSet] = [:]
    var moving = 0
    for drone in drones { owned[drone.principal] = [] }
    for partition in Partition.all {
      let record = partitions[partition.index]
      guard case .serving(let holder) = record.state else {
        // While anything is on its way, its place is counted but it is not moved again.
        moving += 1
        continue
      }
      if owned[holder.principal] != nil { owned[holder.principal]?.insert(partition) }
    }
    guard moving < Self.concurrentMoves else { return [] }
    let onTheWay = incoming()
    let entries = drones.map { (drone: $0.principal, partitions: owned[$0.principal] ?? []) }
    let moves = Assignment.balance(
      owned: entries, incoming: onTheWay, silent: silent(drones), limit: Self.concurrentMoves - moving)
    var released: [Principal: PartitionSet] = [:]
    for move in moves {
      guard case .serving(let holder) = partitions[move.partition.index].state else { continue }
      partitions[move.partition.index].state = .moving(holder, to: move.to)
      released[move.from, default: []].insert(move.partition)
    }
    return released.keys.sorted().flatMap { principal -> [CommanderAction] in
      let set = released[principal] ?? []
      return [
        .note(.moving(set, from: principal)),
        .send(.release(Release(term: identity.term, partitions: set)), to: principal),
      ]
    }
  }

  /// How many partitions each drone will have besides those it serves.
  private func incoming() -> [Principal: Int] {
    var counts: [Principal: Int] = [:]
    for record in partitions {
      if case .serving = record.state { continue }
      if let target = record.target { counts[target, default: 0] += 1 }
    }
    return counts
  }

  private func nextToken() -> FencingToken {
    #if KEYVAL_MUTATIONS
      if mutations.contains(.mintWithoutTerm) { return FencingToken(term: Term(1), counter: grantCounter) }
    #endif
    return FencingToken(term: identity.term, counter: grantCounter)
  }

  /// By this commander's count.
  private func isLeaseOver(_ partition: Partition, _ now: Instant) -> Bool {
    #if KEYVAL_MUTATIONS
      if mutations.contains(.ignoreLeaseOfSilent) { return true }
    #endif
    return now > partitions[partition.index].leasedUntil
  }

  /// For the leases that an earlier commander gave.
  private func hasWaited(_ now: Instant) -> Bool {
    #if KEYVAL_MUTATIONS
      if mutations.contains(.skipLeaseWait) { return true }
    #endif
    return now > accountedAt
  }

  /// Mints one grant for all that the drone asks for and the book gives it.
  mutating func grant(_ request: GrantRequest, to peer: Principal, now: Instant) -> [CommanderAction] {
    guard hasMajority(now), let database = grantingDatabase?.node,
      members.contains(where: { $0.principal == peer && $0.incarnation == request.incarnation })
    else { return [] }
    let holder = Holder(principal: peer, incarnation: request.incarnation)
    let due = PartitionSet(
      request.partitions.filter { partition in
        switch partitions[partition.index].state {
        case .assigned(peer), .granted(holder): true
        default: false
        }
      })
    guard !due.isEmpty else { return [] }
    grantCounter += 1
    let token = nextToken()
    for partition in due {
      if partitions[partition.index].state != .granted(holder) {
        partitions[partition.index].state = .granted(holder)
        partitions[partition.index].firstToken = token
      }
      partitions[partition.index].token = token
    }
    let grant = Grant(partitions: due, incarnation: request.incarnation, token: token)
    return [.note(.granted(due, token, to: peer)), .mint(grant, to: peer, database: database)]
  }
}

extension PartitionRecord {
  var isFree: Bool { if case .free = state { true } else { false } }

  /// Who has it or will have it.
  var target: Principal? {
    if case .moving(_, let target) = state { target } else { owner }
  }
}
