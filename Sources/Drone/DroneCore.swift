import Cluster
import Wire

/// A drone's control side: it registers, votes, stands for office, keeps its leases, and opens and gives back
/// partitions. A state machine without I/O, clock or randomness: the same runs in the simulator.
public struct DroneCore: Sendable {
  public struct Identity: Hashable, Sendable {
    public let principal: Principal
    public let incarnation: Incarnation
    public let endpoint: Endpoint
    public let cluster: String
    public let authority: Principal

    public init(
      principal: Principal, incarnation: Incarnation, endpoint: Endpoint, cluster: String,
      authority: Principal
    ) {
      self.principal = principal
      self.incarnation = incarnation
      self.endpoint = endpoint
      self.cluster = cluster
      self.authority = authority
    }
  }

  /// The commander this drone believes.
  struct CommanderView: Equatable, Sendable {
    let principal: Principal
    let term: Term
    var certificate: [UInt8]
    /// Seconds since 1970; after this the certificate must have been renewed.
    var notAfter: Int64
    var lastHeard: Instant
    var isSilent = false
  }

  let identity: Identity
  let timing: Timing
  let verifier: ElectionVerifier
  let membershipVerifier: MembershipVerifier

  var promise: VotePromise
  var commander: CommanderView?
  var candidacy = Candidate()
  /// A term known to be in use elsewhere: the next candidacy is above it. Nothing is promised by it.
  var nextTermFloor = Term.none
  /// The highest term that the authority has told of.
  var registerTerm = Term.none
  /// Whom this drone talks with, the authority aside; nil: with nobody else yet.
  var members: MembershipList?
  /// That list as it was signed, for others; nil until the authority or another drone has sent it in this life.
  var signedMembers: SignedMembership?
  /// When the authority was heard last, or began to be waited for.
  var authorityHeard: Instant
  /// How many times others were asked for a newer list since.
  var membershipQuestions = 0
  /// It was removed in this life of it, and takes part in nothing any more.
  var isWithdrawn = false
  /// The version of the membership that `drones` and `databases` are taken from.
  var listVersion: UInt64 = 0
  /// The term whose certificate came with that list; none, if none did.
  var listOffice = Term.none
  var drones: [RegisteredNode] = []
  var databases: [RegisteredNode] = []
  var isRegistered: Bool { drones.contains { $0.principal == identity.principal } }
  /// The office that this very process holds.
  var office: Term?

  var map: SlotMap?
  var access = AccessListState()
  /// What the map gives to this drone.
  public internal(set) var owned = PartitionSet()
  var holdings = Holdings()
  var lease: Lease
  var reachesDatabase = false
  var lastSequence: UInt64 = 0
  /// When this life of the drone began.
  let began: Instant
  private var loopTicks: [Instant]
  private(set) var replications: [Replication]
  /// It was said that there is no room for what clients put.
  var isFull = false
  private(set) var lastRegister: Instant?
  private(set) var lastTick: Instant?
  var departure = Departure()
  /// When the commander was told last of a registered drone that was not reached.
  private var lastUnreachable: [Principal: Instant] = [:]
  var lastGrantRequest: Instant?
  private var random: SplitMix

  /// - Parameters:
  ///   - promise: what was stored last, `.none` on the first start.
  ///   - members: the list that was stored last, nil on the first start.
  ///   - seed: randomness for back-offs.
  ///   - loops: how many data loops there are; partition p belongs to loop p mod loops.
  public init(
    identity: Identity, timing: Timing, verifier: ElectionVerifier, membershipVerifier: MembershipVerifier,
    promise: VotePromise, members: MembershipList?, loops: Int, seed: UInt64, now: Instant
  ) {
    self.identity = identity
    self.timing = timing
    self.verifier = verifier
    self.membershipVerifier = membershipVerifier
    self.promise = promise
    self.members = members
    began = now
    authorityHeard = now
    lease = Lease(identity.incarnation)
    loopTicks = [Instant](repeating: now, count: max(1, loops))
    replications = [Replication](repeating: Replication(), count: max(1, loops))
    random = SplitMix(seed: seed)
    // Nobody has been heard yet; a running commander gets its chance before this drone stands for office.
    candidacy.waitUntil = now + timing.suspicion + backOff()
  }

  public mutating func handle(_ event: DroneEvent, now: Instant) -> [DroneAction] {
    let actions = react(to: event, now: now)
    return actions + adjustDenials(now)
  }

  private mutating func react(to event: DroneEvent, now: Instant) -> [DroneAction] {
    switch event {
    case .ticked: tick(now)
    case .received(let message, let peer, let wall): receive(message, from: peer, wall: wall, now: now)
    case .electionKeyMade(let term, let request): requestBallot(term: term, request: request, now: now)
    case .resigned(let term): resign(term: term, now: now)
    case .opened(let partitions, let token): opened(partitions, token, now: now)
    case .lost(let partitions, let token): lose(partitions, token, now: now)
    case .refused(let partitions, let token, let refusal): refused(partitions, token, refusal)
    case .replicated(let loop, let replication): replicated(loop, replication)
    case .closed(let partitions): closed(partitions, now: now)
    case .loopTicked(let loop, let at): tickLoop(loop, at)
    case .databaseReached(let reached): reach(database: reached)
    case .foundUnreachable(let drone): tellCommander(of: drone, now: now)
    case .ending: end(now)
    case .retired: retire(now)
    }
  }

  /// The highest term this drone has promised or seen certified.
  public var highestTerm: Term { max(promise.term, commander?.term ?? .none) }

  /// Of the commander that this drone believes.
  public var commanderTerm: Term { commander?.term ?? .none }

  public var slotMap: SlotMap? { map }

  /// Whether it counts as there. Not whether this drone may vote for another (`abstains`).
  public var hearsCommander: Bool { commander.map { !$0.isSilent } ?? false }

  mutating func backOff() -> Int64 { random.next(in: timing.backOff) }

  private mutating func tick(_ now: Instant) -> [DroneAction] {
    lastTick = now
    var actions: [DroneAction] = []
    if lastRegister.map({ now - $0 >= timing.heartbeat * 4 }) ?? true {
      lastRegister = now
      actions.append(register())
      actions += askForMembership(now)
    }
    actions += tickElection(now)
    actions += requestGrants(now)
    return actions
  }

  func register() -> DroneAction {
    let register = Register(
      incarnation: identity.incarnation, endpoint: identity.endpoint,
      accessVersion: access.held?.version ?? 0, membership: passableVersion, promised: promise.term)
    return .send(.register(register), to: identity.authority)
  }

  private mutating func receive(
    _ message: ControlMessage, from peer: Principal, wall: Int64, now: Instant
  ) -> [DroneAction] {
    // A session may have been there before the list that does not name its peer.
    guard peer == identity.authority || isTrusted(peer) else { return [] }
    return switch message {
    case .membership(let signed): receive(signed, from: peer, now: now)
    case .membershipQuestion(let question) where peer.role == .drone: answer(question, from: peer)
    case .registered(let list) where peer == identity.authority: register(list, wall: wall, now: now)
    case .voteQuery(let query) where peer == identity.authority: vote(query, now: now)
    case .ballotFailed(let failure) where peer == identity.authority: fail(failure, now: now)
    case .certified(let certified) where peer == identity.authority:
      certify(certified, wall: wall, now: now)
    case .candidacy(let candidacy) where isDrone(peer): answer(candidacy, from: peer, now: now)
    case .candidacyAnswer(let answer) where isDrone(peer): count(answer, from: peer, now: now)
    case .heartbeat(let heartbeat) where peer.role == .drone:
      hear(heartbeat, from: peer, wall: wall, now: now)
    case .refused(let refusal) where isDrone(peer): heed(refusal)
    case .renewal(let renewal) where isCommander(peer, renewal.term): renew(renewal, now: now)
    case .mapPublished(let signed) where peer == commander?.principal:
      install(signed, wall: wall, now: now)
    case .accessList(let list) where peer == identity.authority: receive(list)
    case .accessListPublished(let signed) where peer == commander?.principal:
      install(signed, wall: wall, now: now)
    case .grantAnswer(let answer) where isCommander(peer, answer.term): open(answer)
    case .release(let release) where isCommander(peer, release.term): close(release.partitions)
    case .forgetCopies(let order) where isCommander(peer, order.term): [.forget(order.copies)]
    default: []
    }
  }

  /// The commander is told that a drone was not reached, of each once in a heartbeat at most: clients say so too.
  private mutating func tellCommander(of drone: Principal, now: Instant) -> [DroneAction] {
    guard let commander, !commander.isSilent, drone != identity.principal, drone != commander.principal,
      isDrone(drone), lastUnreachable[drone].map({ now - $0 >= timing.heartbeat }) ?? true
    else { return [] }
    lastUnreachable[drone] = now
    return [.send(.unreachable(Unreachable(term: commander.term, principal: drone)), to: commander.principal)]
  }

  /// Its own commander was refused.
  private mutating func heed(_ refusal: Refused) -> [DroneAction] {
    noteHint(refusal.term)
    return []
  }

  /// Whoever is given something meanwhile would have to hand it to the database, too.
  private mutating func end(_ now: Instant) -> [DroneAction] {
    guard !departure.isEnding else { return [] }
    departure.begin(after: lease.lastNonce)
    return report(now)
  }

  /// Gives everything back, so that nobody has to wait for the end of its lease; with no data loop alive, by its
  /// word, nothing is given to it any more.
  private mutating func retire(_ now: Instant) -> [DroneAction] {
    departure.retire()
    let closing = close(.all)
    return closing.isEmpty ? report(now) : closing
  }

  private func isDrone(_ peer: Principal) -> Bool { drones.contains { $0.principal == peer } }

  /// Not to who has promised a higher term: one that was deposed, and does not keep to it, could else renew for ever what
  /// others are given meanwhile.
  private func isCommander(_ peer: Principal, _ term: Term) -> Bool {
    commander?.principal == peer && commander?.term == term && term >= highestTerm
  }

  private mutating func register(_ list: Registered, wall: Int64, now: Instant) -> [DroneAction] {
    authorityHeard = now
    membershipQuestions = 0
    access.expected = max(access.expected, list.accessVersion)
    var actions: [DroneAction] = []
    // Lists that were overtaken on their way say what was; but their term has been claimed all the same.
    if list.membership >= listVersion {
      drones = list.drones
      databases = list.databases
      listVersion = list.membership
      listOffice = list.certificate == nil ? .none : list.term
      actions.append(.learn((list.drones + list.databases).filter { $0.principal != identity.principal }))
    }
    if let office, office < list.term {
      // A majority has given its voices to another. What this list says of drones is not for this office: it
      // might find itself a majority in a version that the ballot did not go by.
      self.office = nil
      actions.append(.leaveOffice(office))
    }
    if let certificate = list.certificate {
      actions += believe(certificate: certificate, peer: nil, wall: wall, now: now) + assumeOffice()
    } else if list.term > max(highestTerm, registerTerm) {
      // The authority is certifying somebody: give that election its time. Once a term, for it may come to
      // nothing, and this message is repeated for as long.
      candidacy.wait(until: now + timing.suspicion + backOff())
    }
    registerTerm = max(registerTerm, list.term)
    return actions
  }

  // MARK: Leases

  private mutating func hear(
    _ heartbeat: Heartbeat, from peer: Principal, wall: Int64, now: Instant
  ) -> [DroneAction] {
    guard heartbeat.term >= highestTerm else {
      return [
        .send(.refused(Refused(reason: "a higher term has been promised", term: highestTerm)), to: peer)
      ]
    }
    var actions = believe(certificate: heartbeat.certificate, peer: peer, wall: wall, now: now)
    // A heartbeat counts for the certificate that it carries: one that has expired is none.
    guard isCommander(peer, heartbeat.term), let believed = commander,
      believed.certificate == heartbeat.certificate, wall <= believed.notAfter
    else { return actions }
    commander?.lastHeard = now
    commander?.isSilent = false
    candidacy.wait(until: now + timing.suspicion)
    lastSequence = heartbeat.sequence
    actions += standDown()
    return actions + report(now)
  }

  /// The answer to the last heartbeat; sent again at once when holdings change.
  mutating func report(_ now: Instant) -> [DroneAction] {
    guard let commander, isTrusted(commander.principal) else { return [] }
    let dropped = holdings.dropLapsed(for: commander.term, now: now)
    let nonce = lease.send(at: now)
    let report = Report(
      term: commander.term, sequence: lastSequence, nonce: nonce, incarnation: identity.incarnation,
      endpoint: identity.endpoint, holdings: holdings.reported, lively: lively(now),
      mapTerm: map?.term ?? .none,
      mapVersion: map?.version ?? 0, accessTerm: access.installed.term,
      accessVersion: access.installed.version, reachesDatabase: reachesDatabase, copies: copies,
      journaled: replications.reduce(into: PartitionSet()) { $0.formUnion($1.journaled) },
      shadowed: replications.reduce(into: PartitionSet()) { $0.formUnion($1.shadowed) },
      behind: UInt64(clamping: replications.map(\.behind).max() ?? 0),
      backlog: UInt64(clamping: replications.reduce(0) { $0 + $1.backlog }), isEnding: departure.isEnding,
      memory: memory, losses: Array(replications.flatMap(\.losses).suffix(JournalLoss.most)))
    let send = DroneAction.send(.report(report), to: commander.principal)
    return dropped.isEmpty ? [send] : [.close(dropped), send]
  }

  /// Of all data loops, by token.
  private var copies: [Holding] {
    var sets: [FencingToken: PartitionSet] = [:]
    for copy in replications.flatMap(\.copies) { sets[copy.token, default: []].formUnion(copy.partitions) }
    return sets.keys.sorted().map { Holding(token: $0, partitions: sets[$0] ?? []) }
  }

  private mutating func replicated(_ loop: Int, _ replication: Replication) -> [DroneAction] {
    guard replications.indices.contains(loop) else { return [] }
    replications[loop] = replication
    departure.told(loop: loop, after: lease.lastNonce)
    return noteMemory()
  }

  private mutating func renew(_ renewal: Renewal, now: Instant) -> [DroneAction] {
    departure.receive(renewal)
    // A commander may grant less than the cluster's lease, never more.
    let milliseconds = min(timing.lease, Int64(clamping: renewal.milliseconds))
    guard let until = lease.end(of: renewal.nonce, milliseconds: milliseconds), until > now else {
      return []
    }
    access.isInForceUntil = max(access.isInForceUntil ?? until, until)
    let covered = holdings.renew(
      renewal.partitions, nonce: renewal.nonce, until: until, term: renewal.term)
    return covered.isEmpty ? [] : [.serve(covered, until: until)]
  }

  private mutating func tickLoop(_ loop: Int, _ at: Instant) -> [DroneAction] {
    if loopTicks.indices.contains(loop) { loopTicks[loop] = max(loopTicks[loop], at) }
    return []
  }

  /// Partitions whose data loop showed life within the suspicion interval.
  private func lively(_ now: Instant) -> PartitionSet {
    if departure.isRetired { return [] }
    let alive = loopTicks.map { now - $0 <= timing.suspicion }
    guard alive.contains(false) else { return .all }
    return PartitionSet(Partition.all.filter { alive[$0.index % alive.count] })
  }

  private mutating func reach(database reached: Bool) -> [DroneAction] {
    reachesDatabase = reached
    return []
  }
}
