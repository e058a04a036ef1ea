import Cluster

/// What this drone is to serve: the map, grants, and giving back.
extension DroneCore {
  mutating func install(_ signed: SignedSlotMap, wall: Int64, now: Instant) -> [DroneAction] {
    do throws(BeliefError) {
      let newer = try signed.verified(
        by: verifier, cluster: identity.cluster, minimumTerm: highestTerm, now: wall)
      guard newer.isNewer(than: map) else { return [] }
      map = newer
      owned = newer.partitions(of: identity.principal)
      lastGrantRequest = nil
      let nodes = newer.drones.map { RegisteredNode(principal: $0.principal, endpoint: $0.endpoint) }
      return [
        .learn(nodes.filter { $0.principal != identity.principal }), .install(signed, newer),
      ] + requestGrants(now)
    } catch {
      guard let peer = commander?.principal else { return [] }
      return [.note(.disbelieved(peer, reason: error.description))]
    }
  }

  /// Asks for what the map gives this drone and it does not have. Repeated, since a message may be lost. Who ends asks,
  /// too: the commander may count on its copy, and would wait for ever for one that the database was too busy to open.
  mutating func requestGrants(_ now: Instant) -> [DroneAction] {
    guard let commander, isGranted, lastGrantRequest.map({ now - $0 >= timing.heartbeat * 2 }) ?? true
    else { return [] }
    let missing = holdings.missing(of: owned)
    guard !missing.isEmpty else { return [] }
    lastGrantRequest = now
    let request = GrantRequest(term: commander.term, incarnation: identity.incarnation, partitions: missing)
    return [.send(.grantRequest(request), to: commander.principal)]
  }

  /// Whether there is a commander whose map gives this drone something.
  private var isGranted: Bool {
    guard let map, let commander else { return false }
    return map.term == commander.term && !commander.isSilent && !departure.isRetired
  }

  /// Whether the map gives this drone what it does not have.
  var wantsGrants: Bool { isGranted && !holdings.missing(of: owned).isEmpty }

  mutating func open(_ answer: GrantAnswer) -> [DroneAction] {
    // An answer to an earlier life may still be under way when a drone has restarted. Who ends takes only what nobody
    // else may have.
    guard answer.incarnation == identity.incarnation, !departure.isRetired,
      !departure.isEnding || answer.mode == .promote
    else { return [] }
    let partitions = holdings.missing(of: answer.partitions)
    guard !partitions.isEmpty else { return [] }
    for partition in partitions { holdings[partition] = .opening(answer.token) }
    return [
      .learn([answer.database]),
      .open(
        GrantAnswer(
          term: answer.term, incarnation: answer.incarnation, partitions: partitions, token: answer.token,
          mode: answer.mode, database: answer.database, grant: answer.grant)),
    ]
  }

  /// Of a drone that ends: how many partitions it has in memory that nobody serves, by its commander's word. They would be
  /// gone; the commander has them promoted. None where no commander is heard, who could; nil while this one has not said,
  /// or does not know of all of them yet.
  public var orphanCount: Int? {
    guard hearsCommander, let commander else { return 0 }
    return holdings.isClosing ? nil : departure.orphanCount(commander.term)
  }

  mutating func opened(_ partitions: PartitionSet, _ token: FencingToken, now: Instant)
    -> [DroneAction]
  {
    let current = partitions.filter { holdings[$0] == .opening(token) }
    for partition in current { holdings.serve(partition, token, after: lease.lastNonce) }
    return current.isEmpty ? [] : report(now)
  }

  mutating func lose(_ partitions: PartitionSet, _ token: FencingToken, now: Instant) -> [DroneAction] {
    for partition in partitions {
      switch holdings[partition] {
      case .opening(token), .serving(token), .closing(token), .dropping(token): holdings[partition] = .none
      default: break
      }
    }
    return report(now)
  }

  /// The commander decides what comes next: another copy, or an operator.
  func refused(
    _ partitions: PartitionSet, _ token: FencingToken, _ refusal: OpenRefusal
  ) -> [DroneAction] {
    guard let commander else { return [] }
    let failure = OpenFailed(term: commander.term, token: token, partitions: partitions, refusal: refusal)
    return [.send(.openFailed(failure), to: commander.principal)]
  }

  mutating func close(_ partitions: PartitionSet) -> [DroneAction] {
    var closing = PartitionSet()
    for partition in partitions {
      if case .serving(let token) = holdings[partition] {
        holdings.close(partition, as: .closing(token))
        closing.insert(partition)
      }
    }
    return closing.isEmpty ? [] : [.close(closing)]
  }

  mutating func closed(_ partitions: PartitionSet, now: Instant) -> [DroneAction] {
    for partition in partitions { holdings.closed(partition) }
    departure.closed(loops: replications.count)
    return report(now)
  }
}
