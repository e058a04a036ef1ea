import Cluster

/// Steps 2 to 5, each the same way: read the register, do the step, record it by compare-and-set. The
/// compare-and-set is the rereading after the step. A step that was done and not recorded, because a process
/// ended in between, is done again: for the same term and the same key it changes nothing.
extension AuthorityCore {
  mutating func beginStep() -> [AuthorityAction] {
    let operation = nextOperation()
    certification?.operation = operation
    certification?.phase = .reading
    return [.readRegister(operation: operation)]
  }

  mutating func tickCertification(_ now: Instant) -> [AuthorityAction] {
    guard let certification else { return [] }
    switch certification.phase {
    case .waiting(let until) where now >= until: return beginStep()
    case .raising where certification.lastRaised.map({ now - $0 >= timing.heartbeat }) ?? true:
      self.certification?.lastRaised = now
      return registered(.database).flatMap { raise($0.principal) } + recordIfRaised()
    default: return []
    }
  }

  /// Renewal is step 5 alone, for the key and the term that the register already has.
  mutating func renew(wall: Int64) -> [AuthorityAction] {
    guard case .certified(let winner, let certificate) = office.state else { return [] }
    // An answer may have been lost; a clock that was set back makes no certificates without end.
    if wall - certificate.issuedAt < Self.resendAge {
      let certified = Certified(term: office.term, certificate: certificate.der)
      return [.send(.certified(certified), to: winner.principal)]
    }
    guard certification == nil, contest.map({ $0.isClaim }) != true else { return [] }
    certification = Certification(term: office.term, began: Instant(milliseconds: 0))
    return beginStep()
  }

  // MARK: Reading before a step

  mutating func registerRead(
    _ operation: UInt64, _ contents: RegisterContents, now: Instant, wall: Int64
  ) -> [AuthorityAction] {
    switch contest {
    case .opening(let term, let candidate, operation):
      let changes = receive(contents, now: now)
      // Taking it may have ended the contest.
      guard contest != nil else { return changes }
      return changes + openBallot(term, candidate, now: now)
    case .confirming(let ballot, let claim, operation, _):
      return followMembers(contents) + confirm(ballot, claim, contents, now: now)
    default: break
    }
    guard let certification, certification.operation == operation, certification.phase == .reading else {
      return []
    }
    guard contents.office == office else { return receive(contents, now: now) }
    return followMembers(contents) + perform(wall: wall)
  }

  /// Takes over what another authority wrote.
  private mutating func receive(_ contents: RegisterContents, now: Instant) -> [AuthorityAction] {
    let members = followMembers(contents)
    guard contents.office != office else { return members }
    return members + [.note(.superseded(contents.office.term))] + adopt(contents.office, now: now)
  }

  private mutating func perform(wall: Int64) -> [AuthorityAction] {
    let operation = nextOperation()
    certification?.operation = operation
    certification?.phase = .performing
    switch office.state {
    case .certifying(let winner, .claimed):
      return [.createOffice(operation: operation, office.term, keyFingerprint: winner.key.fingerprint)]
    case .certifying(_, .officeCreated):
      certification?.phase = .raising
      return registered(.database).flatMap { raise($0.principal) } + recordIfRaised()
    case .certifying(_, .termsRaised):
      return [.deleteOffices(operation: operation, below: office.term)]
    case .certifying(let winner, .lowerOfficesDeleted), .certified(let winner, _):
      let order = CertificateOrder(
        term: office.term, winner: winner, notBefore: wall - Self.backdating,
        notAfter: wall + Self.certificateLife)
      return [.issueCertificate(operation: operation, order)]
    case .vacant, .burnt:
      certification = nil
      return []
    }
  }

  // MARK: What the steps brought

  /// Step 2. The office principal is the second compare-and-set: should two registers ever give the same term
  /// to two keys (one restored from a backup, say), the KDC lets one of them through.
  mutating func officeCreated(
    _ operation: UInt64, _ outcome: AuthorityEvent.OfficeCreation
  ) -> [AuthorityAction] {
    guard isPerforming(operation), case .certifying(let winner, .claimed) = office.state else { return [] }
    switch outcome {
    case .bearsTheKey: return record(.certifying(winner, done: .officeCreated))
    case .burnt: return record(.burnt(winner))
    }
  }

  /// Step 3: every registered database, and at least one. Without any there is nobody to command; and a
  /// certificate that is older than the first database's term would never be refused there.
  mutating func termRaised(_ term: Term, at peer: Principal) -> [AuthorityAction] {
    guard peer.role == .database, nodes[peer] != nil else { return [] }
    raised[peer] = max(term, raised[peer] ?? .none)
    return recordIfRaised()
  }

  private mutating func recordIfRaised() -> [AuthorityAction] {
    guard certification?.phase == .raising, case .certifying(let winner, .officeCreated) = office.state
    else { return [] }
    let databases = registered(.database)
    guard !databases.isEmpty, databases.allSatisfy({ raised[$0.principal] ?? .none >= office.term }) else {
      return []
    }
    return record(.certifying(winner, done: .termsRaised))
  }

  /// A database that has not said so is told the term, also after the certification: it may be new, or
  /// restored from a backup. Not before step 2: a burnt term must not close a commander's sessions.
  func raise(_ node: Principal) -> [AuthorityAction] {
    guard node.role == .database, nodes[node] != nil, raised[node] ?? .none < office.term else { return [] }
    switch office.state {
    case .vacant, .burnt, .certifying(_, .claimed): return []
    case .certifying, .certified: return [.send(.raiseTerm(RaiseTerm(term: office.term)), to: node)]
    }
  }

  /// Step 4.
  mutating func lowerOfficesDeleted(_ operation: UInt64) -> [AuthorityAction] {
    guard isPerforming(operation), case .certifying(let winner, .termsRaised) = office.state else {
      return []
    }
    return record(.certifying(winner, done: .lowerOfficesDeleted))
  }

  /// Step 5. The certificate is worth nothing until it is recorded: nobody has seen it.
  mutating func certificateIssued(
    _ operation: UInt64, _ certificate: [UInt8], wall: Int64
  ) -> [AuthorityAction] {
    guard isPerforming(operation) else { return [] }
    let issued = IssuedCertificate(der: certificate, issuedAt: wall)
    switch office.state {
    case .certifying(let winner, .lowerOfficesDeleted), .certified(let winner, _):
      return record(.certified(winner, issued))
    default: return []
    }
  }

  private func isPerforming(_ operation: UInt64) -> Bool {
    guard let certification else { return false }
    return certification.operation == operation && certification.phase == .performing
  }

  private mutating func record(_ state: OfficeRecord.State) -> [AuthorityAction] {
    let next = office.followed(term: office.term, state: state)
    let operation = nextOperation()
    certification?.operation = operation
    certification?.phase = .recording(next)
    return [.replaceOffice(operation: operation, next, membership: nil)]
  }

  // MARK: Recording

  mutating func officeReplaced(
    _ operation: UInt64, _ outcome: AuthorityEvent.Replacement, now: Instant, wall: Int64
  ) -> [AuthorityAction] {
    if case .claiming(let ballot, let claim, operation) = contest {
      return claimAnswered(ballot, claim, outcome, now: now)
    }
    guard let certification, certification.operation == operation,
      case .recording(let record) = certification.phase
    else { return [] }
    switch outcome {
    case .stored: return recorded(record, now: now)
    case .stale(let current): return [.note(.superseded(current.term))] + adopt(current, now: now)
    case .failed(let reason): return failed(operation, reason, now: now)
    }
  }

  private mutating func recorded(_ record: OfficeRecord, now: Instant) -> [AuthorityAction] {
    let isRenewal = office.certificate != nil
    var actions = adopt(record, now: now)
    switch record.state {
    case .certified(let winner, let certificate):
      let note = AuthorityNote.certified(record.term, winner.principal)
      let certified = Certified(term: record.term, certificate: certificate.der)
      // Whoever stood meanwhile did so because there was no commander.
      if !isRenewal { actions += endContest("term \(record.term) has just been certified") }
      return [
        .note(isRenewal ? .renewed(record.term, winner.principal) : note),
        .send(.certified(certified), to: winner.principal),
      ] + actions
    case .burnt(let winner):
      let reason = "the office of term \(record.term) bears another key at the KDC, so the term is burnt"
      return [.note(.burnt(record.term)), fail(record.term, winner.principal, reason)] + actions
    case .certifying(_, let step):
      return [.note(.stepDone(record.term, step))] + actions
    case .vacant:
      return actions
    }
  }

  /// Something that the core waited for did not happen, or nobody knows whether it did: once more, from the
  /// register.
  mutating func failed(_ operation: UInt64, _ reason: String, now: Instant) -> [AuthorityAction] {
    if let removal = removals.removeValue(forKey: operation) {
      return [refuse(removal, "the register cannot be written (\(reason))")]
    }
    if let acceptance = stores.acceptances.removeValue(forKey: operation) {
      return [refuse(acceptance, "the register cannot be written (\(reason))")]
    }
    switch contest {
    case .opening(_, _, operation):
      return endContest("the register cannot be read") + [.note(.retrying(office.term, reason: reason))]
    case .confirming(let ballot, let claim, operation, _):
      contest = .confirming(ballot, claim, operation: nil, next: now + timing.heartbeat)
      return [.note(.retrying(claim.term, reason: reason))]
    default: break
    }
    guard certification?.operation == operation else { return [] }
    certification?.phase = .waiting(until: now + timing.heartbeat)
    return [.note(.retrying(office.term, reason: reason))]
  }
}

extension Contest {
  /// The ballot is over; only the register decides now.
  var isClaim: Bool {
    switch self {
    case .opening, .polling: false
    case .claiming, .confirming: true
    }
  }
}
