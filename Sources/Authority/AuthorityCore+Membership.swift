import Cluster

/// A removal that an administrator asked for.
struct Removal: Sendable {
  let request: RemovalRequest
  let administrator: Principal
}

/// Who belongs to the cluster: signing the list, telling it, removing nodes, and following what the commander
/// counts.
extension AuthorityCore {
  /// The lowest version by which a commander may still count its majority. Before the first claim of a term there
  /// is none who could.
  var counted: UInt64 { office.term == .none ? membership.version : membership.counted }

  // MARK: What the register says

  /// What is in the register after a change of its nodes. Another authority may have changed the office meanwhile;
  /// while a claim of this one is on its way its outcome decides.
  mutating func followChange(_ contents: RegisterContents, now: Instant) -> [AuthorityAction] {
    let actions = followMembers(contents)
    guard contents.office.term > office.term, contest.map({ $0.isClaim }) != true else { return actions }
    return actions + [.note(.superseded(contents.office.term))] + adopt(contents.office, now: now)
  }

  mutating func followMembers(_ contents: RegisterContents) -> [AuthorityAction] {
    // An answer that was overtaken by a later one.
    guard contents.membership.version >= membership.version else { return [] }
    let changed = contents.nodes.filter { stored in
      nodes[stored.node.principal] != stored && storing[stored.node.principal] == nil
    }
    if changed.contains(where: { nodes[$0.node.principal]?.node != $0.node }) { isAnnouncementDue = true }
    for node in changed { nodes[node.node.principal] = node }
    let stored = Set(contents.nodes.map(\.node.principal))
    for gone in nodes.keys.filter({ !stored.contains($0) }) { forget(gone) }
    return (changed.isEmpty ? [] : [.learn(changed.map(\.node))]) + follow(contents.membership)
  }

  private mutating func forget(_ node: Principal) {
    nodes[node] = nil
    storing[node] = nil
    raised[node] = nil
    incarnations[node] = nil
    heard[node] = nil
  }

  private mutating func follow(_ stored: MembershipHistory) -> [AuthorityAction] {
    let known = membership
    membership = stored
    membership.count(known.counted)
    guard membership != known else { return [] }
    followBallot()
    guard membership.version > known.version else { return [] }
    isAnnouncementDue = true
    return [
      .note(.membershipChanged(version: membership.version, members: nodes.count))
    ] + signMembership()
  }

  /// The ballot that is open goes by the newest membership: who was registered meanwhile has its voice, since the
  /// commander of the lower term is told of it too.
  private mutating func followBallot() {
    guard case .polling(var ballot) = contest else { return }
    ballot.follow(version: membership.version, lists: membership.droneLists(since: counted))
    contest = .polling(ballot)
  }

  /// The certified commander of the highest term says by which version it counts.
  mutating func count(_ version: UInt64) -> [AuthorityAction] {
    let before = membership.counted
    membership.count(version)
    guard membership.counted > before else { return [] }
    followBallot()
    return [.storeCounted(membership.counted), .note(.counted(membership.counted))]
  }

  // MARK: The list

  func signMembership() -> [AuthorityAction] {
    guard membership.version > 0,
      let list = MembershipList(
        cluster: identity.cluster, version: membership.version, members: membership.members)
    else { return [] }
    return [.signMembership(list)]
  }

  /// Everybody who is there is told, and whoever is not on the list is sent away with it.
  mutating func membershipSigned(_ list: SignedMembership, version: UInt64) -> [AuthorityAction] {
    guard version == membership.version else { return [] }
    signed = (version, list)
    let members = registeredNodes.map(\.principal).filter(connected.contains)
    let others = membership.revoked.filter(connected.contains)
    return members.flatMap { sendList(to: $0) } + others.flatMap { sendAway($0) }
  }

  func sendList(to peer: Principal) -> [AuthorityAction] {
    guard let signed else { return [] }
    return [.send(.membership(signed.list), to: peer)]
  }

  /// A node that was removed is told so, with the list that says it, and nothing else.
  func sendAway(_ peer: Principal) -> [AuthorityAction] {
    let reason =
      "\(peer) was removed from the cluster by an administrator. To bring it back, delete its principal at the KDC "
      + "and enroll it anew"
    return [.note(.refused(peer, reason: reason))] + sendList(to: peer) + [
      refuse(peer, reason), .close(peer),
    ]
  }

  // MARK: Removing

  mutating func remove(
    _ request: RemovalRequest, for peer: Principal, now: Instant
  ) -> [AuthorityAction] {
    let removal = Removal(request: request, administrator: peer)
    if let reason = obstacle(to: request, by: peer, now: now) { return [refuse(removal, reason)] }
    let operation = nextOperation()
    removals[operation] = removal
    return [
      .removeNode(
        operation: operation, request.principal, isDead: request.isDead, membership: membership.version)
    ]
  }

  func refuse(_ removal: Removal, _ reason: String) -> AuthorityAction {
    let answer = RemovalAnswer(number: removal.request.number, outcome: .refused(reason: reason))
    return .send(.removalAnswer(answer), to: removal.administrator)
  }

  private func obstacle(to request: RemovalRequest, by peer: Principal, now: Instant) -> String? {
    let node = request.principal
    guard administrators.contains(peer) else {
      return "\(peer) is not among the ‘administrators’ in the authority's configuration"
    }
    if membership.isRevoked(node) {
      guard request.isDead else { return "\(node) was removed already" }
      return pending.contains(node) ? nil : "\(node) was removed already, and no election needs its voice"
    }
    guard nodes[node] != nil else {
      return "\(node) is no member of this cluster; ‘keyval node list’ shows who is"
    }
    guard registeredNodes.contains(where: { $0.principal != node && $0.principal.role == node.role }) else {
      return "\(node) is the last \(node.role?.shortName ?? "node") of this cluster"
    }
    if request.isDead, let last = heard[node], now - last < timing.resignation {
      return
        "\(node) was heard \(max(0, now - last)) ms ago, so its process runs: stop it for good, and ask again "
        + "\(timing.resignation / 1000) seconds later"
    }
    guard !request.isDead, node.role == .drone else { return nil }
    var trial = membership
    trial.remove(node, isDead: false)
    return Self.canElect(trial.droneLists(since: counted))
      ? nil
      : "without \(node) no majority would be left of the drones that the commander may count. Wait until what was "
        + "changed before is counted (‘keyval node list’), or, if its process is off for good, say --dead"
  }

  /// Whether no election can be won without this drone's voice: it is on a list that a commander may still count, which
  /// has no majority besides.
  public func needs(_ drone: Principal) -> Bool {
    let lists = membership.droneLists(since: counted)
    let others = (lists.last ?? []).filter { $0 != drone }
    return !Self.canElect(lists + [others])
  }

  /// Whether the present drones, which come last, can give a majority of every list.
  private static func canElect(_ lists: [[Principal]]) -> Bool {
    let present = Set(lists.last ?? [])
    return lists.allSatisfy { list in
      let authority = list.count.isMultiple(of: 2) ? 1 : 0
      return (list.count(where: present.contains) + authority) * 2 > list.count + authority
    }
  }

  mutating func nodeRemoved(
    _ operation: UInt64, _ contents: RegisterContents, now: Instant
  ) -> [AuthorityAction] {
    let actions = followChange(contents, now: now)
    guard let removal = removals.removeValue(forKey: operation) else { return actions }
    let node = removal.request.principal
    guard membership.isRevoked(node), !(removal.request.isDead && pending.contains(node)) else {
      return actions + [refuse(removal, "the membership was changed at the same time: ask again")]
    }
    let outcome: RemovalAnswer.Outcome =
      pending.contains(node)
      ? .pending(version: membership.version) : .removed(version: membership.version)
    let answer = RemovalAnswer(number: removal.request.number, outcome: outcome)
    return [
      .note(
        .removed(
          node, version: membership.version, isDead: removal.request.isDead, by: removal.administrator)),
      .send(.removalAnswer(answer), to: removal.administrator),
    ] + actions
  }

  /// Removed drones of which the majorities still take account, in order.
  private var pending: [Principal] {
    let lists = membership.droneLists(since: counted)
    let present = Set(lists.last ?? [])
    return Set(lists.joined()).subtracting(present).sorted()
  }

  func list(_ request: NodesRequest, for peer: Principal) -> [AuthorityAction] {
    guard administrators.contains(peer) else {
      return [
        refuse(peer, "\(peer) is not among the ‘administrators’ in the authority's configuration")
      ]
    }
    let answer = NodesAnswer(
      number: request.number, version: membership.version, counted: counted, nodes: registeredNodes,
      pending: pending, revoked: membership.revoked)
    return [.send(.nodesAnswer(answer), to: peer)]
  }
}
