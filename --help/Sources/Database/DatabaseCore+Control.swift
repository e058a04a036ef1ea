import MutantSwitches
import Cluster

/// What the commander and the authority say.
extension DatabaseCore {
  mutating func receive(_ message: ControlMessage, _ session: UInt64, _ wall: Int64) {
    guard let peer = sessions[session]?.peer else { return }
    switch (peer, message) {
    case (.authority, .storeVerdict(let verdict)): receive(verdict, session)
    // They ask again.
    case (.authority, .raiseTerm) where !isAccepted: break
    case (.commander, .deliverKey) where !isAccepted, (.commander, .fenceQuestion) where !isAccepted:
      actions.append(.send(.refused(Refused(reason: use.refusal, term: term)), session: session))
    case (.commander(let office), .showCertificate(let shown)):
      receive(shown.certificate, office, session, wall)
    case (.commander(let office), .deliverKey(let delivery)):
      if isCertified(session, office, wall) { receive(delivery, office, session) }
    case (.commander(let office), .keyStored(let question)):
      if isCertified(session, office, wall) { answer(question, office, session) }
    case (.commander(let office), .fenceQuestion(let question)):
      if isCertified(session, office, wall) { answer(question, office, session) }
    case (.authority, .raiseTerm(let order)): raise(to: order.term, session)
    case (.authority, .membership(let signed)): receive(signed)
    // What the authority says of the cluster's other nodes, and hints that a message came to nothing.
    case (.authority, .registered), (_, .refused): break
    case (.drone, _): end(session, .notPermitted("control message of kind \(message.kind)"))
    default: refuse(session, .notPermitted("control message of kind \(message.kind)"))
    }
  }

  /// The ticket has proved the office, and only at the session's opening; the certificate proves it from now on
  /// until it ends. It names the drone that holds the office, which must not have been removed.
  private mutating func receive(_ certificate: [UInt8], _ office: Term, _ session: UInt64, _ wall: Int64) {
    do throws(DatabaseAccessError) {
      let proof = try certificates.proof(of: certificate, office: office, wall: wall)
      guard isMember(proof.winner) else { throw .notMember(proof.winner) }
      sessions[session]?.proof = proof
    } catch {
      refuse(session, error)
    }
  }

  /// Ends the session unless its certificate holds now.
  private mutating func isCertified(_ session: UInt64, _ office: Term, _ wall: Int64) -> Bool {
    guard let proof = sessions[session]?.proof else {
      refuse(session, .withoutCertificate(office))
      return false
    }
    guard proof.holds(at: wall) else {
      refuse(session, .certificateOver(office))
      return false
    }
    return true
  }

  mutating func endCertificates(_ wall: Int64) {
    for session in sessions.keys.sorted() {
      guard let proof = sessions[session]?.proof, !proof.holds(at: wall) else { continue }
      refuse(session, .certificateOver(proof.term))
    }
  }

  private mutating func receive(_ delivery: DeliverKey, _ office: Term, _ session: UInt64) {
    guard delivery.term == office else { return refuse(session, .notPermitted("key of another term")) }
    guard let key = SealingKey(identifier: delivery.identifier, key: delivery.key) else {
      return refuse(session, .notPermitted("key of another length"))
    }
    order(.storeKey(StoredSealingKey(term: office, key: key)), session)
  }

  private mutating func answer(_ question: KeyStored, _ office: Term, _ session: UInt64) {
    guard question.term == office else {
      return refuse(session, .notPermitted("question about another term"))
    }
    guard keys.key(of: office, identifier: question.identifier) != nil else {
      let reason = "\(GrantError.unknownKey(term: office))"
      return actions.append(.send(.refused(Refused(reason: reason, term: term)), session: session))
    }
    actions.append(.send(.keyStored(question), session: session))
  }

  private mutating func answer(_ question: FenceQuestion, _ office: Term, _ session: UInt64) {
    guard question.term == office else {
      return refuse(session, .notPermitted("question about another term"))
    }
    order(.readFences, session)
  }

  private mutating func raise(to term: Term, _ session: UInt64) {
    guard term > self.term else {
      return actions.append(.send(.termRaised(TermRaised(term: self.term)), session: session))
    }
    order(.raiseTerm(term), session)
  }

  /// Control messages are repeated by who sends them: one that waits already, or that finds too much waiting,
  /// need not be kept.
  mutating func order(_ job: StoreJob, _ session: UInt64) {
    guard health.refusal == nil, !jobs.contains(job, session: session) else { return }
    _ = jobs.add(JobQueue.Order(job: job, session: session))
  }

  mutating func risen(to term: Term) {
    guard term > self.term else { return }
    self.term = term
    actions.append(.note(.termRaised(term)))
    for session in sessions.keys.sorted() {
      if MutantSwitch.keepOldOffice.isOn {
        continue
      }
      guard case .commander(let office) = sessions[session]?.peer, office < term else { continue }
      refuse(session, .oldTerm(office, current: term))
    }
  }
}
