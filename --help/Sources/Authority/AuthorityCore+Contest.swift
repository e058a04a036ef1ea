import Cluster

/// From a candidate's request to the claim of a term.
extension AuthorityCore {
  mutating func requestBallot(
    _ request: BallotRequest, from peer: Principal, now: Instant, wall: Int64
  ) -> [AuthorityAction] {
    guard peer.role == .drone, nodes[peer] != nil else {
      return [fail(request.term, peer, "\(peer) is not registered as a drone")]
    }
    let key: ElectionKey
    do {
      key = try request.electionKey()
    } catch {
      return [fail(request.term, peer, "the certificate request is not one: \(error)")]
    }
    let candidate = Winner(principal: peer, key: key)
    if request.term == office.term, candidate == office.winner { return renew(wall: wall) }
    if let reason = obstacle(to: request.term, of: candidate, now: now) {
      return [fail(request.term, peer, reason)]
    }
    if let contest, contest.term == request.term, contest.candidate == candidate { return [] }
    let operation = nextOperation()
    contest = .opening(request.term, candidate, operation: operation)
    return [.readRegister(operation: operation)]
  }

  private func obstacle(to term: Term, of candidate: Winner, now: Instant) -> String? {
    guard term > office.term else { return "term \(term) is taken; the highest is \(office.term)" }
    guard term.number - office.term.number <= Self.longestStep else {
      return "term \(term) is too far above the highest, \(office.term)"
    }
    guard term > promises.floor else { return "a drone has promised term \(promises.floor)" }
    // An unfinished certification is always safe to supersede: the claim of a higher term is a compare-and-set
    // on the record that each of its steps compares too, so from then on none of them can be recorded and no
    // certificate of the lower term can be issued any more; what it did leave behind (an office principal,
    // raised terms) is below the new term and is swept up by the new term's own steps. It is *kind* to wait:
    // a winner who is about to be certified should not be overtaken because a database is slow. After the time
    // in which a candidate itself gives up, nobody waits for that certificate any more.
    if case .certifying = office.state, let certification, now - certification.began < timing.resignation {
      return "term \(office.term) is being certified"
    }
    guard let contest else { return nil }
    switch contest {
    case .opening, .polling:
      // A candidate may give up its own ballot for a newer one.
      return contest.candidate.principal == candidate.principal
        ? nil : "a ballot is under way in term \(contest.term)"
    case .claiming, .confirming:
      return contest.candidate == candidate && contest.term == term
        ? nil : "term \(contest.term) is being claimed"
    }
  }

  func fail(_ term: Term, _ candidate: Principal, _ reason: String) -> AuthorityAction {
    let highest = max(office.term, contest?.term ?? .none, promises.floor)
    return .send(.ballotFailed(BallotFailed(term: term, highest: highest, reason: reason)), to: candidate)
  }

  /// Ends the contest without a winner.
  mutating func endContest(_ reason: String) -> [AuthorityAction] {
    guard let ended = contest else { return [] }
    contest = nil
    let candidate = ended.candidate.principal
    return [
      .note(.ballotFailed(ended.term, candidate: candidate, reason: reason)),
      fail(ended.term, candidate, reason),
    ]
  }

  // MARK: The ballot

  mutating func openBallot(
    _ term: Term, _ candidate: Winner, now: Instant
  ) -> [AuthorityAction] {
    let ballot = Ballot(
      number: nextBallot(), term: term, candidate: candidate, version: membership.version,
      lists: membership.droneLists(since: counted), now: now)
    contest = .polling(ballot)
    let note = AuthorityNote.ballotOpened(term, candidate: candidate.principal, voters: ballot.voices)
    return [.note(note)] + ask(ballot) + decide(now)
  }

  private func ask(_ ballot: Ballot) -> [AuthorityAction] {
    ballot.unanswered.map { .send(.voteQuery(VoteQuery(ballot: ballot.number, term: ballot.term)), to: $0) }
  }

  mutating func count(_ vote: Vote, from peer: Principal) -> [AuthorityAction] {
    guard case .polling(var ballot) = contest else { return [] }
    ballot.count(vote, from: peer)
    contest = .polling(ballot)
    return decide(nil)
  }

  mutating func tickContest(_ now: Instant) -> [AuthorityAction] {
    switch contest {
    case .polling(var ballot):
      var actions: [AuthorityAction] = []
      if now - ballot.asked >= timing.heartbeat, now - ballot.opened < timing.ballot {
        ballot.asked = now
        contest = .polling(ballot)
        actions = ask(ballot)
      }
      return actions + decide(now)
    case .confirming(let ballot, let claim, nil, let next) where now >= next:
      let operation = nextOperation()
      contest = .confirming(ballot, claim, operation: operation, next: next)
      return [.readRegister(operation: operation)]
    default:
      return []
    }
  }

  /// - Parameter now: nil between ticks: the authority's own voice and the end of time wait for the next.
  private mutating func decide(_ now: Instant?) -> [AuthorityAction] {
    guard case .polling(var ballot) = contest else { return [] }
    if let now, !ballot.hasAuthorityVoted, ballot.needsAuthority, !abstains(now), isTenured(now) {
      ballot.hasAuthorityVoted = true
      contest = .polling(ballot)
    }
    let isTimeOver = now.map { $0 - ballot.opened >= timing.ballot } ?? false
    switch ballot.verdict(isTimeOver: isTimeOver) {
    case .open: return []
    case .won(let votes): return claim(ballot, votes: votes)
    case .lost(let votes):
      let late = isTimeOver ? " in time" : ""
      let holdouts = ballot.holdouts.map(\.shortName).joined(separator: ", ")
      let earlier =
        holdouts.isEmpty
        ? "" : "; but a commander may still count the fewer drones of before, and of these not \(holdouts)"
      return endContest("\(votes) of \(ballot.voices) voices were for it\(late)\(earlier)")
    }
  }

  /// As every voter does that has just answered the commander.
  private func abstains(_ now: Instant) -> Bool {
    guard let commanderHeard else { return false }
    return now - commanderHeard <= timing.suspicion
  }

  // MARK: The claim: step 1

  private mutating func claim(_ ballot: Ballot, votes: Int) -> [AuthorityAction] {
    let operation = nextOperation()
    let record = office.followed(
      term: ballot.term, state: .certifying(ballot.candidate, done: .claimed))
    contest = .claiming(ballot, record, operation: operation)
    // What a lower term's certification still waits for must not compete with the claim. Should the claim
    // fail, the register's record starts it again.
    certification = nil
    let note = AuthorityNote.ballotWon(
      ballot.term, candidate: ballot.candidate.principal, votes: votes, voters: ballot.voices)
    return [.note(note), .replaceOffice(operation: operation, record, membership: ballot.version)]
  }

  mutating func claimAnswered(
    _ ballot: Ballot, _ claim: OfficeRecord, _ outcome: AuthorityEvent.Replacement, now: Instant
  ) -> [AuthorityAction] {
    switch outcome {
    case .stored:
      contest = nil
      membership.count(ballot.version)
      return [.note(.stepDone(claim.term, .claimed))] + adopt(claim, now: now)
    case .stale(let record):
      return superseded(record, now: now)
    case .failed(let reason):
      contest = .confirming(ballot, claim, operation: nil, next: now + timing.heartbeat)
      return [.note(.retrying(claim.term, reason: reason))]
    }
  }

  /// Another authority was first: what it stored is the truth.
  private mutating func superseded(_ record: OfficeRecord, now: Instant) -> [AuthorityAction] {
    let adopted = adopt(record, now: now)
    return [.note(.superseded(record.term))] + adopted + endContest("another authority changed the register")
  }

  mutating func confirm(
    _ ballot: Ballot, _ claim: OfficeRecord, _ contents: RegisterContents, now: Instant
  ) -> [AuthorityAction] {
    if contents.office.term == claim.term, contents.office.winner == claim.winner {
      contest = nil
      return [.note(.stepDone(claim.term, .claimed))] + adopt(contents.office, now: now)
    }
    let adopted = adopt(contents.office, now: now)
    return adopted + endContest("the claim could not be stored")
  }
}
