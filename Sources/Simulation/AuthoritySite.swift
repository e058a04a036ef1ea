import Authority
import Cluster
import Cryptography

/// What outlives the authority's processes and is theirs together: the register, and the KDC.
final class AuthoritySite {
  private unowned let world: World

  // The register
  private(set) var register = RegisterContents.empty
  private(set) var tenure = TenureRecord.vacant
  // The KDC
  private var offices: [Term: [UInt8]] = [:]
  var isKDCAway = false

  init(_ world: World) { self.world = world }

  var term: Term { register.office.term }

  // MARK: The register

  func replaceTenure(_ expected: TenureRecord, with record: TenureRecord) -> Tenure.Replacement {
    guard tenure == expected else { return .stale(tenure) }
    tenure = record
    return .stored
  }

  /// - Parameter process: whose core wants it, in the name of its tenure.
  func replaceOffice(
    _ record: OfficeRecord, membership version: UInt64?, by process: AuthorityMachine
  ) -> AuthorityEvent.Replacement {
    guard isHeld(by: process) else { return .failed(reason: Self.superseded) }
    guard let changed = register.replacing(record, membership: version) else {
      return .stale(register.office)
    }
    if changed != register { world.watch.claimed(record) }
    register = changed
    return .stored
  }

  func store(_ node: EnrolledNode, by process: AuthorityMachine) -> AuthorityEvent {
    guard isHeld(by: process) else { return .nodeNotStored(node, reason: Self.superseded) }
    register = register.storing(node)
    return .nodeStored(node, register)
  }

  func remove(
    _ operation: UInt64, _ node: Principal, isDead: Bool, membership version: UInt64,
    by process: AuthorityMachine
  ) -> AuthorityEvent {
    guard isHeld(by: process) else { return .failed(operation: operation, reason: Self.superseded) }
    register = register.removing(node, isDead: isDead, membership: version)
    return .nodeRemoved(operation: operation, register)
  }

  func readmit(_ node: Principal, by process: AuthorityMachine) -> AuthorityEvent? {
    guard isHeld(by: process) else { return nil }
    register = register.readmitting(node)
    return .readmitted(register)
  }

  func judge(
    _ database: Principal, _ report: StoreReport, now: Int64, by process: AuthorityMachine
  ) -> AuthorityEvent {
    guard isHeld(by: process) else { return .storeNotJudged(database, reason: Self.superseded) }
    let judgement: StoreJudgement
    (register, judgement) = register.judging(report.mark, of: database, now: now)
    return .storeJudged(database, report, judgement)
  }

  func accept(
    _ operation: UInt64, _ database: Principal, _ known: KnownStore, by process: AuthorityMachine
  ) -> AuthorityEvent {
    guard isHeld(by: process) else { return .failed(operation: operation, reason: Self.superseded) }
    register = register.knowing(known, of: database)
    return .storeAccepted(operation: operation, database, known)
  }

  func count(_ version: UInt64, by process: AuthorityMachine) {
    if isHeld(by: process) { register = register.counting(version) }
  }

  private static let superseded = "the register is another's by now"

  private func isHeld(by process: AuthorityMachine) -> Bool { tenure.holder == process.holder }

  func issue(_ operation: UInt64, _ order: CertificateOrder) -> AuthorityEvent {
    guard order.isDue(by: register.office), let key = try? P256PublicKey(der: order.winner.key.der),
      let certificate = try? Names.certificates.issueElectionCertificate(
        publicKey: key, term: order.term.number, winner: order.winner.principal.text, realm: Names.realm,
        notBefore: order.notBefore, notAfter: order.notAfter)
    else { return .failed(operation: operation, reason: "the register has another term") }
    world.watch.certified(order)
    return .certificateIssued(operation: operation, certificate: certificate)
  }

  // MARK: The KDC

  func createOffice(_ operation: UInt64, _ term: Term, _ fingerprint: [UInt8]) -> AuthorityEvent {
    if isKDCAway { return .failed(operation: operation, reason: "the KDC does not answer") }
    if let known = offices[term], known != fingerprint {
      return .officeCreated(operation: operation, .burnt)
    }
    offices[term] = fingerprint
    return .officeCreated(operation: operation, .bearsTheKey)
  }

  func deleteOffices(_ operation: UInt64, below term: Term) -> AuthorityEvent {
    if isKDCAway { return .failed(operation: operation, reason: "the KDC does not answer") }
    for lower in offices.keys.filter({ $0 < term }).sorted() { offices[lower] = nil }
    return .lowerOfficesDeleted(operation: operation)
  }

  /// Whether the KDC would give a command ticket to who holds the key.
  func givesTicket(for term: Term, key: P256PublicKey) -> Bool {
    !isKDCAway && offices[term] == key.fingerprint
  }
}
