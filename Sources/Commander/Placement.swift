import Cluster

/// Who gets what: placing what is free, finding shadows, and moving partitions to where they belong.
extension CommanderCore {
  /// Who can be given partitions: the drones that live and reach a database, or all that live if none does. Not
  /// those that are being emptied, unless there is nobody else.
  func loaders(_ now: Instant) -> [Member] {
    let alive = members.filter { $0.isAlive(now, timing) && !$0.isEnding }
    let staying = alive.filter(\.isStaying)
    let able = staying.isEmpty ? alive : staying
    let fit = able.filter { $0.isFit(now, timing) }
    return fit.isEmpty ? able : fit
  }

  /// Places free partitions; when there are none, evens out.
  /// - Parameter isRound: evening out can wait for the next heartbeat, and not be thought about in each tick.
  mutating func assign(_ now: Instant, isRound: Bool) -> [CommanderAction] {
    guard isRound || partitions.contains(where: \.isFree), grantingDatabase != nil, knowsFences,
      isSettled(now)
    else {
      return []
    }
    let loaders = loaders(now)
    if !place(loaders, now), isRound {
      assignShadows(now)
      planMoves(loaders)
    }
    return []
  }

  /// - Returns: whether anything was free.
  private mutating func place(_ loaders: [Member], _ now: Instant) -> Bool {
    var loads: [Principal: Int] = [:]
    for member in loaders { loads[member.principal] = 0 }
    var free = PartitionSet()
    for partition in Partition.all {
      let record = partitions[partition.index]
      if record.isFree { free.insert(partition) }
      if let target = record.target, loads[target] != nil { loads[target, default: 0] += 1 }
    }
    guard !free.isEmpty else { return false }
    var empty = PartitionSet()
    for partition in free {
      partitions[partition.index].move = nil
      if !partitions[partition.index].wasGivenBack, let drone = holderOfCopy(partition, loads, now) {
        partitions[partition.index].state = .assigned(drone, .promote)
        loads[drone, default: 0] += 1
        map.isStale = true
      } else if partitions[partition.index].mayBeLoaded(now) {
        empty.insert(partition)
      }
    }
    let roomy = roomy(loaders, now)
    for member in loaders where !roomy.contains(where: { $0.principal == member.principal }) {
      loads[member.principal] = nil
    }
    // Where nobody has room they wait until somebody has.
    guard !roomy.isEmpty else { return false }
    for (partition, drone) in Assignment.place(empty, loads: loads, silent: silent(roomy)) {
      let isAccepted = partitions[partition.index].isLossAccepted
      partitions[partition.index].state = .assigned(drone, isAccepted ? .acceptLoss : .load)
      map.isStale = true
    }
    return true
  }

  /// Those that have room to load something, by their own word; or, if none has, those that have not just said that they
  /// have not even the room that is kept for it.
  private func roomy(_ loaders: [Member], _ now: Instant) -> [Member] {
    let able = loaders.filter { member in member.noRoomUntil.map { $0 <= now } ?? true }
    let roomy = able.filter { !$0.memory.isFull }
    return roomy.isEmpty ? able : roomy
  }

  /// Whoever lives and has the newest copy; of several one that has it in memory, for what is in a journal only serves
  /// later; then one that stays and reaches the database, and has least to do. One that ends takes nothing but what only it may have, and hands that over too before it ends.
  private func holderOfCopy(_ partition: Partition, _ loads: [Principal: Int], _ now: Instant) -> Principal? {
    let candidates = members.compactMap { member -> (member: Member, token: FencingToken)? in
      // Who cannot reach the database cannot be promoted. Should no other copy turn up, an operator is told.
      guard member.isFit(now, timing), member.lively.contains(partition) else { return nil }
      let record = partitions[partition.index]
      guard let token = member.copy(of: partition), token <= record.token,
        isBelieved(member.principal, record), !record.refusedCopies.contains(member.principal)
      else { return nil }
      return (member, token)
    }
    return candidates.max { left, right in
      func rank(_ candidate: (member: Member, token: FencingToken)) -> (FencingToken, Int, Int, Int) {
        let member = candidate.member
        let reaches = (member.isEnding ? 0 : 2) + (member.reachesDatabase ? 1 : 0)
        // Of two journals the one that the database is likely to believe.
        let isStored = partitions[partition.index].storedHolders.contains(member.principal)
        let place = member.journaled.contains(partition) ? (isStored ? 1 : 0) : 2
        return (candidate.token, place, reaches, -loads[member.principal, default: 0])
      }
      let (one, other) = (rank(left), rank(right))
      return one == other ? left.member.principal > right.member.principal : one < other
    }?.member.principal
  }

  private func isBelieved(_ drone: Principal, _ record: PartitionRecord) -> Bool {
    record.copyHolders.contains(drone)
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

  // MARK: Shadows

  /// Gives every partition that is served its shadows: those that it has, while they live, and others where some
  /// are missing. Spread so that each drone shadows about as much, and what a drone owns is shadowed by all others.
  private mutating func assignShadows(_ now: Instant) {
    let able = members.filter { canShadow($0, now) }
    var loads: [Principal: Int] = [:]
    for record in partitions { for shadow in record.shadows { loads[shadow, default: 0] += 1 } }
    for partition in Partition.all {
      guard case .serving(let holder) = partitions[partition.index].state else { continue }
      let old = partitions[partition.index].shadows
      var shadows = old.filter { shadow in
        shadow != holder.principal && able.contains { $0.principal == shadow }
      }
      shadows = Array(shadows.prefix(shadowCount))
      while shadows.count < shadowCount {
        let candidates = able.indices.filter { index in
          able[index].principal != holder.principal && !shadows.contains(able[index].principal)
        }
        // Those that have as much to do take turns.
        guard
          let best = candidates.min(by: { left, right in
            let (one, other) = (able[left].principal, able[right].principal)
            let turn = { (index: Int) in (index + partition.index) % able.count }
            let full = { (index: Int) in able[index].memory.isFull ? 1 : 0 }
            return (full(left), loads[one, default: 0], turn(left))
              < (full(right), loads[other, default: 0], turn(right))
          })
        else { break }
        shadows.append(able[best].principal)
        loads[able[best].principal, default: 0] += 1
      }
      guard shadows != old else { continue }
      partitions[partition.index].shadows = shadows
      partitions[partition.index].copyHolders.formUnion(shadows)
      map.isStale = true
    }
  }

  /// A shadow that is silent for a moment stays one: to begin anew elsewhere costs more. One that does not reach
  /// the database while others do could not be promoted when its turn comes.
  private func canShadow(_ member: Member, _ now: Instant) -> Bool {
    guard member.incarnation != nil, member.isStaying else { return false }
    if !member.reachesDatabase, member.reachedDatabase.map({ now - $0 > timing.lease }) ?? false,
      members.contains(where: { $0.isAlive(now, timing) && $0.reachesDatabase })
    {
      return false
    }
    return member.isAlive(now, timing) || member.silentSince.map { now - $0 <= timing.lease } ?? false
  }

  // MARK: Moves

  /// Begins moves that empty drones and even out, a few at a time: each target becomes a shadow first.
  private mutating func planMoves(_ loaders: [Member]) {
    var owned: [Principal: PartitionSet] = [:]
    var incoming: [Principal: Int] = [:]
    var underWay = 0
    for drone in loaders { owned[drone.principal] = [] }
    for partition in Partition.all {
      let record = partitions[partition.index]
      // A drone without room makes no copy, and everything else would wait for this one.
      if let move = record.move, !loaders.contains(where: { $0.principal == move.to && !$0.memory.isFull }) {
        partitions[partition.index].move = nil
        map.isStale = true
      }
      guard case .serving(let holder) = record.state, partitions[partition.index].move == nil else {
        // While anything is on its way, its place is counted but it is not moved again.
        if record.target != nil { underWay += 1 }
        if let target = record.target { incoming[target, default: 0] += 1 }
        continue
      }
      owned[holder.principal, default: []].insert(partition)
    }
    var room = maximumMoves - underWay
    guard room > 0 else { return }
    room -= empty(loaders, &owned, &incoming, room)
    guard room > 0, owned.keys.allSatisfy({ principal in loaders.contains { $0.principal == principal } })
    else {
      return
    }
    let entries = loaders.map { (drone: $0.principal, partitions: owned[$0.principal] ?? []) }
    for move in Assignment.balance(owned: entries, incoming: incoming, silent: silent(loaders), limit: room)
    where !isFull(move.to) {
      begin(move.partition, to: move.to)
    }
  }

  /// Moves what drones still own that are being emptied, or have lost the database.
  private mutating func empty(
    _ loaders: [Member], _ owned: inout [Principal: PartitionSet], _ incoming: inout [Principal: Int],
    _ room: Int
  ) -> Int {
    guard loaders.contains(where: { !$0.isDraining }) else { return 0 }
    var begun = 0
    for member in members where member.isDraining || isUnfit(member, loaders) {
      for partition in owned[member.principal] ?? [] {
        guard begun < room else { return begun }
        let loads = loaders.map { drone in
          (
            drone: drone.principal,
            load: (owned[drone.principal]?.count ?? 0) + incoming[drone.principal, default: 0]
          )
        }
        guard
          let target = loads.filter({ !isFull($0.drone) }).min(by: {
            ($0.load, $0.drone) < ($1.load, $1.drone)
          })
        else { return begun }
        begin(partition, to: target.drone)
        owned[member.principal]?.remove(partition)
        incoming[target.drone, default: 0] += 1
        begun += 1
      }
      if owned[member.principal]?.isEmpty == true { owned[member.principal] = nil }
    }
    return begun
  }

  private func isFull(_ drone: Principal) -> Bool {
    members.contains { $0.principal == drone && $0.memory.isFull }
  }

  /// Lives, and does not reach the database while others do: what it has is safer with them.
  private func isUnfit(_ member: Member, _ loaders: [Member]) -> Bool {
    !member.reachesDatabase && loaders.contains { $0.reachesDatabase }
      && !loaders.contains { $0.principal == member.principal }
  }

  private mutating func begin(_ partition: Partition, to drone: Principal) {
    // The next map names it.
    partitions[partition.index].move = PartitionRecord.Move(to: drone, version: map.lastVersion + 1)
    partitions[partition.index].copyHolders.insert(drone)
    map.isStale = true
  }

  /// Asks the owner for what its next owner has in sync, as both of them say: a target that has not reported its
  /// copy yet would be passed over once the partition is free.
  mutating func finishMoves(_ report: Report, of holder: Holder) -> [CommanderAction] {
    guard report.mapTerm == identity.term else { return [] }
    var released = PartitionSet()
    for partition in report.shadowed {
      let record = partitions[partition.index]
      guard record.state == .serving(holder), let move = record.move, move.to != holder.principal,
        report.mapVersion >= move.version,
        members.contains(where: {
          $0.principal == move.to && !$0.isSilent && !$0.isEnding && $0.copy(of: partition) != nil
            && !$0.journaled.contains(partition)
        })
      else { continue }
      partitions[partition.index].state = .moving(holder, to: move.to)
      partitions[partition.index].move = nil
      // The old owner has everything, so it makes a good shadow.
      partitions[partition.index].shadows.removeAll { $0 == move.to }
      released.insert(partition)
    }
    guard !released.isEmpty else { return [] }
    return [
      .note(.moving(released, from: holder.principal)),
      .send(.release(Release(term: identity.term, partitions: released)), to: holder.principal),
    ]
  }

  /// Carries out an operator's order. What cannot be done changes nothing.
  public mutating func administer(_ order: AdministratorOrder, _ name: String, now: Instant)
    -> AdministratorReply
  {
    switch order {
    case .drain:
      if let reason = drain(name, true, now: now) {
        return AdministratorReply(isAccepted: false, sentence: reason)
      }
      return AdministratorReply(isAccepted: true, sentence: "\(name) is being emptied")
    case .resume:
      if let reason = drain(name, false, now: now) {
        return AdministratorReply(isAccepted: false, sentence: reason)
      }
      return AdministratorReply(isAccepted: true, sentence: "\(name) is given work again")
    case .acceptLoss:
      let accepted = acceptLoss()
      guard !accepted.isEmpty else {
        return AdministratorReply(
          isAccepted: false, sentence: "no slot waits for a lost copy; nothing to accept")
      }
      let slots = accepted.count * Partition.slotsEach
      return AdministratorReply(
        isAccepted: true,
        sentence: "\(slots) slots are served as the database has them (partitions \(accepted))")
    }
  }

  /// Has a drone emptied, or given work again.
  /// - Returns: nil, or why not: a sentence.
  private mutating func drain(_ name: String, _ isDraining: Bool, now: Instant) -> String? {
    guard
      let index = members.firstIndex(where: { $0.principal.shortName == name || $0.principal.text == name })
    else {
      let known = members.map(\.principal.shortName).joined(separator: ", ")
      return "there is no drone \(name); there are: \(known)"
    }
    if isDraining,
      !members.contains(where: {
        $0.principal != members[index].principal && $0.isStaying && $0.isAlive(now, timing)
      })
    {
      return "no other drone that is alive and stays could take over what \(name) has"
    }
    let owns = partitions.contains { $0.owner == members[index].principal }
    guard let incarnation = members[index].incarnation, !isDraining || members[index].isAlive(now, timing)
    else {
      return "\(name) does not answer, and moves nothing by itself; "
        + (owns ? "what it owns goes to others when its lease is over" : "it owns nothing any more")
        + ". Start it again, or remove it: keyval node remove keyval-drone/\(members[index].principal.shortName)"
    }
    members[index].draining = isDraining ? incarnation : nil
    map.isStale = true
    return nil
  }
}
