import Cluster

/// Whom a drone talks with: the nodes on the newest membership list that it has, and the authority. Without a list
/// it is the authority alone.
extension DroneCore {
  func isMember(_ node: Principal) -> Bool { members?.contains(node) ?? false }

  /// Whether this drone has to do with that node at all.
  func isTrusted(_ peer: Principal) -> Bool {
    isMember(peer) && isMember(identity.principal) && !isWithdrawn
  }

  /// The list that it goes by and can show to others: one that was on its disk it has not as it was signed.
  var passableVersion: UInt64 { signedMembers == nil ? 0 : members?.version ?? 0 }

  /// Without the authority this drone would not know who has joined since, and would believe no commander who has: it
  /// asks the others on its list for a newer one, one after the other.
  mutating func askForMembership(_ now: Instant) -> [DroneAction] {
    guard now - authorityHeard > timing.heartbeat * 8, !isWithdrawn, let members else { return [] }
    let others = members.members.filter { $0.role == .drone && $0 != identity.principal }
    guard !others.isEmpty else { return [] }
    defer { membershipQuestions += 1 }
    let question = MembershipQuestion(version: members.version)
    return [.send(.membershipQuestion(question), to: others[membershipQuestions % others.count])]
  }

  func answer(_ question: MembershipQuestion, from peer: Principal) -> [DroneAction] {
    guard let signedMembers, passableVersion > question.version else { return [] }
    return [.send(.membership(signedMembers), to: peer)]
  }

  /// Whoever is not on the newest list is talked with no more, this drone too: it gives up what it serves. The
  /// signature is the authority's, whoever has sent the list.
  mutating func receive(_ signed: SignedMembership, from peer: Principal, now: Instant) -> [DroneAction] {
    let list: MembershipList
    do throws(MembershipError) {
      list = try membershipVerifier.verify(signed, known: members)
    } catch {
      return [.note(.disbelieved(peer, reason: error.description))]
    }
    signedMembers = signed
    guard list != members else { return [] }
    let wasMember = members?.contains(identity.principal) ?? true
    members = list
    var actions: [DroneAction] = [
      .admit(signed, list), .note(.membershipChanged(version: list.version, members: list.members.count)),
    ]
    if isWithdrawn, isMember(identity.principal) { actions.append(.note(.readmitted(version: list.version))) }
    if wasMember, !isMember(identity.principal) { actions += withdraw(list.version) }
    if let commander, !isMember(commander.principal) {
      // Nobody waits for the heartbeats of a commander that is not heard any more. Its last ones count as they
      // did: leases may have been renewed on the strength of the answers.
      self.commander?.isSilent = true
    }
    return actions
  }

  private mutating func withdraw(_ version: UInt64) -> [DroneAction] {
    isWithdrawn = true
    var actions: [DroneAction] = [.note(.removed(version: version))]
    if let office {
      self.office = nil
      actions.append(.leaveOffice(office))
    }
    actions += standDown()
    owned = []
    return actions + close(.all) + [.withdraw]
  }
}
