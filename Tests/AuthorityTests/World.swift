import Authority
import Cluster
import Cryptography
import Testing

/// What is around an authority's core: a register, a KDC, a CA, drones and databases, all in memory and without
/// time of their own. The register and the KDC outlive a crash of the core.
final class World {
  static let realm = "KEYVAL.TEST"
  static let timing = Timing()
  static let ca = try! CertificateAuthority.create(
    name: "Test", realm: realm, notBefore: 0, notAfter: 4_000_000_000)

  /// Where the process ends.
  enum Crash {
    /// The action was asked for and not done.
    case before((AuthorityAction) -> Bool)
    /// It was done, and the core never heard of it.
    case after((AuthorityAction) -> Bool)
  }

  // Durable, and others'.
  var register: RegisterContents
  var offices: [Term: [UInt8]] = [:]
  var databaseTerms: [Principal: Term] = [:]
  /// Whom each drone votes for; a drone that is not here does not answer.
  var votes: [Principal: Principal?] = [:]
  var unreachableDatabases: Set<Principal> = []
  var isKDCAway = false
  /// Registers and KDCs that fail: the sentence, and whether the change was made all the same.
  var registerFailure: (reason: String, isStored: Bool)?
  /// Done just before the next compare-and-set, or the next time the register is read: another authority.
  var standby: ((World) -> Void)?
  var standbyAtRead: ((World) -> Void)?
  /// Actions that are asked for and take their time: neither done nor answered.
  var isHeld: ((AuthorityAction) -> Bool)?

  /// How long the process is certain to be the active one.
  var tenure = Instant(milliseconds: .max)

  /// The database's and the drones' newest membership lists.
  var lists: [Principal: MembershipList] = [:]
  static let membershipKey = try! P256PrivateKey.generate()
  static let membershipVerifier = MembershipVerifier(key: membershipKey.publicKey, cluster: "demo")

  // The process.
  var core: AuthorityCore?
  var now = Instant(milliseconds: 1_000_000)
  var wall: Int64 = 1_700_000_000
  var crash: Crash?
  /// All that the core ever asked for, in order, notes left out.
  var actions: [AuthorityAction] = []
  var notes: [AuthorityNote] = []
  private var seed: UInt64 = 0

  init(drones: Int = 3, databases: Int = 1) {
    let nodes = (1...max(1, drones)).prefix(drones).map { Self.drone($0) }
    let stores = (1...max(1, databases)).prefix(databases).map { Self.database($0) }
    register = RegisterContents(
      office: .vacant,
      nodes: (nodes + stores).enumerated().map { index, principal in
        EnrolledNode(
          node: RegisteredNode(
            principal: principal, endpoint: Endpoint(host: "127.0.0.1", port: 7000 + UInt16(index))),
          isExpiryCleared: true)
      }, membership: MembershipHistory(founders: nodes + stores))
    for store in stores { databaseTerms[store] = Term.none }
    start()
  }

  // MARK: Names

  static func drone(_ number: Int) -> Principal {
    try! Principal(role: .drone, node: "d\(number)", realm: realm)
  }

  static func database(_ number: Int) -> Principal {
    try! Principal(role: .database, node: "db\(number)", realm: realm)
  }

  static let administrator = try! Principal("root@KEYVAL.TEST")

  // MARK: The process

  func start() {
    seed += 1000
    crash = nil
    core = AuthorityCore(
      identity: .init(
        principal: try! Principal(role: .authority, node: "a1", realm: Self.realm),
        cluster: "demo"),
      administrators: [Self.administrator], timing: Self.timing,
      verifier: ElectionVerifier(anchors: [Self.ca.anchor], realm: Self.realm),
      register: register, tenure: tenure, seed: seed)
    feed(.started)
    for node in register.nodes { feed(.connected(node.node.principal)) }
  }

  func restart() {
    core = nil
    start()
  }

  /// Hands the core an event, and does all that follows from it.
  func feed(_ event: AuthorityEvent) {
    var events = [event]
    while !events.isEmpty, core != nil {
      let event = events.removeFirst()
      for action in core?.handle(event, now: now, wall: wall) ?? [] {
        if case .note(let note) = action {
          notes.append(note)
          continue
        }
        if case .before(let matches) = crash, matches(action) {
          core = nil
          return
        }
        actions.append(action)
        let answers = perform(action)
        if case .after(let matches) = crash, matches(action) {
          core = nil
          return
        }
        events += answers
      }
    }
  }

  /// Time passes in steps of half a heartbeat.
  func pass(_ milliseconds: Int64) {
    var left = milliseconds
    while left > 0 {
      let step = min(left, Self.timing.heartbeat / 2)
      now = now + step
      left -= step
      // A process that has nothing to wait for is not woken.
      if let next = core?.nextTick, now >= next { feed(.ticked) }
    }
  }

  private func perform(_ action: AuthorityAction) -> [AuthorityEvent] {
    if isHeld?(action) == true { return [] }
    switch action {
    case .send(let message, let peer): return deliver(message, to: peer)
    case .learn, .note, .enroll, .issueTicketCertificate: return []
    case .readRegister(let operation):
      if let standbyAtRead {
        self.standbyAtRead = nil
        standbyAtRead(self)
      }
      if let registerFailure { return [.failed(operation: operation, reason: registerFailure.reason)] }
      return [.registerRead(operation: operation, register)]
    case .replaceOffice(let operation, let office, let version): return replace(operation, office, version)
    case .storeNode(let node):
      register = register.storing(node)
      return [.nodeStored(node, register)]
    case .removeNode(let operation, let node, let isDead, let version):
      if let registerFailure { return [.failed(operation: operation, reason: registerFailure.reason)] }
      register = register.removing(node, isDead: isDead, membership: version)
      return [.nodeRemoved(operation: operation, register)]
    case .readmit(let node):
      register = register.readmitting(node)
      return [.readmitted(register)]
    case .judgeStore(let database, let report, let now):
      if let registerFailure { return [.storeNotJudged(database, reason: registerFailure.reason)] }
      let judgement: StoreJudgement
      (register, judgement) = register.judging(report.mark, of: database, now: now)
      return [.storeJudged(database, report, judgement)]
    case .acceptStore(let operation, let database, let known):
      if let registerFailure { return [.failed(operation: operation, reason: registerFailure.reason)] }
      register = register.knowing(known, of: database)
      return [.storeAccepted(operation: operation, database, known)]
    case .storeCounted(let version):
      register = register.counting(version)
      return []
    case .signMembership(let list):
      let signed = try! SignedMembership(list, key: Self.membershipKey)
      return [.membershipSigned(signed, version: list.version)]
    case .close(let peer): return [.disconnected(peer)]
    case .createOffice(let operation, let term, let fingerprint):
      if isKDCAway { return [.failed(operation: operation, reason: "the KDC is away")] }
      let borne = offices[term] ?? fingerprint
      offices[term] = borne
      return [.officeCreated(operation: operation, borne == fingerprint ? .bearsTheKey : .burnt)]
    case .deleteOffices(let operation, let term):
      if isKDCAway { return [.failed(operation: operation, reason: "the KDC is away")] }
      offices = offices.filter { $0.key >= term }
      return [.lowerOfficesDeleted(operation: operation)]
    case .issueCertificate(let operation, let order):
      return [.certificateIssued(operation: operation, certificate: Self.certificate(order))]
    case .clearExpiry(let node): return [.expiryCleared(node)]
    }
  }

  private func replace(
    _ operation: UInt64, _ office: OfficeRecord, _ version: UInt64?
  ) -> [AuthorityEvent] {
    if let standby {
      self.standby = nil
      standby(self)
    }
    if let registerFailure {
      if registerFailure.isStored { register = register.replacing(office, membership: version) ?? register }
      return [.officeReplaced(operation: operation, .failed(reason: registerFailure.reason))]
    }
    guard let replaced = register.replacing(office, membership: version) else {
      return [.officeReplaced(operation: operation, .stale(register.office))]
    }
    register = replaced
    return [.officeReplaced(operation: operation, .stored)]
  }

  func store(_ office: OfficeRecord) {
    register = RegisterContents(office: office, nodes: register.nodes, membership: register.membership)
  }

  private func deliver(_ message: ControlMessage, to peer: Principal) -> [AuthorityEvent] {
    switch message {
    case .voteQuery(let query):
      guard let candidate = votes[peer] else { return [] }
      let vote = Vote(ballot: query.ballot, term: query.term, candidate: candidate)
      return [.received(.vote(vote), from: peer)]
    case .raiseTerm(let raise):
      guard !unreachableDatabases.contains(peer) else { return [] }
      let term = max(raise.term, databaseTerms[peer] ?? .none)
      databaseTerms[peer] = term
      return [.received(.termRaised(TermRaised(term: term)), from: peer)]
    case .membership(let signed):
      let known = lists[peer]
      lists[peer] = (try? Self.membershipVerifier.verify(signed, known: known)) ?? known
      return []
    default: return []
    }
  }

  static func certificate(_ order: CertificateOrder) -> [UInt8] {
    try! ca.issueElectionCertificate(
      publicKey: P256PublicKey(der: order.winner.key.der), term: order.term.number,
      winner: order.winner.principal.text, realm: realm, notBefore: order.notBefore,
      notAfter: order.notAfter)
  }

  // MARK: Doing and asking

  /// Candidates' keys: one each, as long as the world lasts.
  private var keys: [Principal: P256PrivateKey] = [:]

  func newKey(of drone: Principal) { keys[drone] = try! P256PrivateKey.generate() }

  func key(of drone: Principal) -> ElectionKey {
    if keys[drone] == nil { newKey(of: drone) }
    return ElectionKey(keys[drone]!.publicKey)
  }

  func request(_ term: UInt64, by drone: Principal) {
    _ = key(of: drone)
    let request = try! keys[drone]!.certificateRequest(subject: drone.text)
    feed(.received(.ballotRequest(BallotRequest(term: Term(term), certificateRequest: request)), from: drone))
  }

  /// All drones vote for this one, which asks for a ballot.
  func elect(_ number: Int, term: UInt64) {
    for node in register.nodes where node.node.principal.role == .drone {
      votes[node.node.principal] = .some(Self.drone(number))
    }
    request(term, by: Self.drone(number))
  }

  /// What has been sent to a node, of all it was sent.
  func sent(to peer: Principal) -> [ControlMessage] {
    actions.compactMap { action in
      if case .send(let message, peer) = action { message } else { nil }
    }
  }

  /// The newest list of nodes that was sent to a node.
  func registered(to peer: Principal) -> Registered? {
    sent(to: peer).lazy.compactMap { if case .registered(let list) = $0 { list } else { nil } }.last
  }

  func failures(of drone: Principal) -> [BallotFailed] {
    sent(to: drone).compactMap { if case .ballotFailed(let failure) = $0 { failure } else { nil } }
  }

  func hasOpenedBallot(_ term: UInt64) -> Bool {
    notes.contains { note in
      if case .ballotOpened(Term(term), _, _) = note { true } else { false }
    }
  }

  func certificates(of drone: Principal) -> [Certified] {
    sent(to: drone).compactMap { if case .certified(let certified) = $0 { certified } else { nil } }
  }

  /// - Parameter membership: the version that the commander counts.
  func heartbeat(
    term: UInt64, from peer: Principal, sequence: UInt64 = 1, certificate: [UInt8]? = nil,
    membership: UInt64 = 0
  ) {
    let shown = certificate ?? register.office.certificate?.der ?? []
    let heartbeat = Heartbeat(
      term: Term(term), sequence: sequence, certificate: shown, mapVersion: 0, membership: membership)
    feed(.received(.heartbeat(heartbeat), from: peer))
  }

  func heard(by peer: Principal) -> [UInt64] {
    sent(to: peer).compactMap { if case .heartbeatHeard(let heard) = $0 { heard.sequence } else { nil } }
  }
}

extension AuthorityAction {
  var isClaim: Bool { isRecord(of: .claimed) }

  /// Whether this records that a step was done.
  func isRecord(of step: OfficeRecord.Step) -> Bool {
    if case .replaceOffice(_, let office, _) = self, case .certifying(_, step) = office.state { return true }
    return false
  }

  var isRecordOfCertificate: Bool {
    if case .replaceOffice(_, let office, _) = self { return office.certificate != nil }
    return false
  }

  var isCreateOffice: Bool { if case .createOffice = self { true } else { false } }
  var isDeleteOffices: Bool { if case .deleteOffices = self { true } else { false } }
  var isIssue: Bool { if case .issueCertificate = self { true } else { false } }
  var isRead: Bool { if case .readRegister = self { true } else { false } }
  var isRaise: Bool { if case .send(.raiseTerm, _) = self { true } else { false } }
  var isCertified: Bool { if case .send(.certified, _) = self { true } else { false } }
}
