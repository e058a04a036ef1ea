import Cluster

/// What the database has stored: with what this commander minted itself, all that it believes of who holds what. A drone's
/// word about others' partitions moves nothing, so that one stolen key costs one drone's partitions.
///
/// The election has raised the stored term, so that nobody opens anything any more under an older grant: what is read in
/// this term changes only by grants of this commander.
extension CommanderCore {
  /// The database is to be asked.
  mutating func askFences(_ now: Instant) -> [CommanderAction] {
    guard wantsFences, let database = grantingDatabase?.node,
      fencesAsked.map({ now - $0 >= timing.heartbeat * 2 }) ?? true
    else { return [] }
    fencesAsked = now
    return [.askFences(database: database)]
  }

  mutating func learn(_ fences: Fences, from peer: Principal, _ now: Instant) -> [CommanderAction] {
    guard peer.role == .command, grantingDatabase?.node.principal.instance == peer.instance else { return [] }
    wantsFences = false
    for fence in fences.stored {
      let index = fence.partition.index
      let lives = fence.listed + [fence.holder]
      let stored = Set(lives.map(\.principal))
      partitions[index].storedLives = lives
      partitions[index].storedHolders = stored
      partitions[index].copyHolders.formUnion(stored)
      // Later ones may be of grants of this term, which the book knows better.
      guard !knowsFences else { continue }
      partitions[index].stored = (fence.token, fence.holder)
      partitions[index].token = max(partitions[index].token, fence.token)
    }
    guard !knowsFences else { return [] }
    knowsFences = true
    // What was reported meanwhile can be looked at now.
    return members.indices.flatMap { index -> [CommanderAction] in
      guard let incarnation = members[index].incarnation else { return [] }
      let holder = Holder(principal: members[index].principal, incarnation: incarnation)
      return account(members[index].holdings, of: holder, now: now) + renewal(for: index, now)
    }
  }

  /// Whether it is this holder's under this token: because it was granted it, or by what the database has stored while
  /// nobody has been granted it since.
  func isTrue(_ token: FencingToken, of holder: Holder, _ record: PartitionRecord) -> Bool {
    if let granted = record.lastGranted {
      return granted == holder && token >= record.firstToken && token <= record.token
    }
    guard let stored = record.stored else { return false }
    return stored.token == token && stored.holder == holder
  }

  /// A claim that contradicts what is stored and what was granted. It may be an honest drone's that has not heard of a
  /// fence; said once a minute of each.
  mutating func contradicted(by holder: Holder, _ partitions: PartitionSet, _ now: Instant)
    -> [CommanderAction]
  {
    guard !partitions.isEmpty, let index = members.firstIndex(where: { $0.principal == holder.principal }),
      members[index].contradictedAt.map({ now - $0 > 60_000 }) ?? true
    else { return [] }
    members[index].contradictedAt = now
    return [.note(.contradicted(holder.principal, partitions))]
  }
}
