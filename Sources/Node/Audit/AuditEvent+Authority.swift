import Audit
import Authority
import Cluster
import Cryptography

extension AuditEvent {
  /// - Parameter callers: from where those who ask have come.
  init(_ note: AuthorityNote, callers: [Principal: Caller]) {
    func by(_ principal: Principal) -> (text: String, address: String?, encryptionType: Int32?) {
      (principal.text, callers[principal]?.address, callers[principal]?.encryptionType)
    }
    func election(
      _ action: String, _ outcome: String, _ term: Term, _ winner: Principal? = nil, _ reason: String? = nil
    ) -> AuditEvent {
      AuditEvent(
        .election, action, outcome: outcome, principal: winner?.text, term: term.number, reason: reason)
    }
    func asked(
      _ kind: Kind, _ action: String, _ outcome: String, _ principal: Principal, subject: String? = nil,
      term: Term? = nil, version: UInt64? = nil, reason: String? = nil
    ) -> AuditEvent {
      let (text, address, encryptionType) = by(principal)
      return AuditEvent(
        kind, action, outcome: outcome, principal: text, address: address, encryptionType: encryptionType,
        term: term?.number, subject: subject, version: version, reason: reason)
    }
    func tickets(
      _ kind: Kind, _ outcome: String, _ order: TicketCertificateOrder, _ reason: String?
    ) -> AuditEvent {
      asked(kind, "ticket certificate", outcome, order.commander, term: order.term, reason: reason)
    }
    switch note {
    case .registered(let node):
      self = asked(.membership, "register", "done", node.principal, subject: "\(node.endpoint)")
    case .ballotOpened(let term, let candidate, let voters):
      self = election("ballot", "opened", term, candidate, "\(voters) voices")
    case .ballotFailed(let term, let candidate, let reason):
      self = election("ballot", "failed", term, candidate, reason)
    case .ballotWon(let term, let candidate, let votes, let voters):
      self = election("ballot", "won", term, candidate, "\(votes) of \(voters) voices")
    case .stepDone(let term, let step):
      self = election("certification", "step done", term, nil, AuthorityLogLine.event(step))
    case .certified(let term, let winner): self = election("certification", "certified", term, winner)
    case .renewed(let term, let winner): self = election("certification", "renewed", term, winner)
    case .burnt(let term):
      self = election("certification", "burnt", term, nil, "its office bears another key")
    case .superseded(let term): self = election("certification", "superseded by another authority", term)
    case .retrying(let term, let reason):
      self = election("certification", "is tried again", term, nil, reason)
    case .enrolling(let node, let administrator):
      self = asked(.enrollment, "enroll", "begun", administrator, subject: node.text)
    case .enrolled(let node, let administrator, let refusal):
      self = asked(
        .enrollment, "enroll", refusal == nil ? "principal created, password given" : "refused",
        administrator, subject: node.text, reason: refusal)
    case .ticketsIssued(let order): self = tickets(.election, "issued", order, nil)
    case .ticketsNotIssued(let order, let reason): self = tickets(.election, "not issued", order, reason)
    case .ticketsRefused(let order): self = tickets(.denial, "refused", order, "it is not the commander")
    case .accessListInForce(let version):
      self.init(.rights, "access list", outcome: "in force", version: version)
    case .administratorsChanged(let people): self.init(administrators: people, outcome: "in force")
    case .promised(let drone, let term):
      self = election("promise of a higher term", "another election", term, drone)
    case .removed(let node, let version, let isDead, let administrator):
      self = asked(
        .membership, isDead ? "remove, off for good" : "remove", "done", administrator, subject: node.text,
        version: version)
    case .membershipChanged(let version, let members):
      self.init(
        .membership, "change", outcome: "done", version: version, reason: "members: \(members)")
    case .counted(let version):
      self.init(.membership, "count", outcome: "done", version: version)
    case .storeHeld(let database, let mark, let known):
      self = asked(.denial, "store", "held", database, subject: "\(mark)", reason: "known is \(known.mark)")
    case .storeAccepted(let database, let mark, let administrator):
      self = asked(
        .order, "accept store", "accepted", administrator, subject: database.text, reason: "\(mark)")
    case .refused(let peer, let reason): self = asked(.denial, "request", "refused", peer, reason: reason)
    case .failed(let node, let reason):
      self.init(.membership, "change", outcome: "failed", subject: node.text, reason: reason)
    }
  }

  /// Who may enroll and remove nodes. The hash is of their names in order, each with a newline, however many there are.
  init(administrators: some Collection<Principal>, outcome: String) {
    let names = administrators.map(\.text).sorted()
    self.init(
      .rights, "administrators", outcome: outcome, digest: SHA256.hash(names.flatMap { $0.utf8 + [10] }),
      reason: names.joined(separator: ", "))
  }
}
