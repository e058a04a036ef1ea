import Cluster

/// A drone's way to office.
struct Candidate: Equatable, Sendable {
  enum Stage: Equatable, Sendable {
    case idle
    /// Asking the other drones whether they still reach the commander.
    case polling(Term, since: Instant, asked: Instant, supporters: Set<Principal>)
    /// A majority cannot reach it; the election key is being made.
    case makingKey(Term, since: Instant)
    /// The authority has been asked for a ballot.
    case balloting(Term, request: [UInt8], since: Instant, asked: Instant)
  }

  var stage = Stage.idle
  /// No candidacy before this.
  var waitUntil = Instant(milliseconds: .min)
  /// Whom this drone would vote for: its answer to the last poll. Not binding until the ballot.
  var favourite: (term: Term, candidate: Principal)?
  /// Until then the favourite keeps others in that or a lower term waiting.
  var favouredUntil = Instant(milliseconds: .min)

  mutating func wait(until instant: Instant) { waitUntil = max(waitUntil, instant) }

  var term: Term? {
    switch stage {
    case .idle: nil
    case .polling(let term, _, _, _), .makingKey(let term, _), .balloting(let term, _, _, _): term
    }
  }

  static func == (left: Candidate, right: Candidate) -> Bool {
    left.stage == right.stage && left.waitUntil == right.waitUntil
      && left.favourite?.term == right.favourite?.term
      && left.favourite?.candidate == right.favourite?.candidate
  }
}

extension DroneCore {
  /// How far above all known terms a candidate's may be.
  private static var longestStep: UInt64 { 1 << 16 }
  /// How far above them a drone follows another's word. Less, so that where it stands then is plausible to all.
  private static var longestHint: UInt64 { 1 << 15 }

  /// More than half of the registered drones, the authority counting as one more when their number is even.
  /// The authority cannot be polled, so its voice is counted as given here; it decides at the ballot.
  private func isMajority(_ supporters: Int) -> Bool {
    let voters = drones.count + (drones.count.isMultiple(of: 2) ? 1 : 0)
    let authority = drones.count.isMultiple(of: 2) ? 1 : 0
    return (supporters + authority) * 2 > voters
  }

  mutating func tickElection(_ now: Instant) -> [DroneAction] {
    var actions: [DroneAction] = []
    if let heard = commander, !heard.isSilent, now - heard.lastHeard > timing.suspicion {
      commander?.isSilent = true
      actions.append(.note(.commanderSilent(heard.principal, heard.term)))
    }
    switch candidacy.stage {
    case .idle:
      if office == nil, commander?.isSilent ?? true, isRegistered, isTrusted(identity.principal),
        now >= candidacy.waitUntil
      {
        actions += stand(now)
      }
    case .polling(let term, let since, let asked, let supporters):
      if now - since > timing.ballot {
        actions += giveUp(term, "no majority answered the poll", now)
      } else if now - asked >= timing.heartbeat / 2 {
        // Others begin to suspect a heartbeat later than this drone, at the most.
        candidacy.stage = .polling(term, since: since, asked: now, supporters: supporters)
        actions += poll(term, except: supporters)
      }
    case .makingKey(let term, let since):
      if now - since > timing.resignation { actions += giveUp(term, "no key was made", now) }
    case .balloting(let term, let request, let since, let asked):
      if now - since > timing.resignation {
        actions += giveUp(term, "the authority did not decide", now)
      } else if now - asked > timing.heartbeat * 4 {
        candidacy.stage = .balloting(term, request: request, since: since, asked: now)
        let ballot = BallotRequest(term: term, certificateRequest: request)
        actions.append(.send(.ballotRequest(ballot), to: identity.authority))
      }
    }
    return actions
  }

  private mutating func stand(_ now: Instant) -> [DroneAction] {
    // A term that this drone has stood in itself, and never asked for a vote in, serves again: otherwise one that is
    // cut off from the commander would be far ahead of all others when it is back.
    let others = candidacy.favourite?.candidate == identity.principal ? .none : favouredTerm(now)
    let seen = max(registerTerm, others)
    let term = max(highestTerm, nextTermFloor, seen).next
    favour(identity.principal, in: term, now)
    candidacy.stage = .polling(term, since: now, asked: now, supporters: [identity.principal])
    return [.note(.candidate(term))] + poll(term, except: [identity.principal]) + seekBallot(now)
  }

  private func poll(_ term: Term, except supporters: Set<Principal>) -> [DroneAction] {
    drones.map(\.principal).filter { !supporters.contains($0) && isMember($0) }
      .map { .send(.candidacy(Candidacy(term: term)), to: $0) }
  }

  /// Goes on to the ballot once a majority of drones says that it cannot reach the commander.
  private mutating func seekBallot(_ now: Instant) -> [DroneAction] {
    guard case .polling(let term, _, _, let supporters) = candidacy.stage, isMajority(supporters.count) else {
      return []
    }
    candidacy.stage = .makingKey(term, since: now)
    return [.makeElectionKey(term)]
  }

  /// A poll binds nobody: the vote is stored when the authority asks for it. So a candidacy that comes to
  /// nothing leaves no drone with a promise that makes it refuse the commander it has.
  mutating func answer(_ asked: Candidacy, from peer: Principal, now: Instant) -> [DroneAction] {
    let choice: CandidacyAnswer.Choice
    var actions: [DroneAction] = []
    if let heard = commander, now - heard.lastHeard <= timing.suspicion {
      // Also one that has resigned just now: at the ballot this drone would abstain, and the candidate would have
      // promised itself a term for nothing, and refuse whom the others elect in a lower one.
      choice = .stillReaches
    } else if asked.term <= max(highestTerm, nextTermFloor) || office != nil
      || !isPlausible(asked.term, within: Self.longestStep)
    {
      choice = .promisedElsewhere
    } else if yields(to: peer, in: asked.term) {
      // Both were as quick to suspect the commander, as after its last heartbeat to all. If neither gave way, both
      // polls would come to nothing, and the next would begin after their time and a back-off.
      choice = .voted
      actions = giveUp(asked.term, "\(peer) stands too and is supported", now)
      favour(peer, in: asked.term, now)
      candidacy.wait(until: now + timing.ballot + backOff())
    } else if favouredTerm(now) >= asked.term, candidacy.favourite?.candidate != peer {
      choice = .promisedElsewhere
    } else {
      choice = .voted
      favour(peer, in: asked.term, now)
      candidacy.wait(until: now + timing.ballot + backOff())
    }
    let highest = max(highestTerm, nextTermFloor, favouredTerm(now))
    let answer = CandidacyAnswer(term: asked.term, choice: choice, highest: highest)
    return actions + [.send(.candidacyAnswer(answer), to: peer)]
  }

  /// A drone that has promised a higher term follows no commander of a lower one, so the next has to be above it.
  mutating func noteHint(_ term: Term) {
    if isPlausible(term, within: Self.longestHint) { nextTermFloor = max(nextTermFloor, term) }
  }

  /// Of two that stand in the same term, with nobody's support yet, the one that is behind in order gives way.
  private func yields(to peer: Principal, in term: Term) -> Bool {
    guard case .polling(term, _, _, let supporters) = candidacy.stage, supporters.count == 1 else {
      return false
    }
    return peer < identity.principal
  }

  /// Terms count up by elections. A number far above all that is known is wrong, and whoever followed it would
  /// stand in terms that the authority refuses, for ever.
  private func isPlausible(_ term: Term, within step: UInt64) -> Bool {
    let known = max(highestTerm, registerTerm).number
    return term.number <= known || term.number - known <= step
  }

  private mutating func favour(_ candidate: Principal, in term: Term, _ now: Instant) {
    candidacy.favourite = (term, candidate)
    // As long as a poll and a ballot take. A candidate that does not come to a ballot by then holds up nobody.
    candidacy.favouredUntil = now + timing.ballot * 3
  }

  /// The term of the favourite, while it counts against others.
  private func favouredTerm(_ now: Instant) -> Term {
    now < candidacy.favouredUntil ? candidacy.favourite?.term ?? .none : .none
  }

  mutating func count(_ answer: CandidacyAnswer, from peer: Principal, now: Instant) -> [DroneAction] {
    // Two stand at the same time, or this drone is behind: the next try is above what the other has seen. Also when
    // others have given it their votes already: a drone that has promised a higher term would refuse the office that
    // comes of them.
    if answer.choice == .promisedElsewhere { noteHint(answer.highest) }
    guard case .polling(let term, let since, let asked, var supporters) = candidacy.stage,
      answer.term == term
    else { return [] }
    switch answer.choice {
    case .voted:
      supporters.insert(peer)
      candidacy.stage = .polling(term, since: since, asked: asked, supporters: supporters)
      return seekBallot(now)
    case .stillReaches, .promisedElsewhere:
      return []
    }
  }

  mutating func requestBallot(term: Term, request: [UInt8], now: Instant) -> [DroneAction] {
    guard case .makingKey(term, _) = candidacy.stage else { return [.dropElectionKey(term)] }
    candidacy.stage = .balloting(term, request: request, since: now, asked: now)
    let ballot = BallotRequest(term: term, certificateRequest: request)
    return [.send(.ballotRequest(ballot), to: identity.authority)]
  }

  /// The vote that counts: stored before it is told, once a term.
  mutating func vote(_ query: VoteQuery, now: Instant) -> [DroneAction] {
    var actions: [DroneAction] = []
    var candidate: Principal?
    if promise.term == query.term {
      candidate = promise.candidate
    } else if query.term > highestTerm, let favourite = candidacy.favourite, favourite.term == query.term,
      !abstains(now)
    {
      promise = VotePromise(term: query.term, candidate: favourite.candidate)
      candidate = favourite.candidate
      candidacy.wait(until: now + timing.ballot + backOff())
      actions = [.store(promise), .note(.voted(query.term, for: favourite.candidate))]
    }
    let vote = Vote(ballot: query.ballot, term: query.term, candidate: candidate)
    return actions + [.send(.vote(vote), to: identity.authority)]
  }

  /// A voter that answered the commander abstains for the suspicion interval: the commander may be renewing
  /// leases on the strength of that answer. It may have answered in an earlier life of this drone too.
  private func abstains(_ now: Instant) -> Bool {
    guard now - began > timing.suspicion else { return true }
    guard let commander else { return false }
    return now - commander.lastHeard <= timing.suspicion
  }

  mutating func fail(_ failure: BallotFailed, now: Instant) -> [DroneAction] {
    noteHint(failure.highest)
    guard candidacy.term == failure.term else { return [] }
    return giveUp(failure.term, failure.reason, now)
  }

  /// The commander is there after all.
  mutating func standDown() -> [DroneAction] {
    guard let term = candidacy.term else { return [] }
    candidacy.stage = .idle
    return [.dropElectionKey(term)]
  }

  private mutating func giveUp(_ term: Term, _ reason: String, _ now: Instant) -> [DroneAction] {
    candidacy.stage = .idle
    candidacy.wait(until: now + backOff())
    return [.dropElectionKey(term), .note(.candidacyFailed(term, reason: reason))]
  }

  mutating func certify(_ certified: Certified, wall: Int64, now: Instant) -> [DroneAction] {
    if office == certified.term {
      return believe(certificate: certified.certificate, peer: identity.principal, wall: wall, now: now)
        + [.renewOffice(certified.term, certificate: certified.certificate)]
    }
    guard case .balloting(certified.term, _, _, _) = candidacy.stage else { return [] }
    let actions = believe(certificate: certified.certificate, peer: identity.principal, wall: wall, now: now)
    // The lists that are missing are asked for; that of the nodes brings the certificate too.
    let isInformed = listOffice == certified.term && access.isCurrent
    return actions + (isInformed ? assumeOffice() : [register()])
  }

  /// Takes the office that this drone stands for, once it has the certificate and a list of drones that came with
  /// a certificate of that term: so it is of the version by which the ballot was decided, or of a later one.
  /// Counting by an older one it might find a majority that has meanwhile elected another. And once it has the
  /// access list of that time: with an older one it would give back rights that had been taken away.
  mutating func assumeOffice() -> [DroneAction] {
    guard case .balloting(let term, _, _, _) = candidacy.stage, let commander, commander.term == term,
      commander.principal == identity.principal, listOffice == term, access.isCurrent
    else { return [] }
    candidacy.stage = .idle
    office = term
    return [
      .assumeOffice(
        term, certificate: commander.certificate, membership: listVersion, drones: drones,
        databases: databases, previous: map)
    ]
  }

  mutating func resign(term: Term, now: Instant) -> [DroneAction] {
    guard office == term else { return [] }
    office = nil
    commander?.isSilent = true
    candidacy.wait(until: now + timing.suspicion + backOff())
    return []
  }

  /// Takes a certificate for what it proves; a new term makes its winner the commander.
  mutating func believe(
    certificate: [UInt8], peer: Principal?, wall: Int64, now: Instant
  ) -> [DroneAction] {
    if let commander, commander.certificate == certificate, peer == nil || peer == commander.principal,
      wall <= commander.notAfter
    {
      return []
    }
    let proved: ElectionVerifier.Office
    do throws(BeliefError) {
      proved = try verifier.verify(certificate: certificate, peer: peer, minimumTerm: highestTerm, now: wall)
    } catch {
      guard let peer else { return [] }
      return [.note(.disbelieved(peer, reason: error.description))]
    }
    if let commander, commander.term == proved.term {
      guard commander.principal == proved.winner else {
        return [.note(.disbelieved(proved.winner, reason: "\(commander.principal) won term \(proved.term)"))]
      }
      self.commander?.certificate = certificate
      self.commander?.notAfter = proved.notAfter
      return []
    }
    var actions: [DroneAction] = [.note(.commanderHeard(proved.winner, proved.term))]
    if let office, office < proved.term {
      self.office = nil
      actions.append(.leaveOffice(office))
    }
    commander = CommanderView(
      principal: proved.winner, term: proved.term, certificate: certificate, notAfter: proved.notAfter,
      lastHeard: now)
    if let term = candidacy.term, term < proved.term || proved.winner != identity.principal {
      actions += standDown()
    }
    // Its heartbeats are numbered anew; none has been heard yet.
    lastSequence = 0
    candidacy.wait(until: now + timing.suspicion)
    return actions
  }
}
