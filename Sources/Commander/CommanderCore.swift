import Cluster

/// The commander's office for one term: heartbeats, leases, the slot map, grants. A state machine without I/O,
/// clock or randomness. It ends with `resign`; a new office is a new value.
public struct CommanderCore: Sendable {
  public struct Identity: Hashable, Sendable {
    public let principal: Principal
    public let term: Term
    public let cluster: String
    public let authority: RegisteredNode

    public init(principal: Principal, term: Term, cluster: String, authority: RegisteredNode) {
      self.principal = principal
      self.term = term
      self.cluster = cluster
      self.authority = authority
    }
  }

  /// How long a published map is good, in seconds; it is signed again at half of that.
  static let mapLife: Int64 = 600
  /// How long a signature may take, in seconds.
  static let signingTime: Int64 = 5
  /// Partitions that may be on their way between drones at the same time, unless it is said otherwise.
  public static let concurrentMoves = 32

  public let identity: Identity
  let timing: Timing
  /// How many shadows each partition is to have.
  let shadowCount: Int
  /// Partitions that may be on their way between drones at the same time.
  let maximumMoves: Int
  var certificate: [UInt8]
  var notAfter: Int64
  /// When to ask for the next certificate: half-way through the life that this one had left when it came.
  private var renewAt: Int64

  /// The version of the membership by which this commander counts its majority. It never goes back: the
  /// authority, which is told of it with each heartbeat, asks no ballot for a majority of a lower one.
  public private(set) var membership: UInt64
  /// The drones of that version, in order of principal.
  var members: [Member]
  var databases: [DatabaseView]
  var partitions: [PartitionRecord]
  /// Before this, a partition that nobody reports may be served under a lease of an earlier commander.
  let accountedAt: Instant
  let began: Instant

  var grantCounter: UInt64 = 0
  private var sequence: UInt64 = 0
  private var sentHeartbeats: [(sequence: UInt64, at: Instant)] = []
  private(set) var lastRound: Instant?
  private(set) var lastTick: Instant?
  var lastMajority: Instant
  /// Since when it has had a majority without a break.
  var majoritySince: Instant?
  /// When the newest heartbeat that the authority answered was sent.
  private(set) var authorityAnswered: Instant?
  private var lastCertificateRequest: Instant?
  var reachedByDrones = ReachedByDrones()
  /// What the database has stored is known.
  var knowsFences = false
  /// It is to be asked for it, at first and when a copy that nobody has told of is needed.
  var wantsFences = true
  var fencesAsked: Instant?
  private var lastWall: Int64 = 0
  var map = PublishedMap()
  var access = AccessPublication()

  /// - Parameters:
  ///   - previous: the newest map of an earlier term, if one is known: where partitions were.
  ///   - shadows: how many each partition is to have, 0 to 2; as many as there are other drones if that is less.
  ///   - notBefore, notAfter: the certificate's validity in seconds since 1970.
  public init(
    identity: Identity, timing: Timing, shadows: Int = 1, certificate: [UInt8], notBefore: Int64,
    notAfter: Int64, membership: UInt64, drones: [RegisteredNode], databases: [RegisteredNode],
    previous: SlotMap?, maximumMoves: Int = CommanderCore.concurrentMoves, now: Instant
  ) {
    self.identity = identity
    self.timing = timing
    shadowCount = min(max(0, shadows), 2)
    self.maximumMoves = maximumMoves
    self.certificate = certificate
    self.notAfter = notAfter
    renewAt = notBefore + (notAfter - notBefore) / 2
    self.membership = membership
    members = drones.sorted { $0.principal < $1.principal }.map(Member.init)
    self.databases = databases.sorted { $0.principal < $1.principal }.map {
      DatabaseView(node: $0, since: now)
    }
    began = now
    lastMajority = now
    // An earlier commander renewed nothing after the ballot of this term. It renews at a time t only if a
    // majority answered heartbeats that it sent at t - suspicion or later. One of those voters has voted in
    // this term, at V, and it abstains for the suspicion interval after its last answer (and after its start,
    // since it may have answered in an earlier life). And no lease that it gave runs longer than the lease interval
    // from the sending of those heartbeats (`renewal`), so none beyond V - suspicion + lease; the ballot is over by
    // now. In the first term there was nobody who could have given one.
    let wait = identity.term == Term(1) ? 0 : timing.lease - timing.suspicion + timing.drift
    accountedAt = now + wait
    let accountedAt = accountedAt
    partitions = Partition.all.map { partition in
      var record = PartitionRecord(
        leasedUntil: accountedAt, formerOwner: previous?.owner(of: partition)?.principal)
      let formerShadows = previous?.shadows(of: partition).map(\.principal) ?? []
      record.shadows = Array(formerShadows.prefix(shadows))
      record.copyHolders = Set(formerShadows + [record.formerOwner].compactMap { $0 })
      return record
    }
    for drone in previous?.drones ?? [] where drone.draining != nil {
      if let index = members.firstIndex(where: { $0.principal == drone.principal }) {
        members[index].draining = drone.draining
      }
    }
  }

  public mutating func handle(_ event: CommanderEvent, now: Instant) -> [CommanderAction] {
    switch event {
    case .ticked(let wall): tick(wall: wall, now: now)
    case .received(let message, let peer): receive(message, from: peer, now: now)
    case .registerChanged(let version, let drones, let databases):
      update(to: version, drones: drones, databases: databases, now: now)
    case .certified(let certificate, let notAfter): renew(certificate: certificate, notAfter: notAfter)
    case .signed(let map, let version): publish(map, version: version)
    case .accessListChanged(let list): receive(list)
    case .accessListSigned(let list, let version): publish(list, accessVersion: version)
    }
  }

  // MARK: Time

  private mutating func tick(wall: Int64, now: Instant) -> [CommanderAction] {
    lastTick = now
    let heartbeats = heartbeat(now)
    var actions = heartbeats
    if hasMajority(now) {
      lastMajority = now
      majoritySince = majoritySince ?? now
    } else {
      majoritySince = nil
    }
    if now - lastMajority > timing.resignation {
      return [.resign(identity.term, reason: "no majority answered for \(timing.resignation) ms")]
    }
    if wall >= notAfter {
      return [.resign(identity.term, reason: "the election certificate has expired and was not renewed")]
    }
    actions += tickDatabases(now) + askFences(now)
    if let reason = databaseLostAlone(now) { return [.resign(identity.term, reason: reason)] }
    actions += expire(now)
    if hasMajority(now) { actions += assign(now, isRound: !heartbeats.isEmpty) }
    actions += grantUnasked(now)
    actions += refreshMap(wall: wall) + refreshAccessList(wall: wall)
    actions += requestCertificate(wall: wall, now: now)
    return actions
  }

  private mutating func heartbeat(_ now: Instant) -> [CommanderAction] {
    if let lastRound, now - lastRound < timing.heartbeat { return [] }
    lastRound = now
    return heartbeat(to: members.map(\.principal) + [identity.authority.principal], now)
  }

  private mutating func heartbeat(to peers: [Principal], _ now: Instant) -> [CommanderAction] {
    sequence += 1
    sentHeartbeats.append((sequence, now))
    if sentHeartbeats.count > 64 { sentHeartbeats.removeFirst() }
    let heartbeat = Heartbeat(
      term: identity.term, sequence: sequence, certificate: certificate,
      mapVersion: map.published?.version ?? 0, membership: membership)
    return peers.map { .send(.heartbeat(heartbeat), to: $0) }
  }

  /// Somebody does not reach a drone: it is asked for a sign of life at once, and is silent if none comes within a
  /// heartbeat, instead of the suspicion interval. Its word decides: whoever reports wrongly does no harm.
  private mutating func look(at drone: Principal, by peer: Principal, _ now: Instant) -> [CommanderAction] {
    guard members.contains(where: { $0.principal == peer }),
      let index = members.firstIndex(where: { $0.principal == drone }), members[index].isAlive(now, timing),
      members[index].lookedAt.map({ now - $0 >= timing.heartbeat }) ?? true
    else { return [] }
    members[index].lookedAt = now
    return heartbeat(to: [drone], now)
  }

  /// When the heartbeat of this sequence number was sent.
  private func sent(_ sequence: UInt64) -> Instant? { sentHeartbeats.first { $0.sequence == sequence }?.at }

  private mutating func requestCertificate(wall: Int64, now: Instant) -> [CommanderAction] {
    lastWall = wall
    guard wall >= renewAt,
      lastCertificateRequest.map({ now - $0 >= timing.resignation }) ?? true
    else { return [] }
    lastCertificateRequest = now
    return [.requestCertificate(identity.term)]
  }

  private mutating func renew(certificate: [UInt8], notAfter: Int64) -> [CommanderAction] {
    self.certificate = certificate
    self.notAfter = notAfter
    renewAt = lastWall + (notAfter - lastWall) / 2
    map.isStale = true
    access.isStale = true
    return []
  }

  // MARK: Messages

  private mutating func receive(_ message: ControlMessage, from peer: Principal, now: Instant)
    -> [CommanderAction]
  {
    switch message {
    case .report(let report) where report.term == identity.term: receive(report, from: peer, now: now)
    case .heartbeatHeard(let heard) where heard.term == identity.term && peer == identity.authority.principal:
      hear(authority: heard, now)
    case .grantRequest(let request) where request.term == identity.term: grant(request, to: peer, now: now)
    case .unreachable(let report) where report.term == identity.term:
      look(at: report.principal, by: peer, now)
    case .openFailed(let failure) where failure.term == identity.term: failed(failure, at: peer, now)
    case .keyStored(let stored) where stored.term == identity.term:
      reached(commandService: peer, now: now) + askFences(now)
    case .fences(let fences) where fences.term == identity.term: learn(fences, from: peer, now)
    case .refused(let refusal) where refusal.term > identity.term:
      refused(refusal.term, by: peer, now: now)
    default: []
    }
  }

  /// The authority's register decides, so its word ends the office at once. A drone's word about a term is nothing: a
  /// higher one comes with its certificate. One that has promised it, and so follows this commander no more, tells the
  /// authority (`PromiseWatch`).
  private mutating func refused(_ term: Term, by peer: Principal, now: Instant) -> [CommanderAction] {
    if peer == identity.authority.principal {
      return [.resign(identity.term, reason: "the authority's term is \(term)")]
    }
    guard let index = members.firstIndex(where: { $0.principal == peer }),
      members[index].refusedAt.map({ now - $0 > 60_000 }) ?? true
    else { return [] }
    members[index].refusedAt = now
    return [.note(.refusedBy(peer, term))]
  }

  private mutating func hear(authority heard: HeartbeatHeard, _ now: Instant) -> [CommanderAction] {
    guard let at = sent(heard.sequence) else { return [] }
    let majorityBefore = majorityAnswered
    authorityAnswered = max(authorityAnswered ?? at, at)
    return majorityAnswered == majorityBefore ? [] : renewals(besides: nil, now)
  }

  private mutating func update(
    to version: UInt64, drones: [RegisteredNode], databases nodes: [RegisteredNode], now: Instant
  ) -> [CommanderAction] {
    // A list that was overtaken on its way.
    guard version >= membership else { return [] }
    membership = version
    databases.removeAll { known in !nodes.contains { $0.principal == known.node.principal } }
    for node in nodes where !databases.contains(where: { $0.node.principal == node.principal }) {
      databases.append(DatabaseView(node: node, since: now))
    }
    databases.sort { $0.node.principal < $1.node.principal }
    for index in databases.indices {
      if let node = nodes.first(where: { $0.principal == databases[index].node.principal }) {
        databases[index].node = node
      }
    }
    // Nothing is renewed for a drone that was removed, and it is not on the map any more. What it holds is free
    // once its lease is over by this commander's count (`expire`), as with a drone that is dead.
    let removed = members.map(\.principal).filter { member in !drones.contains { $0.principal == member } }
    members.removeAll { removed.contains($0.principal) }
    if !removed.isEmpty { map.isStale = true }
    var actions = removed.map { CommanderAction.note(.droneRemoved($0)) }
    for node in drones.sorted(by: { $0.principal < $1.principal }) {
      if let index = members.firstIndex(where: { $0.principal == node.principal }) {
        if members[index].endpoint != node.endpoint { map.isStale = true }
        members[index].endpoint = node.endpoint
      } else {
        members.append(Member(node))
        actions.append(.note(.droneJoined(node.principal)))
      }
    }
    members.sort { $0.principal < $1.principal }
    return actions
  }

  private mutating func receive(_ report: Report, from peer: Principal, now: Instant) -> [CommanderAction] {
    guard let index = members.firstIndex(where: { $0.principal == peer }) else { return [] }
    let isNewLife = members[index].incarnation != report.incarnation
    guard isNewLife || report.nonce > members[index].lastNonce else { return [] }
    members[index].incarnation = report.incarnation
    members[index].lastNonce = report.nonce
    members[index].isSilent = false
    members[index].silentSince = nil
    let majorityBefore = majorityAnswered
    if let at = sent(report.sequence) {
      members[index].lastAnswered = max(members[index].lastAnswered ?? at, at)
    }
    if members[index].endpoint != report.endpoint {
      members[index].endpoint = report.endpoint
      map.isStale = true
    }
    if report.reachesDatabase { databaseReached(now) }
    members[index].reachesDatabase = report.reachesDatabase
    if report.reachesDatabase || isNewLife { members[index].reachedDatabase = now }
    members[index].lively = report.lively
    members[index].mapTerm = report.mapTerm
    members[index].mapVersion = report.mapVersion
    members[index].copies = report.copies
    members[index].journaled = report.journaled
    members[index].losses = report.losses
    members[index].shadowed = report.shadowed
    members[index].behind = report.behind
    members[index].backlog = report.backlog
    members[index].memory = report.memory
    if isNewLife { members[index].noRoomUntil = nil }
    members[index].isEnding = report.isEnding
    let holder = Holder(principal: peer, incarnation: report.incarnation)
    members[index].holdings = report.holdings
    var actions = account(report.holdings, of: holder, now: now)
    actions += uselessCopies(report.copies, of: holder)
    actions += finishMoves(report, of: holder)
    actions += grantUnasked(now)
    members[index].mayBeRenewed = hasAccessList(report)
    actions += renewal(for: index, now)
    if majorityAnswered != majorityBefore { actions += renewals(besides: index, now) }
    if let published = map.published, (report.mapTerm, report.mapVersion) < (identity.term, published.version)
    {
      actions.append(.send(.mapPublished(published.signed), to: peer))
    }
    return actions + repeatAccessList(to: peer, after: report)
  }
}
