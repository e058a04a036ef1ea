import Cluster

/// What happened, as the shell tells the authority's core. An `operation` is the number of the action that the
/// event answers; answers to operations that no longer matter are ignored.
public enum AuthorityEvent: Sendable {
  /// First of all: what was under way when the last process ended goes on.
  case started
  /// Some time passed; several times a heartbeat.
  case ticked
  /// This process is certain to be the active one until then.
  case tenureExtended(until: Instant)
  /// A session with this peer stands, beside others that there may be.
  case connected(Principal)
  /// One of them is over.
  case disconnected(Principal)
  case received(ControlMessage, from: Principal)
  case registerRead(operation: UInt64, RegisterContents)
  /// The answer to `replaceOffice`.
  case officeReplaced(operation: UInt64, Replacement)
  /// The operator's access list as it is now, with its number from the register.
  case accessListRead(NumberedAccessList)
  /// The people who may enroll and remove nodes, as the operator's configuration says now.
  case administratorsRead(Set<Principal>)
  /// With everything that is in the register now: the node may be a new member.
  case nodeStored(EnrolledNode, RegisterContents)
  case nodeNotStored(EnrolledNode, reason: String)
  /// The answer to `removeNode`: what is in the register now. The node is among the members still if another
  /// authority changed them first.
  case nodeRemoved(operation: UInt64, RegisterContents)
  /// The answer to `readmit`.
  case readmitted(RegisterContents)
  /// The answer to `enroll`: the KDC has a new principal of this name, with a one-time password, or has none.
  case enrollmentAnswered(EnrollmentAnswer, Principal, for: Principal)
  case membershipSigned(SignedMembership, version: UInt64)
  case officeCreated(operation: UInt64, OfficeCreation)
  case lowerOfficesDeleted(operation: UInt64)
  /// DER.
  case certificateIssued(operation: UInt64, certificate: [UInt8])
  /// The answer to `issueTicketCertificate`. DER.
  case ticketCertificateIssued(TicketCertificateOrder, certificate: [UInt8])
  case ticketCertificateNotIssued(TicketCertificateOrder, reason: String)
  /// Reading, creating, deleting or issuing failed, or its outcome is unknown: a sentence for the log.
  case failed(operation: UInt64, reason: String)
  /// The answer to `judgeStore`.
  case storeJudged(Principal, StoreReport, StoreJudgement)
  case storeNotJudged(Principal, reason: String)
  /// The answer to `acceptStore`.
  case storeAccepted(operation: UInt64, Principal, KnownStore)
  case expiryCleared(Principal)
  case expiryNotCleared(Principal, reason: String)

  /// How a compare-and-set on the office's record ended.
  public enum Replacement: Hashable, Sendable {
    case stored
    /// Somebody else, such as a standby authority, changed it first: this is there now.
    case stale(OfficeRecord)
    /// It failed, or its outcome is unknown.
    case failed(reason: String)
  }

  public enum OfficeCreation: Hashable, Sendable {
    /// The principal is there and bears the key's fingerprint; made now or earlier.
    case bearsTheKey
    /// It is there and bears another key's.
    case burnt
  }
}

/// What the shell shall do, in this order. Whatever has an operation is answered by one event with its number.
public enum AuthorityAction: Hashable, Sendable {
  case send(ControlMessage, to: Principal)
  /// These nodes can be dialled here.
  case learn([RegisteredNode])
  case readRegister(operation: UInt64)
  /// Compare-and-set, durable before it is answered: store the record if it may follow the stored one
  /// (`OfficeRecord.mayFollow`). One that is stored already, equal in everything, is success. With a version, for
  /// the claim of a term: only if that is the membership's version still; and that version is counted from then
  /// on, in the same transaction.
  case replaceOffice(operation: UInt64, OfficeRecord, membership: UInt64?)
  /// Insert or replace, durable before it is answered by `nodeStored`. A node that was no member becomes one, in
  /// the next version of the membership, unless it is revoked.
  case storeNode(EnrolledNode)
  /// Take a node from the members if this is the membership's version still; durable before it is answered.
  case removeNode(operation: UInt64, Principal, isDead: Bool, membership: UInt64)
  /// A revoked node was enrolled anew and may register.
  case readmit(Principal)
  /// Compare the store that a database shows with the one that the register knows, and remember one that continues it;
  /// durable before it is answered.
  case judgeStore(Principal, StoreReport, now: Int64)
  /// The store is the one that is known, whatever was known before; durable before it is answered.
  case acceptStore(operation: UInt64, Principal, KnownStore)
  /// Nothing depends on whether it is stored: a lower version is always right.
  case storeCounted(UInt64)
  /// Sign the list with the membership key.
  case signMembership(MembershipList)
  /// End the sessions with this node once what was sent has gone out, and dial it no more.
  case close(Principal)
  case createOffice(operation: UInt64, Term, keyFingerprint: [UInt8])
  case deleteOffices(operation: UInt64, below: Term)
  case issueCertificate(operation: UInt64, CertificateOrder)
  case issueTicketCertificate(TicketCertificateOrder)
  /// The node has shown its own key.
  case clearExpiry(Principal)
  /// Create the principal with a one-time password; answered by `enrollmentAnswered`, for the request of this number.
  case enroll(Principal, number: UInt64, for: Principal)
  case note(AuthorityNote)
}

/// Something for the log.
public enum AuthorityNote: Hashable, Sendable {
  case registered(RegisteredNode)
  case ballotOpened(Term, candidate: Principal, voters: Int)
  case ballotFailed(Term, candidate: Principal, reason: String)
  case ballotWon(Term, candidate: Principal, votes: Int, voters: Int)
  case stepDone(Term, OfficeRecord.Step)
  case certified(Term, Principal)
  case renewed(Term, Principal)
  case burnt(Term)
  /// Another authority changed the register.
  case superseded(Term)
  case retrying(Term, reason: String)
  case enrolling(Principal, by: Principal)
  /// A principal of this name was made, or was not, and why.
  case enrolled(Principal, by: Principal, refusal: String?)
  case ticketsIssued(TicketCertificateOrder)
  case ticketsNotIssued(TicketCertificateOrder, reason: String)
  /// They were asked for by somebody who is not the commander.
  case ticketsRefused(TicketCertificateOrder)
  case accessListInForce(version: UInt64)
  case administratorsChanged([Principal])
  case removed(Principal, version: UInt64, isDead: Bool, by: Principal)
  case membershipChanged(version: UInt64, members: Int)
  /// A commander counts this version of the membership now.
  case counted(UInt64)
  /// A database shows a store that it may not use.
  case storeHeld(Principal, StoreMark, known: KnownStore)
  /// An administrator has accepted a store in place of the one that was known.
  case storeAccepted(Principal, StoreMark, by: Principal)
  case refused(Principal, reason: String)
  /// A drone has promised this term, above the office's: there is another election for its sake.
  case promised(Principal, Term)
  case failed(Principal, reason: String)
}
