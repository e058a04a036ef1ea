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
    _ record: OfficeRecord, by process: AuthorityMachine
  ) -> AuthorityEvent.Replacement {
    guard tenure.holder == process.holder else { return .failed(reason: "the register is another's by now") }
    let stored = register.office
    if stored == record { return .stored }
    guard record.mayFollow(stored) else { return .stale(stored) }
    register = RegisterContents(office: record, nodes: register.nodes)
    world.watch.claimed(record, by: process)
    return .stored
  }

  func store(_ node: EnrolledNode, by process: AuthorityMachine) -> AuthorityEvent {
    guard tenure.holder == process.holder else {
      return .nodeNotStored(node, reason: "the register is another's by now")
    }
    let others = register.nodes.filter { $0.node.principal != node.node.principal }
    register = RegisterContents(office: register.office, nodes: others + [node])
    return .nodeStored(node)
  }

  func issue(_ operation: UInt64, _ order: CertificateOrder) -> AuthorityEvent {
    guard order.term == register.office.term, order.winner == register.office.winner,
      let key = try? P256PublicKey(der: order.winner.key.der),
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
