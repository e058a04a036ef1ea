import Cluster
import Cryptography
import Testing

@testable import Database

let realm = "KEYVAL.TEST"
let firstDrone = try! Principal(role: .drone, node: "d1", realm: realm)
let secondDrone = try! Principal(role: .drone, node: "d2", realm: realm)
let identity = DatabaseIdentity(
  cluster: "test", database: try! Principal(role: .database, node: "db1", realm: realm),
  command: try! Principal(role: .command, node: "db1", realm: realm),
  authority: try! Principal(role: .authority, node: "a1", realm: realm), incarnation: Incarnation(99))
let membershipKey = try! P256PrivateKey.generate()
let membershipVerifier = MembershipVerifier(key: membershipKey.publicKey, cluster: "test")

func members(_ version: UInt64, _ drones: Principal...) -> MembershipList {
  MembershipList(cluster: "test", version: version, members: (drones + [identity.database]).sorted())!
}

let address = Endpoint(host: "127.0.0.1", port: 6234)

func partition(_ number: Int) -> Partition { Partition(number)! }
func token(_ term: UInt64, _ counter: UInt64 = 1) -> FencingToken {
  FencingToken(term: Term(term), counter: counter)
}

func sealingKey(_ term: UInt64, identifier: UInt64 = 1) -> StoredSealingKey {
  let key = SealingKey(
    identifier: identifier, key: .init(repeating: UInt8(truncatingIfNeeded: term), count: 32))!
  return StoredSealingKey(term: Term(term), key: key)
}

/// A grant as an honest commander of term 3 seals it, but for what the caller says.
func grant(
  _ partitions: PartitionSet, cluster: String = "test", database: Principal = identity.database,
  drone: Principal = firstDrone, incarnation: UInt64 = 7, token: FencingToken = token(3),
  key: StoredSealingKey = sealingKey(3)
) throws -> SealedGrant {
  try SealedGrant(
    Grant(partitions: partitions, incarnation: Incarnation(incarnation), token: token), cluster: cluster,
    database: database, drone: drone, key: key.key, salt: .init(repeating: 5, count: 32))
}

func batch(_ number: Int, from sequence: UInt64 = 1, length: Int = 1) -> PartitionBatch {
  let record = LogRecord(
    key: [1], change: .put(value: .init(repeating: 0, count: length)),
    client: ClientIncarnation(high: 1, low: 1), write: sequence, outcome: .written(existed: false))
  return PartitionBatch(
    partition: partition(number), token: token(3), incarnation: Incarnation(7), firstSequence: sequence,
    records: [record])
}

let full = StoreFailure(.waiting, told: "the disk is full")

let receiptKey: ReceiptKey = {
  guard let key = ReceiptKey(bytes: [UInt8](repeating: 3, count: ReceiptKey.length)) else {
    preconditionFailure("a key of the right length")
  }
  return key
}()
let mark = StoreMark(identity: StoreIdentity(high: 5, low: 6), commit: 40)

func verdict(on mark: StoreMark, known: StoreMark? = nil, incarnation: UInt64 = 99) -> ControlMessage {
  .storeVerdict(
    StoreVerdict(
      incarnation: Incarnation(incarnation), mark: mark,
      known: known.map { KnownStore(mark: $0, seenAt: start) }))
}

/// Seconds since 1970.
let start: Int64 = 1_800_000_000
private func makeAuthority() -> CertificateAuthority {
  try! CertificateAuthority.create(
    name: "Election CA", realm: realm, notBefore: start - 86_400, notAfter: start + 86_400)
}
let certificateAuthority = makeAuthority()
let otherAuthority = makeAuthority()
private let electionKey = try! P256PrivateKey.generate()

func certificate(
  _ term: UInt64, by authority: CertificateAuthority = certificateAuthority, from notBefore: Int64 = -60,
  until notAfter: Int64 = 3_600
) -> ControlMessage {
  let der = try! authority.issueElectionCertificate(
    publicKey: electionKey.publicKey, term: term, winner: firstDrone.text, realm: realm,
    notBefore: start + notBefore, notAfter: start + notAfter)
  return .showCertificate(ShowCertificate(certificate: der))
}

/// A database in term 3 with that term's key, its clock, and what it did last.
struct Subject {
  var core: DatabaseCore
  var now = Instant(milliseconds: 1000)
  var wall = start

  init(
    term: UInt64 = 3, members list: MembershipList? = members(1, firstDrone, secondDrone),
    backlog: StoreBacklog = StoreBacklog(), isAccepted: Bool = true
  ) {
    core = DatabaseCore(
      identity: identity, timing: Timing(heartbeat: 250),
      verifier: ElectionVerifier(anchors: [certificateAuthority.anchor], realm: realm),
      membershipVerifier: membershipVerifier, term: Term(term), keys: [sealingKey(term)], members: list,
      backlog: backlog, mark: mark, receiptKey: receiptKey)
    if isAccepted {
      let session: UInt64 = 1 << 40
      _ = handle(.opened(session: session, .authority))
      _ = handle(.received(verdict(on: mark), session: session))
      _ = handle(.closed(session: session))
    }
  }

  mutating func handle(_ event: DatabaseEvent) -> [DatabaseAction] {
    core.handle(event, now: now, wall: wall)
  }

  /// The session of a commander that has shown its certificate.
  mutating func command(_ session: UInt64, term: UInt64) {
    _ = handle(.opened(session: session, .commander(Term(term))))
    _ = handle(.received(certificate(term), session: session))
  }

  mutating func finish(_ result: StoreJobResult, backlog: StoreBacklog = StoreBacklog()) -> [DatabaseAction] {
    handle(.finished(result, backlog: backlog, mark: mark))
  }

  /// What is sent, answered, closed and performed, without the log and receipts.
  mutating func effects(_ event: DatabaseEvent) -> [DatabaseAction] { handle(event).effects }
}

extension [DatabaseAction] {
  var effects: [DatabaseAction] {
    filter { action in
      switch action {
      case .note, .answer(.receipt, _): false
      default: true
      }
    }
  }
}
