import MutantSwitches
import Cluster

/// The office itself is a lease: slots are renewed only while a majority answers.
extension CommanderCore {
  /// When the heartbeats were sent that a majority has answered, these or later ones; nil before the first. More than
  /// half of the registered drones; the authority is one more voter when their number is even.
  var majorityAnswered: Instant? {
    var voters = members.map(\.lastAnswered)
    if members.count.isMultiple(of: 2) { voters.append(authorityAnswered) }
    let needed = voters.count / 2 + 1
    let answered = voters.compactMap { $0 }.sorted(by: >)
    return answered.count < needed ? nil : answered[needed - 1]
  }

  /// Whether a majority answered heartbeats sent within the suspicion interval.
  public func hasMajority(_ now: Instant) -> Bool {
    majorityAnswered.map { now - $0 <= timing.suspicion } ?? false
  }

  /// How long a lease runs that is given now, in milliseconds, from the sending of heartbeats that a majority answered.
  /// So the next commander, elected by a majority of which one was in this one, need not wait for a whole lease: it
  /// knows that they were sent at least the suspicion interval before its ballot. Nil without a majority.
  private func leaseLength(_ now: Instant) -> Int64? {
    if MutantSwitch.renewWithoutMajority.isOn {
      return timing.lease
    }
    guard hasMajority(now), let majorityAnswered else { return nil }
    if MutantSwitch.countLeaseFromRenewal.isOn {
      return timing.lease
    } else {
      return timing.lease - (now - majorityAnswered)
    }
  }

  /// Leases are renewed only while a majority answered lately, only for what this commander counts as the
  /// reporter's, only where its data loop is alive, and only under the access list that is in force.
  mutating func renewal(for index: Int, _ now: Instant) -> [CommanderAction] {
    let member = members[index]
    guard let length = leaseLength(now), member.mayBeRenewed, let incarnation = member.incarnation
    else { return [] }
    let holder = Holder(principal: member.principal, incarnation: incarnation)
    var renewed = PartitionSet()
    for partition in member.lively {
      guard partitions[partition.index].state == .serving(holder) else { continue }
      renewed.insert(partition)
      partitions[partition.index].leasedUntil = max(
        partitions[partition.index].leasedUntil, now + length + timing.drift)
    }
    let renewal = Renewal(
      term: identity.term, nonce: member.lastNonce, partitions: renewed, milliseconds: UInt64(length),
      orphans: member.isEnding ? orphans(of: member) : [])
    return [.send(.renewal(renewal), to: holder.principal)]
  }

  /// What nobody serves, or is on its way to this drone, and this drone has a copy of. What was given back its last owner
  /// has handed to the database; what moves its last owner leaves to the copy, and may be gone before it has told so.
  func orphans(of member: Member) -> PartitionSet {
    let copies = member.copies.reduce(into: PartitionSet()) { $0.formUnion($1.partitions) }
    return PartitionSet(
      copies.filter { partition in
        let record = partitions[partition.index]
        switch record.state {
        case .serving: return false
        case .moving(_, let target): return target == member.principal
        case .unaccounted, .free, .assigned, .granted:
          return !record.wasGivenBack && !record.refusedCopies.contains(member.principal)
        }
      })
  }

  /// An answer has made the majority of its round: those who reported in it before have their leases prolonged, too.
  mutating func renewals(besides reporter: Int?, _ now: Instant) -> [CommanderAction] {
    guard let majorityAnswered else { return [] }
    return members.indices.flatMap { index -> [CommanderAction] in
      guard index != reporter, let answered = members[index].lastAnswered, answered >= majorityAnswered
      else { return [] }
      return renewal(for: index, now)
    }
  }
}
