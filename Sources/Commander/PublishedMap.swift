import Cluster

extension PartitionRecord {
  /// Who is to shadow it; whoever it moves to, too.
  var shadowsAndTarget: [Principal] {
    var all = shadows
    if let move, !all.contains(move.to) { all.append(move.to) }
    return Array(all.filter { $0 != owner }.prefix(SlotMap.maximumShadows))
  }
}

/// The slot map between being changed and being known to all.
struct PublishedMap {
  /// The book has changed since the last map was made.
  var isStale = true
  /// The version that is being signed, and since when, in seconds since 1970.
  var signing: (version: UInt64, since: Int64)?
  var lastVersion: UInt64 = 0
  var expiry: Int64 = 0
  var published: (signed: SignedSlotMap, version: UInt64)?
}

extension CommanderCore {
  /// Has a new map signed when the book changed or the old map nears its expiry; one at a time. A signature
  /// that does not come is asked for again: without maps nobody is told of anything any more.
  mutating func refreshMap(wall: Int64) -> [CommanderAction] {
    let isOverdue = map.signing.map { abs(wall - $0.since) > Self.signingTime } ?? false
    guard map.signing == nil || isOverdue, hasAccounted,
      map.isStale || isOverdue || map.expiry - wall < Self.mapLife / 2
    else { return [] }
    let owners = partitions.map(\.owner)
    let shadows = partitions.map(\.shadowsAndTarget)
    let named = members.filter { member in
      member.lastAnswered != nil || owners.contains { $0 == member.principal }
    }
    let positions = Dictionary(
      named.enumerated().map { ($1.principal, $0) }, uniquingKeysWith: { first, _ in first })
    let version = map.lastVersion + 1
    let expiry = wall + Self.mapLife
    guard
      let next = SlotMap(
        cluster: identity.cluster, term: identity.term, version: version, expiry: expiry,
        commander: identity.principal,
        drones: named.map {
          SlotMap.Drone(principal: $0.principal, endpoint: $0.endpoint, draining: $0.draining)
        },
        owners: owners.map { $0.flatMap { positions[$0] } },
        shadows: shadows.map { $0.compactMap { positions[$0] } })
    else { return [] }
    map.isStale = false
    map.signing = (version, wall)
    map.lastVersion = version
    map.expiry = expiry
    return [.sign(next)]
  }

  /// The first map waits for the first reports, so that it does not say less than the map before it.
  private var hasAccounted: Bool {
    map.published != nil || partitions.contains { $0.owner != nil }
  }

  mutating func publish(_ signed: SignedSlotMap, version: UInt64) -> [CommanderAction] {
    guard map.signing?.version == version else { return [] }
    map.signing = nil
    map.published = (signed, version)
    // Also to those that are not heard: they may hear this commander all the same, and have clients that know nobody
    // else.
    return members.map { .send(.mapPublished(signed), to: $0.principal) }
  }

  /// Whether somebody serves every partition, as far as anybody could, and nothing is on its way.
  public func isAllServed(_ now: Instant) -> Bool {
    // If all are about to end, only what is in their memories is still to be served, and handed over.
    let living = members.filter { $0.isAlive(now, timing) && !$0.lively.isEmpty }
    let areStaying = living.contains { !$0.isEnding }
    return Partition.all.allSatisfy { partition in
      let record = partitions[partition.index]
      if case .serving = record.state { return true }
      return record.awaitsCopy || !areStaying && !living.contains { orphans(of: $0).contains(partition) }
    }
  }

  /// The cluster's state for operators.
  public func status(now: Instant) -> ClusterStatus {
    let owners = partitions.map(\.owner)
    let served = partitions.count { record in
      if case .serving = record.state { record.leasedUntil > now } else { false }
    }
    let shadowed = members.reduce(into: PartitionSet()) { $0.formUnion($1.shadowed) }
    let moving = partitions.count { record in
      if case .moving = record.state { true } else { record.move != nil }
    }
    let awaiting = partitions.count { $0.awaitsCopy }
    return ClusterStatus(
      cluster: identity.cluster, term: identity.term, commander: identity.principal,
      mapVersion: map.published?.version ?? 0, slotsServed: served * Partition.slotsEach,
      slotsShadowed: shadowed.count * Partition.slotsEach, slotsMoving: moving * Partition.slotsEach,
      slotsAwaitingCopies: awaiting * Partition.slotsEach,
      drones: members.map { member in
        ClusterStatus.Drone(
          principal: member.principal, endpoint: member.endpoint, state: state(of: member, now),
          slots: owners.count { $0 == member.principal } * Partition.slotsEach,
          shadowing: partitions.count { $0.shadows.contains(member.principal) } * Partition.slotsEach,
          behind: member.behind, backlog: member.backlog, memory: member.memory)
      },
      databases: databases.map {
        ClusterStatus.Service(
          principal: $0.node.principal, endpoint: $0.node.endpoint,
          isReachable: $0.lastAnswered != nil && !$0.isLost)
      },
      authorities: [
        ClusterStatus.Service(
          principal: identity.authority.principal, endpoint: identity.authority.endpoint,
          isReachable: authorityAnswered.map { now - $0 <= timing.suspicion } ?? false)
      ],
      losses: losses)
  }

  /// Of partitions that wait for copies: what drones say of lives of theirs that the database names.
  /// One for each such life, and no more than a message has room for, whatever a drone reports.
  private var losses: [ClusterStatus.Loss] {
    var lives: [Holder: PartitionSet] = [:]
    for partition in Partition.all where partitions[partition.index].awaitsCopy {
      for life in partitions[partition.index].storedLives { lives[life, default: []].insert(partition) }
    }
    guard !lives.isEmpty else { return [] }
    let losses = members.flatMap { member in
      JournalLoss.merged(member.losses).compactMap { loss in
        lives[Holder(principal: member.principal, incarnation: loss.life)].map {
          ClusterStatus.Loss(drone: member.principal, partitions: $0, journal: loss)
        }
      }
    }
    return Array(losses.prefix(ClusterStatus.mostLosses))
  }

  private func state(of member: Member, _ now: Instant) -> ClusterStatus.Drone.State {
    let records = partitions.filter { $0.owner == member.principal }
    guard member.isAlive(now, timing) else {
      return records.contains { $0.leasedUntil > now } ? .silent : .dead
    }
    if member.isEnding { return .ending }
    if member.isDraining { return records.isEmpty ? .drained : .draining }
    if records.isEmpty { return .idle }
    let isLoading = records.contains { record in
      switch record.state {
      case .assigned, .granted: true
      default: false
      }
    }
    return isLoading ? .loading : .serving
  }
}
