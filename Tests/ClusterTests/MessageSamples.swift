import Cluster
import Wire

/// One or more of every message and of every shape of it.
enum MessageSamples {
  private static let term = Term(300)
  private static let some = PartitionSet(Partition.all[10...20])
  private static let node = RegisteredNode(
    principal: Fixture.d1, endpoint: Endpoint(host: "127.0.0.1", port: 7001))
  private static let client = ClientIncarnation(high: .max, low: 1)
  private static let token = FencingToken(term: term, counter: 70_000)
  private static let store = StoreMark(identity: StoreIdentity(high: 1, low: .max), commit: 70_000)
  private static let holders = [
    Holder(principal: Fixture.d1, incarnation: Incarnation(1)),
    Holder(principal: Fixture.d2, incarnation: Incarnation(.max)),
  ]

  static let sessions = [
    OpenSession(
      id: 70_000, principal: Fixture.d1, address: "[::1]:5", isNode: true, since: 1_800_000_000,
      requests: .max,
      unsentBytes: 70_000),
    OpenSession(
      id: .max, principal: Fixture.d2, address: "", isNode: false, since: -1, requests: 0, unsentBytes: 0),
  ]

  static let control: [ControlMessage] = [
    .register(
      Register(
        incarnation: Incarnation(.max), endpoint: node.endpoint, accessVersion: .max, membership: 70_000)),
    .registered(Registered(term: .none, certificate: nil, membership: 0, drones: [], databases: [])),
    .registered(
      Registered(
        term: term, certificate: [1, 2, 3], membership: .max, drones: [node, node], databases: [node],
        accessVersion: 70_000)),
    .candidacy(Candidacy(term: term)),
    .candidacyAnswer(CandidacyAnswer(term: term, choice: .voted, highest: term)),
    .candidacyAnswer(CandidacyAnswer(term: term, choice: .stillReaches, highest: term.next)),
    .candidacyAnswer(CandidacyAnswer(term: term, choice: .promisedElsewhere, highest: term)),
    .ballotRequest(BallotRequest(term: term, certificateRequest: [4, 5])),
    .voteQuery(VoteQuery(ballot: 9, term: term)),
    .vote(Vote(ballot: 9, term: term, candidate: nil)),
    .vote(Vote(ballot: 9, term: term, candidate: Fixture.d2)),
    .ballotFailed(BallotFailed(term: term, highest: term, reason: "no majority")),
    .certified(Certified(term: term, certificate: [6])),
    .raiseTerm(RaiseTerm(term: term)), .termRaised(TermRaised(term: term)),
    .heartbeat(Heartbeat(term: term, sequence: 1, certificate: [7], mapVersion: 2, membership: 3)),
    .heartbeatHeard(HeartbeatHeard(term: term, sequence: 1)),
    .report(
      Report(
        term: term, sequence: 1, nonce: 2, incarnation: Incarnation(3), endpoint: node.endpoint,
        holdings: [Holding(token: token, partitions: some), Holding(token: .none, partitions: [])],
        lively: some, mapTerm: term, mapVersion: 4, accessTerm: term, accessVersion: 5, reachesDatabase: true,
        copies: [Holding(token: token, partitions: some)], journaled: some, shadowed: some, behind: 70,
        backlog: 900, isEnding: true, memory: MemoryUse(used: 7, ceiling: 8, isFull: true))),
    .renewal(Renewal(term: term, nonce: 2, partitions: .all, milliseconds: 2_000, orphans: some)),
    .mapPublished(Fixture.signed()),
    .grantRequest(GrantRequest(term: term, incarnation: Incarnation(3), partitions: some)),
    .grantAnswer(
      GrantAnswer(
        term: term, incarnation: Incarnation(3), partitions: some, token: token, database: node,
        grant: Fixture.sealed())),
    .release(Release(term: term, partitions: some)),
    .deliverKey(DeliverKey(term: term, identifier: 5, key: [UInt8](repeating: 1, count: 32))),
    .keyStored(KeyStored(term: term, identifier: 5)),
    .refused(Refused(reason: "an old term", term: term)),
    .enrollmentRequest(EnrollmentRequest(number: 1, principal: Fixture.d2)),
    .enrollmentAnswer(
      EnrollmentAnswer(number: 1, outcome: .created(password: "one-time", secondsToLive: 600))),
    .enrollmentAnswer(EnrollmentAnswer(number: 1, outcome: .refused(reason: "no"))),
    .openFailed(OpenFailed(term: term, token: token, partitions: some, refusal: .copiesElsewhere)),
    .openFailed(OpenFailed(term: term, token: token, partitions: some, refusal: .notInSync)),
    .openFailed(OpenFailed(term: term, token: token, partitions: some, refusal: .other)),
    .forgetCopies(ForgetCopies(term: term, copies: [Holding(token: token, partitions: some)])),
    .unreachable(Unreachable(term: term, principal: Fixture.d2)),
    .membershipQuestion(MembershipQuestion(version: 0)),
    .membershipQuestion(MembershipQuestion(version: .max)),
    .ticketCertificateRequest(TicketCertificateRequest(term: term)),
    .ticketCertificate(TicketCertificate(term: term, certificate: [8, 9])),
    .storeReport(StoreReport(incarnation: Incarnation(3), mark: store)),
    .storeVerdict(StoreVerdict(incarnation: Incarnation(3), mark: store, known: nil)),
    .storeVerdict(
      StoreVerdict(
        incarnation: Incarnation(3), mark: store, known: KnownStore(mark: store, seenAt: 1_800_000_000))),
    .storesRequest(StoresRequest(number: 4)),
    .storesAnswer(StoresAnswer(number: 4, stores: [])),
    .storesAnswer(
      StoresAnswer(
        number: 4,
        stores: [
          DatabaseStanding(database: Fixture.d2, known: KnownStore(mark: store, seenAt: 5), held: nil),
          DatabaseStanding(database: Fixture.d2, known: KnownStore(mark: store, seenAt: 5), held: store),
        ])),
    .storeAcceptance(StoreAcceptance(number: 4, database: Fixture.d2, mark: store)),
    .storeAcceptanceAnswer(StoreAcceptanceAnswer(number: 4, refusal: nil)),
    .storeAcceptanceAnswer(StoreAcceptanceAnswer(number: 4, refusal: "no")),
    .fenceQuestion(FenceQuestion(term: term)),
    .fences(Fences(term: term, stored: [])),
    .fences(
      Fences(
        term: term,
        stored: [
          StoredFence(
            partition: Partition(0)!, token: token, holder: holders[0], listed: holders),
          StoredFence(partition: Partition(511)!, token: token, holder: holders[1], listed: []),
        ])),
    .showCertificate(ShowCertificate(certificate: [8, 9])),
    .accessList(NumberedAccessList(version: .max, text: [])),
    .accessList(NumberedAccessList(version: 1, text: [UInt8]("a@R r\n".utf8))),
    .accessListPublished(Fixture.signedAccess()),
    .membership(SignedMembership(body: membership.encoded(), signature: [8, 9])),
    .removalRequest(RemovalRequest(number: 1, principal: Fixture.d2, isDead: true)),
    .removalRequest(RemovalRequest(number: .max, principal: Fixture.d2, isDead: false)),
    .removalAnswer(RemovalAnswer(number: 1, outcome: .pending(version: 2))),
    .removalAnswer(RemovalAnswer(number: 1, outcome: .removed(version: .max))),
    .removalAnswer(RemovalAnswer(number: 1, outcome: .refused(reason: "the last"))),
    .nodesRequest(NodesRequest(number: 9)),
    .nodesAnswer(
      NodesAnswer(number: 9, version: 4, counted: 3, nodes: [node, node], pending: [], revoked: [Fixture.d2])),
  ]

  static let membership = MembershipList(
    cluster: "test", version: 300, members: [Fixture.database, Fixture.d1, Fixture.d2].sorted())!

  private static let records = [
    LogRecord(key: [1], change: .put(value: []), client: client, write: 1, outcome: .written(existed: false)),
    LogRecord(key: [2, 3], change: .delete, client: client, write: 2, outcome: .written(existed: true)),
    LogRecord(
      key: [2, 3], change: .nothing, client: client, write: 3, outcome: .written(existed: false), digest: .max
    ),
    LogRecord(
      key: [4], change: .nothing, client: client, write: 5, outcome: .compared(matched: false), digest: 1),
    LogRecord(key: [4], change: .delete, client: client, write: 4, outcome: .written(existed: nil)),
  ]
  private static let partition = Partition.all[500]

  private static let list = InSyncList(
    number: 4,
    holders: [
      Holder(principal: Fixture.d1, incarnation: Incarnation(1)),
      Holder(principal: Fixture.d2, incarnation: Incarnation(.max)),
    ])

  static let replicationMessages: [ReplicationMessage] = [
    .greet(session: 7), .resume(partition: partition, token: token),
    .begin(
      partition: partition, token: token, sequence: 9,
      past: PastWrites(
        outcomes: [
          WriteOutcome(client: client, write: 1, sequence: 9, outcome: .written(existed: true)),
          WriteOutcome(client: client, write: 2, sequence: 10, outcome: .written(existed: true), digest: 0),
        ],
        gaps: [.anybody, .clients(of: 9), .writes(client, through: 3)])),
    .entries(
      partition: partition, token: token,
      [StoredEntry(key: [1], value: [2], version: Version(fence: token, sequence: 3))]),
    .whole(partition: partition, token: token, sequence: 12),
    .records(
      PartitionBatch(
        partition: partition, token: token, incarnation: Incarnation(1), firstSequence: 1, records: records),
      stored: 7),
    .stored(partition: partition, token: token, through: 8), .end(partition: partition, token: token),
  ]

  static let replicationAnswers: [ReplicationAnswer] = [
    .welcome(Incarnation(.max)), .kept(partition: partition, token: token, through: 9),
    .entriesTaken(partition: partition, token: token), .missing(partition: partition, token: token),
    .refused(partition: partition, token: token),
  ]

  static let storeRequests: [StoreRequest] = [
    .open(number: 1, grant: Fixture.sealed(), partitions: some),
    .open(number: 1, grant: Fixture.sealed(), partitions: some, copy: token),
    .open(number: 1, grant: Fixture.sealed(), partitions: some, copy: token, life: Incarnation(9)),
    .append(
      number: 3,
      batches: [
        PartitionBatch(
          partition: partition, token: token, incarnation: Incarnation(1), numbering: FencingToken.none,
          firstSequence: 1,
          records: [], inSync: list)
      ]),
    .append(
      number: .max,
      batches: [
        PartitionBatch(
          partition: partition, token: token, incarnation: Incarnation(1), firstSequence: 1, records: records)
      ]),
    .append(number: 2, batches: []), .farewell, .staying, .remember(receipt),
  ]

  static let receipt = StoreReceipt(
    mark: StoreMark(identity: StoreIdentity(high: 1, low: .max), commit: 7),
    tag: [UInt8](repeating: 9, count: 48))

  static let storeAnswers: [StoreAnswer] = [
    .contents(number: 1, partition: partition, entries: []),
    .contents(
      number: 1, partition: partition,
      entries: [StoredEntry(key: [1], value: [2], version: Version(fence: token, sequence: 3))]),
    .opened(number: 1, partition: partition, sequence: 0, past: PastWrites()),
    .opened(
      number: 1, partition: partition, sequence: 9, inSync: list,
      past: PastWrites(
        outcomes: [WriteOutcome(client: client, write: 1, sequence: 9, outcome: .written(existed: true))],
        gaps: [.writes(client, through: 3)])),
    .openRefused(number: 1, partitions: some, reason: "fenced"),
    .openRefused(number: 1, partitions: some, .copiesElsewhere, reason: "copies"),
    .promoted(number: 1, partition: partition, sequence: 9, inSync: list),
    .appended(
      number: 1,
      results: [
        .init(partition: partition, result: .stored(through: 4)),
        .init(partition: partition, result: .fenced(by: token)),
        .init(partition: partition, result: .gap(stored: 3)),
      ]),
    .appendFailed(number: 1, reason: "the disk is full"), .ending, .receipt(receipt),
  ]

  static let loss = JournalLoss(life: Incarnation(4), after: 0, before: 1_700_000_000)

  static let statuses: [ClusterStatus] = [
    ClusterStatus(
      cluster: "test", term: term, commander: Fixture.d1, mapVersion: 3, slotsServed: 16_384,
      slotsShadowed: 16_000, slotsMoving: 64, slotsAwaitingCopies: 32,
      drones: [
        .init(principal: Fixture.d1, endpoint: node.endpoint, state: .serving, slots: 8_192),
        .init(principal: Fixture.d2, endpoint: node.endpoint, state: .idle, slots: 0),
        .init(
          principal: Fixture.d2, endpoint: node.endpoint, state: .draining, slots: 32, shadowing: 64,
          behind: 5, backlog: 6, memory: MemoryUse(used: 7, ceiling: 8, isFull: true)),
        .init(principal: Fixture.d2, endpoint: node.endpoint, state: .drained, slots: 0),
      ],
      databases: [.init(principal: Fixture.database, endpoint: node.endpoint, isReachable: true)],
      authorities: [.init(principal: Fixture.database, endpoint: node.endpoint, isReachable: false)],
      losses: [.init(drone: Fixture.d2, partitions: some, journal: loss)])
  ]

  static let maps: [SlotMap] = [Fixture.map(), Fixture.map(expiry: -1)]
  static let signedMaps: [SignedSlotMap] = [Fixture.signed()]
  static let grants: [Grant] = [Fixture.grant]
  static let memberships: [MembershipList] = [
    membership, MembershipList(cluster: "", version: 0, members: [])!,
  ]
  static let sealedGrants: [SealedGrant] = [Fixture.sealed()]
}

/// A request with keys and values of its own, since `DataRequest` points into a record.
struct OwnedRequest: WireMessage, Hashable {
  let kind: UInt64
  let number: UInt64
  var write: UInt64 = 0
  var retry = false
  var level: AcknowledgementLevel?
  var order = AdministratorOrder.drain
  var sessionOrder = SessionOrder.list(after: 0)
  var key: [UInt8] = []
  var value: [UInt8] = []
  var expected: [UInt8]?
  var client = ClientIncarnation(high: 0, low: 0)

  func encode(into writer: inout CBORWriter) {
    key.withUnsafeBytes { key in
      value.withUnsafeBytes { value in
        (expected ?? []).withUnsafeBytes { request(key, value, $0).encode(into: &writer) }
      }
    }
  }

  private func request(
    _ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer, _ expected: UnsafeRawBufferPointer
  ) -> DataRequest {
    switch kind {
    case 0: .get(number: number, key: key)
    case 10: .read(ReadRequest(.getVersion, number: number, key: key))
    case 1: .put(number: number, write: write, retry: retry, level: level, key: key, value: value)
    case 2: .delete(number: number, write: write, retry: retry, level: level, key: key)
    case 3: .introduce(number: number, client: client)
    case 4: .topology(number: number)
    case 6: .administer(number: number, order, name: String(decoding: key, as: UTF8.self))
    case 9: .sessions(number: number, sessionOrder)
    case 8: .unreachable(number: number, try! Principal(String(decoding: key, as: UTF8.self)))
    case 7:
      .compareAndPut(
        number: number, write: write, retry: retry, level: level, key: key,
        expected: self.expected == nil ? nil : expected, value: value)
    default: .status(number: number)
    }
  }

  init(
    kind: UInt64, number: UInt64, write: UInt64 = 0, retry: Bool = false,
    level: AcknowledgementLevel? = nil, key: [UInt8] = [], value: [UInt8] = [],
    expected: [UInt8]? = nil, client: ClientIncarnation = ClientIncarnation(high: 0, low: 0)
  ) {
    self.kind = kind
    self.number = number
    self.write = write
    self.retry = retry
    self.level = level
    self.key = key
    self.value = value
    self.expected = expected
    self.client = client
  }

  init(from reader: inout CBORReader) throws(CBORError) {
    switch try DataRequest(from: &reader) {
    case .read(let request):
      self.init(kind: request.kind.rawValue, number: request.number, key: [UInt8](request.key))
    case .write(let request):
      self.init(
        kind: request.kind.rawValue, number: request.number, write: request.write, retry: request.isRetry,
        level: request.level, key: [UInt8](request.key), value: request.value.map { [UInt8]($0) } ?? [],
        expected: request.expected.map { [UInt8]($0) })
    case .unreachable(let number, let principal):
      self.init(kind: 8, number: number, key: [UInt8](principal.text.utf8))
    case .introduce(let number, let client): self.init(kind: 3, number: number, client: client)
    case .topology(let number): self.init(kind: 4, number: number)
    case .status(let number): self.init(kind: 5, number: number)
    case .administer(let number, let order, let name):
      self.init(kind: 6, number: number, key: [UInt8](name.utf8))
      self.order = order
    case .sessions(let number, let order): self.init(number: number, order)
    }
  }

  private init(number: UInt64, _ order: SessionOrder) {
    self.init(kind: 9, number: number)
    sessionOrder = order
  }

  static let samples: [OwnedRequest] = [
    OwnedRequest(number: 3, .list(after: .max)), OwnedRequest(number: 3, .end(70_000)),
    OwnedRequest(number: 3, .endAll(of: Fixture.d2)),
    OwnedRequest(kind: 0, number: 0, key: [1, 2]),
    OwnedRequest(kind: 1, number: 23, write: 24, retry: false, key: [3], value: []),
    OwnedRequest(kind: 1, number: .max, write: .max, retry: true, key: [], value: [4, 5]),
    OwnedRequest(kind: 2, number: 1, write: 2, retry: true, key: [6]),
    OwnedRequest(kind: 1, number: 2, write: 3, level: .durable, key: [3], value: [1]),
    OwnedRequest(kind: 2, number: 2, write: 4, level: .memory, key: [3]),
    OwnedRequest(kind: 7, number: 5, write: 6, level: .secured, key: [3], value: [1], expected: [1, 2]),
    OwnedRequest(kind: 7, number: 5, write: 7, retry: true, key: [3], value: [1, 2]),
    OwnedRequest(kind: 8, number: 0, key: [UInt8](Fixture.d2.text.utf8)),
    OwnedRequest(kind: 6, number: 2, key: [UInt8]("d1".utf8)),
    OwnedRequest(kind: 3, number: 1, client: ClientIncarnation(high: 1, low: .max)),
    OwnedRequest(kind: 4, number: 9), OwnedRequest(kind: 5, number: 9),
    OwnedRequest(kind: 10, number: 9, key: [1]),
  ]
}

/// An answer with a value of its own.
struct OwnedAnswer: WireMessage {
  let bytes: [UInt8]

  init(_ answer: DataAnswer) {
    var writer = CBORWriter()
    answer.encode(into: &writer)
    bytes = writer.bytes
  }

  func encode(into writer: inout CBORWriter) { bytes.withUnsafeBytes { writer.write(encoded: $0) } }
  init(from reader: inout CBORReader) throws(CBORError) { self.init(try DataAnswer(from: &reader)) }

  static let samples: [OwnedAnswer] =
    [
      OwnedAnswer(.notFound(number: 1)), OwnedAnswer(.done(number: 1, .written(existed: true))),
      OwnedAnswer(.done(number: .max, .written(existed: false))),
      OwnedAnswer(.done(number: 1, .written(existed: nil))),
      OwnedAnswer(.moved(number: 1, term: Term(3), version: 4)), OwnedAnswer(.outcomeUnknown(number: 1)),
      OwnedAnswer(.topology(number: 1, Fixture.signed())),
      OwnedAnswer(.status(number: 1, MessageSamples.statuses[0])),
      OwnedAnswer(
        .administered(number: 1, AdministratorReply(isAccepted: true, sentence: "d1 is being emptied"))),
      OwnedAnswer(.limited(number: 1, wait: 1_500)),
      OwnedAnswer(.done(number: 1, .compared(matched: true))),
      OwnedAnswer(.done(number: 2, .compared(matched: false))),
      OwnedAnswer(.sessions(number: 1, SessionPage(sessions: [], hasMore: false))),
      OwnedAnswer(.sessions(number: 1, SessionPage(sessions: MessageSamples.sessions, hasMore: true))),
      [UInt8]("value".utf8).withUnsafeBytes { OwnedAnswer(.value(number: 1, $0)) },
      [UInt8]().withUnsafeBytes { OwnedAnswer(.value(number: 1, $0)) },
      [UInt8]([7]).withUnsafeBytes {
        OwnedAnswer(
          .versioned(
            number: 1, $0, Version(fence: FencingToken(term: Term(2), counter: .max), sequence: 70_000)))
      },
    ]
    + (1...5).map { OwnedAnswer(.unavailable(number: 1, DataAnswer.Unavailability(rawValue: $0)!)) }
    + (1...8).map { OwnedAnswer(.failed(number: 1, DataAnswer.Failure(rawValue: $0)!)) }
}
