import Cluster

/// Registering and enrolling nodes, and hearing the commander. (Who is a member of the cluster is in
/// `AuthorityCore+Membership`.)
extension AuthorityCore {
  /// An enrolled node is registered by its first session under its own key: only the session can have brought
  /// this message, and only the node's key can have opened it. It counts as a voter once the register has it.
  mutating func registerNode(
    _ register: Register, from peer: Principal, now: Instant
  ) -> [AuthorityAction] {
    guard peer.role == .drone || peer.role == .database else {
      return [refuse(peer, "only drones and databases register, and \(peer) is neither")]
    }
    // Another realm, even a trusted one, gives its principals what names it likes: it must not fill the register
    // with voters.
    guard peer.realm == identity.principal.realm else {
      return [refuse(peer, "\(peer) is not of this realm, \(identity.principal.realm)")]
    }
    let known = nodes[peer]
    guard known != nil || nodes.count + storing.count < 2 * SlotMap.maximumDrones else {
      return [refuse(peer, "the register is full")]
    }
    heard[peer] = now
    if incarnations.updateValue(register.incarnation, forKey: peer) != register.incarnation {
      raised[peer] = nil
    }
    var actions = hand(to: peer, having: register.accessVersion)
    let node = RegisteredNode(principal: peer, endpoint: register.endpoint)
    if known?.node == node {
      actions.append(.send(registeredMessage, to: peer))
      if register.membership < membership.version { actions += sendList(to: peer) }
    } else {
      // Only drones are enrolled over the network; a database's principals are made beside the KDC.
      let isCleared = known?.isExpiryCleared ?? (peer.role != .drone)
      actions += store(EnrolledNode(node: node, isExpiryCleared: isCleared))
    }
    if let known, !known.isExpiryCleared { actions += clearExpiry(peer) }
    return actions + raise(peer)
  }

  // MARK: The access list

  /// Every drone has it, since any may be the next commander; who hears nothing of it asks by registering.
  mutating func receive(_ list: NumberedAccessList) -> [AuthorityAction] {
    guard list.version > accessList?.version ?? 0 else { return [] }
    accessList = list
    let drones = registered(.drone).map(\.principal).filter(connected.contains)
    return [.note(.accessListInForce(version: list.version))]
      + drones.map { .send(.accessList(list), to: $0) }
  }

  /// Whoever is an administrator no more has no business here either: what he asks from now on would be refused, and his
  /// sessions end.
  mutating func receive(_ newer: Set<Principal>) -> [AuthorityAction] {
    guard newer != administrators else { return [] }
    let former = administrators.subtracting(newer).filter(connected.contains).sorted()
    administrators = newer
    return [.note(.administratorsChanged(newer.sorted()))] + former.map { .close($0) }
  }

  /// Goes before the answer to the registration, which names the number of the list.
  private func hand(to peer: Principal, having version: UInt64) -> [AuthorityAction] {
    guard peer.role == .drone, let accessList, accessList.version != version else { return [] }
    return [.send(.accessList(accessList), to: peer)]
  }

  private mutating func store(_ node: EnrolledNode) -> [AuthorityAction] {
    guard storing[node.node.principal] != node else { return [] }
    storing[node.node.principal] = node
    return [.storeNode(node)]
  }

  mutating func nodeStored(
    _ node: EnrolledNode, _ contents: RegisterContents, now: Instant
  ) -> [AuthorityAction] {
    let principal = node.node.principal
    if storing[principal] == node { storing[principal] = nil }
    let known = nodes[principal]
    var actions = followChange(contents, now: now)
    guard nodes[principal] == node else { return actions }
    if known?.node != node.node {
      actions.append(.note(.registered(node.node)))
      // The announcement goes to the nodes that are connected; this one waits for its answer anyway.
      if !connected.contains(principal) { actions.append(.send(registeredMessage, to: principal)) }
    }
    if !node.isExpiryCleared { actions += clearExpiry(principal) }
    return actions + raise(principal)
  }

  private mutating func clearExpiry(_ node: Principal) -> [AuthorityAction] {
    clearing.insert(node).inserted ? [.clearExpiry(node)] : []
  }

  mutating func expiryCleared(_ node: Principal) -> [AuthorityAction] {
    clearing.remove(node)
    guard let known = nodes[node] else { return [] }
    return store(EnrolledNode(node: known.node, isExpiryCleared: true))
  }

  mutating func enroll(_ request: EnrollmentRequest, for peer: Principal) -> [AuthorityAction] {
    let reason: String
    if !administrators.contains(peer) {
      reason = "\(peer) is not among the ‘administrators’ in the authority's configuration"
    } else if request.principal.realm != identity.principal.realm {
      reason = "\(request.principal) is not of this realm, \(identity.principal.realm)"
    } else if request.principal.role != .drone {
      reason =
        "only drones are enrolled through the authority (keyval-drone/NAME); other principals are made with "
        + "kadmin.local on the KDC's machine"
    } else {
      var actions: [AuthorityAction] = []
      if let known = nodes[request.principal] {
        actions = store(EnrolledNode(node: known.node, isExpiryCleared: false))
      }
      return actions + [
        .note(.enrolling(request.principal, by: peer)),
        .enroll(request.principal, number: request.number, for: peer),
      ]
    }
    let answer = EnrollmentAnswer(number: request.number, outcome: .refused(reason: reason))
    return [.note(.refused(peer, reason: reason)), .send(.enrollmentAnswer(answer), to: peer)]
  }

  /// A node of this name that was removed may register again, before anybody has read the password.
  func enrollmentAnswered(
    _ answer: EnrollmentAnswer, _ node: Principal, for administrator: Principal
  ) -> [AuthorityAction] {
    var refusal: String?
    if case .refused(let reason) = answer.outcome { refusal = reason }
    return (refusal == nil && membership.isRevoked(node) ? [.readmit(node)] : []) + [
      .send(.enrollmentAnswer(answer), to: administrator),
      .note(.enrolled(node, by: administrator, refusal: refusal)),
    ]
  }

  /// A commander counts its majority by the answers to its heartbeats, and where the number of drones is even
  /// the authority's is one of them. So once the authority has given its voice to somebody else it answers no
  /// more, and it does not give it while an answer may still stand behind renewed leases. Nor does it answer when
  /// another process may have taken over, which may give the voice.
  mutating func hear(
    _ heartbeat: Heartbeat, from peer: Principal, now: Instant, wall: Int64
  ) -> [AuthorityAction] {
    guard heartbeat.term == office.term, let winner = office.winner, office.certificate != nil,
      peer == winner.principal
    else { return [refuse(peer, "the term of this heartbeat is not the current one")] }
    if verified?.certificate != heartbeat.certificate || wall > verified?.notAfter ?? .min {
      do throws(BeliefError) {
        let proved = try verifier.verify(
          certificate: heartbeat.certificate, peer: peer, minimumTerm: office.term, now: wall)
        guard proved.term == office.term, ElectionKey(proved.publicKey) == winner.key else {
          return [refuse(peer, "the certificate is not the one of term \(office.term)")]
        }
        verified = (heartbeat.certificate, proved.notAfter)
      } catch {
        return [.note(.refused(peer, reason: error.description)), refuse(peer, error.description)]
      }
    }
    commanderHeard = now
    let actions = count(heartbeat.membership)
    if contest?.hasAuthorityVoted == true || !isTenured(now) { return actions }
    return actions + [
      .send(.heartbeatHeard(HeartbeatHeard(term: heartbeat.term, sequence: heartbeat.sequence)), to: peer)
    ]
  }
}
