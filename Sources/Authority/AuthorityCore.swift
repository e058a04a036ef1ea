import Cluster

/// The authority: it registers nodes, holds ballots and certifies who won. A state machine without I/O, clock
/// or randomness.
///
/// Why at most one commander is certified in a term, whatever crashes and whoever stands by: a term passes
/// from nobody to one winner with one key by a single compare-and-set in the register (step 1). Everything
/// after that is done for that key only, may be repeated, and is recorded by a compare-and-set that fails
/// once a higher term has been claimed. A certificate leaves this core only after the record that contains it
/// was stored that way.
///
/// Of several processes one is active (`Tenure`). The register compares who writes to it; what no register sees, the
/// authority's own voice, is given only before the end of the tenure that this core was last told.
public struct AuthorityCore: Sendable {
  public struct Identity: Hashable, Sendable {
    public let principal: Principal
    public let cluster: String

    public init(principal: Principal, cluster: String) {
      self.principal = principal
      self.cluster = cluster
    }
  }

  /// A certificate's life in seconds. The term is the fence, not the clock: an authority that is away for
  /// minutes must not end an office.
  public static let certificateLife: Int64 = 3600
  /// Certificates begin this many seconds in the past, for verifiers whose clocks are behind.
  public static let backdating: Int64 = 60
  /// A certificate younger than this, in seconds, is sent again rather than made again.
  static let resendAge: Int64 = 60
  /// The furthest a candidate may go above the highest term. One drone with a wild number would otherwise use
  /// up all terms at once.
  static let longestStep: UInt64 = 1 << 20

  let identity: Identity
  /// The people who may enroll and remove nodes, as the operator's configuration says now.
  var administrators: Set<Principal>
  let timing: Timing
  let verifier: ElectionVerifier

  /// The register's record as this core last knew it to be.
  var office: OfficeRecord
  /// The register's nodes as this core last knew them: the members.
  var nodes: [Principal: EnrolledNode] = [:]
  var membership: MembershipHistory
  /// The newest membership list that has been signed.
  var signed: (version: UInt64, list: SignedMembership)?
  /// Removals on their way into the register, by operation.
  var removals: [UInt64: Removal] = [:]
  /// When each node last registered, in this life of the core.
  var heard: [Principal: Instant] = [:]
  /// On their way into the register.
  var storing: [Principal: EnrolledNode] = [:]
  var clearing: Set<Principal> = []
  var connected = PeerSessions()
  /// The highest term that each database said it has stored, in its present life.
  var raised: [Principal: Term] = [:]
  var incarnations: [Principal: Incarnation] = [:]
  /// Before this no other process of the authority speaks.
  var tenure: Instant
  /// When the current commander was last heard.
  var commanderHeard: Instant?
  var promises = PromiseWatch()
  var stores: StoreWatch
  /// The newest certificate that was verified here, so that a heartbeat costs no signature check.
  var verified: (certificate: [UInt8], notAfter: Int64)?
  /// What drones are handed; nil before the operator's file has been read.
  var accessList: NumberedAccessList?
  var contest: Contest?
  var certification: Certification?
  /// A ticket certificate is being made: whoever asks meanwhile asks again.
  var isIssuingTickets = false
  private var operations: UInt64 = 0
  private var ballots: UInt64
  private var lastTick: Instant?
  /// When `ticked` may next do something; nil: not before something has come.
  public var nextTick: Instant? {
    guard contest != nil || certification != nil else { return nil }
    return lastTick.map { $0 + timing.step } ?? Instant(milliseconds: .min)
  }
  /// What `Registered` says has changed and the nodes have not been told.
  var isAnnouncementDue = false

  /// - Parameters:
  ///   - administrators: as the operator's configuration says at the start.
  ///   - register: read just before, and after the tenure began.
  ///   - tenure: how long this process is certain to be the active one.
  ///   - seed: a random number from which ballots are numbered, so that a vote in an earlier life's ballot
  ///     counts in none of this one.
  public init(
    identity: Identity, administrators: Set<Principal>, timing: Timing, verifier: ElectionVerifier,
    register: RegisterContents, tenure: Instant, seed: UInt64
  ) {
    self.tenure = tenure
    self.identity = identity
    self.administrators = administrators
    self.timing = timing
    self.verifier = verifier
    office = register.office
    membership = register.membership
    stores = StoreWatch(known: register.stores)
    ballots = seed
    for node in register.nodes { nodes[node.node.principal] = node }
  }

  /// The drone that is certified now; nil while there is none.
  public var commander: Principal? { office.certificate == nil ? nil : office.winner?.principal }

  /// - Parameters:
  ///   - now: a clock that is never set back.
  ///   - wall: seconds since 1970, for certificates only.
  public mutating func handle(_ event: AuthorityEvent, now: Instant, wall: Int64) -> [AuthorityAction] {
    var actions = react(to: event, now: now, wall: wall)
    if isAnnouncementDue {
      isAnnouncementDue = false
      actions += announce()
    }
    return actions
  }

  private mutating func react(
    to event: AuthorityEvent, now: Instant, wall: Int64
  ) -> [AuthorityAction] {
    switch event {
    case .started: return start(now)
    case .ticked:
      lastTick = now
      return tickContest(now) + tickCertification(now)
    case .tenureExtended(let until):
      tenure = max(tenure, until)
      return []
    case .connected(let peer):
      connected.open(peer)
      return membership.isRevoked(peer) ? sendAway(peer) : []
    case .disconnected(let peer):
      connected.close(peer)
      return []
    case .received(let message, let peer): return receive(message, from: peer, now: now, wall: wall)
    case .accessListRead(let list): return receive(list)
    case .administratorsRead(let administrators): return receive(administrators)
    case .nodeStored(let node, let contents): return nodeStored(node, contents, now: now)
    case .nodeNotStored(let node, let reason):
      storing[node.node.principal] = nil
      return [.note(.failed(node.node.principal, reason: reason))]
    case .nodeRemoved(let operation, let contents): return nodeRemoved(operation, contents, now: now)
    case .readmitted(let contents): return followChange(contents, now: now)
    case .enrollmentAnswered(let answer, let node, let administrator):
      return enrollmentAnswered(answer, node, for: administrator)
    case .membershipSigned(let list, let version): return membershipSigned(list, version: version)
    case .storeJudged(let database, let report, let judgement):
      return storeJudged(database, report, judgement)
    case .storeNotJudged(let database, let reason):
      stores.judging.remove(database)
      return [.note(.failed(database, reason: reason))]
    case .storeAccepted(let operation, let database, let known):
      return storeAccepted(operation, database, known)
    case .expiryCleared(let node): return expiryCleared(node)
    case .expiryNotCleared(let node, let reason):
      clearing.remove(node)
      return [.note(.failed(node, reason: reason))]
    case .registerRead(let operation, let contents):
      return registerRead(operation, contents, now: now, wall: wall)
    case .officeReplaced(let operation, let outcome):
      return officeReplaced(operation, outcome, now: now, wall: wall)
    case .officeCreated(let operation, let outcome):
      return officeCreated(operation, outcome)
    case .lowerOfficesDeleted(let operation):
      return lowerOfficesDeleted(operation)
    case .certificateIssued(let operation, let certificate):
      return certificateIssued(operation, certificate, wall: wall)
    case .ticketCertificateIssued(let order, let certificate): return ticketsIssued(order, certificate)
    case .ticketCertificateNotIssued(let order, let reason): return ticketsNotIssued(order, reason)
    case .failed(let operation, let reason): return failed(operation, reason, now: now)
    }
  }

  /// All nodes are told at once, whether connected or not: their newest session is then with this process.
  private mutating func start(_ now: Instant) -> [AuthorityAction] {
    let greeting = registeredMessage
    let told = registeredNodes.map { AuthorityAction.send(greeting, to: $0.principal) }
    return [.learn(registeredNodes)] + told + signMembership() + adopt(office, now: now)
  }

  /// Whether this process may speak for the authority at this moment: whoever takes over waits until it may not.
  func isTenured(_ now: Instant) -> Bool { now < tenure }

  private mutating func receive(
    _ message: ControlMessage, from peer: Principal, now: Instant, wall: Int64
  ) -> [AuthorityAction] {
    // It was told why when it came; what it says now does not matter.
    if membership.isRevoked(peer) { return sendAway(peer) }
    switch message {
    case .register(let register):
      return registerNode(register, from: peer, now: now) + heed(register.promised, of: peer, now: now)
    case .ballotRequest(let request): return requestBallot(request, from: peer, now: now, wall: wall)
    case .vote(let vote): return count(vote, from: peer)
    case .termRaised(let raised): return termRaised(raised.term, at: peer)
    case .heartbeat(let heartbeat): return hear(heartbeat, from: peer, now: now, wall: wall)
    case .enrollmentRequest(let request): return enroll(request, for: peer)
    case .removalRequest(let request): return remove(request, for: peer, now: now)
    case .nodesRequest(let request): return list(request, for: peer)
    case .storeReport(let report): return judge(report, of: peer, wall: wall)
    case .storesRequest(let request): return list(request, for: peer)
    case .storeAcceptance(let request): return accept(request, for: peer, wall: wall)
    case .ticketCertificateRequest(let request): return issueTickets(request, for: peer)
    case .refused(let refusal): return [.note(.refused(peer, reason: refusal.reason))]
    default: return [refuse(peer, "this is the authority; it does not take messages of kind \(message.kind)")]
    }
  }

  mutating func nextOperation() -> UInt64 {
    operations &+= 1
    return operations
  }

  mutating func nextBallot() -> UInt64 {
    ballots &+= 1
    return ballots
  }

  func refuse(_ peer: Principal, _ reason: String) -> AuthorityAction {
    .send(.refused(Refused(reason: reason, term: office.term)), to: peer)
  }

  // MARK: What the register's record is

  /// Takes a record from the register for the truth and goes on from there.
  mutating func adopt(_ record: OfficeRecord, now: Instant) -> [AuthorityAction] {
    if office.term != record.term || office.certificate != record.certificate { isAnnouncementDue = true }
    if office.term != record.term { commanderHeard = nil }
    // A new commander has as long to be heard as any other; and whoever certified it, this process or another,
    // may have answered it.
    if record.certificate != nil, commanderHeard == nil { commanderHeard = now }
    office = record
    var actions: [AuthorityAction] = []
    if let contest, record.term >= contest.term {
      actions += endContest("term \(record.term) is taken")
    }
    switch record.state {
    case .vacant, .burnt, .certified:
      certification = nil
    case .certifying:
      let began = certification?.term == record.term ? certification?.began : nil
      certification = Certification(term: record.term, began: began ?? now)
      actions += beginStep()
    }
    return actions
  }

  // MARK: Telling the nodes

  var registeredNodes: [RegisteredNode] {
    nodes.values.map(\.node).sorted { $0.principal < $1.principal }
  }

  func registered(_ role: Role) -> [RegisteredNode] {
    registeredNodes.filter { $0.principal.role == role }
  }

  var registeredMessage: ControlMessage {
    // While a claim is on its way to the register, a list may be of a version that the ballot did not go by. It
    // bears the term that is claimed, so that the commander of the lower one does not count it: it leaves.
    let claimed = contest.flatMap { $0.isClaim ? $0.term : nil } ?? .none
    return .registered(
      Registered(
        term: max(office.term, claimed), certificate: claimed > office.term ? nil : office.certificate?.der,
        membership: membership.version, drones: registered(.drone), databases: registered(.database),
        accessVersion: accessList?.version ?? 0))
  }

  private func announce() -> [AuthorityAction] {
    let message = registeredMessage
    return registeredNodes.map(\.principal).filter(connected.contains).map { .send(message, to: $0) }
  }
}
