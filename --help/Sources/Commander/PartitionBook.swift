import MutantSwitches
import Cluster

/// Whose is what: accounting for reports, expiry of leases, and grants.
extension CommanderCore {
  /// Compares what a drone reports with the book.
  mutating func account(_ holdings: [Holding], of holder: Holder, now: Instant) -> [CommanderAction] {
    // Until it is known what the database has stored nothing is said of what a drone reports, nor renewed.
    guard knowsFences else { return [] }
    var release = PartitionSet()
    var reported = PartitionSet()
    var untrue = PartitionSet()
    for holding in holdings {
      for partition in holding.partitions {
        reported.insert(partition)
        switch judge(partition, holding.token, holder) {
        case .kept: break
        case .given: release.insert(partition)
        case .untrue:
          release.insert(partition)
          untrue.insert(partition)
        }
      }
    }
    for partition in Partition.all where !reported.contains(partition) {
      switch partitions[partition.index].state {
      case .serving(holder):
        // It had it and has it no more: a fence, an error on its side, or its end. It may be given again at once.
        // Its drone, which may be about to end, is to know that it is rid of it.
        free(partition)
        partitions[partition.index].wasGivenBack = !isLively(holder.principal, partition)
        partitions[partition.index].leasedUntil = now
      case .moving(holder, let target):
        partitions[partition.index].state = .assigned(target, .promote)
        partitions[partition.index].leasedUntil = now
        map.isStale = true
      default: break
      }
    }
    guard !release.isEmpty else { return [] }
    return [.send(.release(Release(term: identity.term, partitions: release)), to: holder.principal)]
      + contradicted(by: holder, untrue, now)
  }

  private enum Judgement {
    case kept
    /// It was its holder's, and is to be another's.
    case given
    case untrue
  }

  /// Whether the holder may keep what it reports. A report that is not so changes nothing.
  private mutating func judge(_ partition: Partition, _ token: FencingToken, _ holder: Holder) -> Judgement {
    var record = partitions[partition.index]
    let isTrue = isTrue(token, of: holder, record)
    switch record.state {
    case .moving(holder, _): return .given
    case .serving(holder):
      return token == record.servingToken || isTrue ? .kept : .untrue
    case .granted(holder, _), .unaccounted, .free:
      guard isTrue else { return .untrue }
      let wasGranted = record.state != .unaccounted && !record.isFree
      record.serve(holder, token)
      partitions[partition.index] = record
      if !wasGranted { map.isStale = true }
      return .kept
    case .serving, .moving:
      if MutantSwitch.believeReports.isOn {
        if token > record.token {
          partitions[partition.index].token = token
          partitions[partition.index].serve(holder, token)
          map.isStale = true
          return .kept
        }
      }
      return .untrue
    // It was its own until it was late.
    case .assigned, .granted: return .given
    }
  }

  /// Copies of which nobody can be promoted any more: somebody serves under a higher token, which has emptied the
  /// list that they were on.
  func uselessCopies(_ copies: [Holding], of holder: Holder) -> [CommanderAction] {
    let useless = copies.compactMap { copy -> Holding? in
      let old = copy.partitions.filter { partition in
        let record = partitions[partition.index]
        guard case .serving(let owner) = record.state, owner != holder else { return false }
        return copy.token < record.servingToken
      }
      return old.isEmpty ? nil : Holding(token: copy.token, partitions: PartitionSet(old))
    }
    guard !useless.isEmpty else { return [] }
    return [.send(.forgetCopies(ForgetCopies(term: identity.term, copies: useless)), to: holder.principal)]
  }

  /// Frees what silent drones held once their leases are over by this commander's count.
  mutating func expire(_ now: Instant) -> [CommanderAction] {
    var actions: [CommanderAction] = []
    for index in members.indices
    where !members[index].isAlive(now, timing) || members[index].isMissed(now, timing) {
      if members[index].lastAnswered != nil, !members[index].isSilent {
        members[index].isSilent = true
        members[index].silentSince = now
        actions.append(.note(.droneSilent(members[index].principal)))
      }
    }
    var dead: [Principal: PartitionSet] = [:]
    let loaders = loaders(now)
    let fit = members.filter { $0.isFit(now, timing) }
    func can(_ drone: Principal, _ mode: Grant.Mode, _ partition: Partition) -> Bool {
      guard mode == .promote else {
        return loaders.contains { $0.principal == drone && $0.lively.contains(partition) }
      }
      return fit.contains { $0.principal == drone && $0.copy(of: partition) != nil }
    }
    func isFit(_ drone: Principal) -> Bool {
      loaders.contains { $0.principal == drone } || fit.contains { $0.principal == drone }
    }
    for partition in Partition.all where isLeaseOver(partition, now) {
      let record = partitions[partition.index]
      switch record.state {
      case .unaccounted where hasWaited(now):
        free(partition)
      case .assigned(let principal, let mode) where !can(principal, mode, partition):
        free(partition)
      case .granted(let holder, let mode)
      where !isCurrent(holder, now) || !isFit(holder.principal)
        || mode != .promote && !can(holder.principal, mode, partition):
        free(partition)
      case .serving(let holder) where !isCurrent(holder, now) || !isLively(holder.principal, partition):
        // Not renewed since its lease: the drone is silent, or its data loop is.
        free(partition)
        dead[holder.principal, default: []].insert(partition)
      case .moving(_, let target):
        // The release was never confirmed, but the lease that was not renewed is over.
        partitions[partition.index].state = .assigned(target, .promote)
        map.isStale = true
      default: break
      }
    }
    return actions + dead.keys.sorted().map { .note(.droneDead($0, partitions: dead[$0] ?? [])) }
  }

  /// The map names its drone no longer: nobody may be there who could take it.
  private mutating func free(_ partition: Partition) {
    partitions[partition.index].state = .free
    map.isStale = true
  }

  func isLively(_ principal: Principal, _ partition: Partition) -> Bool {
    members.contains { $0.principal == principal && $0.lively.contains(partition) }
  }

  /// Alive, and still in the life in which it was granted.
  private func isCurrent(_ holder: Holder, _ now: Instant) -> Bool {
    members.contains {
      $0.principal == holder.principal && $0.incarnation == holder.incarnation && $0.isAlive(now, timing)
    }
  }

  private func nextToken() -> FencingToken { (MutantSwitch.mintWithoutTerm.isOn ? (FencingToken(term: Term(1), counter: grantCounter)) : (FencingToken(term: identity.term, counter: grantCounter))) }

  /// By this commander's count.
  private func isLeaseOver(_ partition: Partition, _ now: Instant) -> Bool {
    if MutantSwitch.ignoreLeaseOfSilent.isOn {
      true
    } else {
      now > partitions[partition.index].leasedUntil
    }
  }

  /// For the leases that an earlier commander gave.
  private func hasWaited(_ now: Instant) -> Bool { (MutantSwitch.skipLeaseWait.isOn ? (true) : (now > accountedAt)) }

  // MARK: Grants

  /// Mints one grant a mode for all that the drone asks for and the book gives it.
  mutating func grant(_ request: GrantRequest, to peer: Principal, now: Instant) -> [CommanderAction] {
    guard hasMajority(now), let database = grantingDatabase?.node,
      members.contains(where: { $0.principal == peer && $0.incarnation == request.incarnation })
    else { return [] }
    let holder = Holder(principal: peer, incarnation: request.incarnation)
    return Grant.Mode.allCases.flatMap { mode -> [CommanderAction] in
      let due = PartitionSet(
        request.partitions.filter { partition in
          switch partitions[partition.index].state {
          case .assigned(peer, mode), .granted(holder, mode): true
          default: false
          }
        })
      return due.isEmpty ? [] : grant(due, mode, to: holder, database)
    }
  }

  /// Grants what drones have been given and have not asked for: they would learn of it from the next map only, and
  /// nobody serves it as long.
  mutating func grantUnasked(_ now: Instant) -> [CommanderAction] {
    let given = PartitionSet(Partition.all.filter { partitions[$0.index].isAssigned })
    guard !given.isEmpty else { return [] }
    return members.flatMap { member -> [CommanderAction] in
      guard member.isAlive(now, timing), let incarnation = member.incarnation else { return [] }
      let due = given.filter { partitions[$0.index].owner == member.principal }
      let request = GrantRequest(
        term: identity.term, incarnation: incarnation, partitions: PartitionSet(due))
      return grant(request, to: member.principal, now: now)
    }
  }

  private mutating func grant(
    _ due: PartitionSet, _ mode: Grant.Mode, to holder: Holder, _ database: RegisteredNode
  ) -> [CommanderAction] {
    grantCounter += 1
    let token = nextToken()
    for partition in due {
      if partitions[partition.index].state != .granted(holder, mode) {
        partitions[partition.index].state = .granted(holder, mode)
        partitions[partition.index].firstToken = token
      }
      partitions[partition.index].token = token
      partitions[partition.index].lastGranted = holder
      partitions[partition.index].copyHolders.insert(holder.principal)
    }
    let grant = Grant(partitions: due, incarnation: holder.incarnation, token: token, mode: mode)
    return [
      .note(.granted(due, token, mode, to: holder.principal)),
      .mint(grant, to: holder.principal, database: database),
    ]
  }

  /// A drone could not open what it was granted: it goes to another, or waits for a copy to turn up.
  mutating func failed(_ failure: OpenFailed, at peer: Principal, _ now: Instant) -> [CommanderAction] {
    guard let index = members.firstIndex(where: { $0.principal == peer }),
      let incarnation = members[index].incarnation
    else { return [] }
    let holder = Holder(principal: peer, incarnation: incarnation)
    var awaiting = PartitionSet()
    for partition in failure.partitions {
      guard case .granted(holder, _) = partitions[partition.index].state,
        failure.token >= partitions[partition.index].firstToken
      else { continue }
      partitions[partition.index].state = .free
      switch failure.refusal {
      case .copiesElsewhere:
        partitions[partition.index].wasGivenBack = false
        if !partitions[partition.index].awaitsCopy { awaiting.insert(partition) }
        partitions[partition.index].awaitsCopy = true
        partitions[partition.index].nextLoad = now + timing.resignation
        // One that was refused before may be on the list by now.
        partitions[partition.index].refusedCopies = []
        wantsFences = true
      case .notInSync: partitions[partition.index].refusedCopies.insert(peer)
      case .noRoom: members[index].noRoomUntil = now + timing.lease
      case .other: break
      }
    }
    map.isStale = true
    return awaiting.isEmpty ? [] : [.note(.lossPossible(awaiting))]
  }

  /// An operator would rather have what the database has than wait for copies that are lost.
  /// - Returns: the partitions that waited.
  public mutating func acceptLoss(of partitions: PartitionSet = .all) -> PartitionSet {
    var accepted = PartitionSet()
    for partition in partitions {
      let record = self.partitions[partition.index]
      guard record.awaitsCopy else { continue }
      self.partitions[partition.index].isLossAccepted = true
      accepted.insert(partition)
    }
    return accepted
  }
}

extension PartitionRecord {
  fileprivate mutating func serve(_ holder: Holder, _ token: FencingToken) {
    state = .serving(holder)
    servingToken = token
    awaitsCopy = false
    wasGivenBack = false
    isLossAccepted = false
    refusedCopies = []
    copyHolders.insert(holder.principal)
  }

  /// Without anybody's copy.
  func mayBeLoaded(_ now: Instant) -> Bool { !awaitsCopy || isLossAccepted || now >= nextLoad }

  var isAssigned: Bool { if case .assigned = state { true } else { false } }

  var isFree: Bool { if case .free = state { true } else { false } }

  /// Who has it or will have it.
  var target: Principal? {
    if case .moving(_, let target) = state { target } else { move?.to ?? owner }
  }
}
