import Cluster
import Cryptography

/// An authority in miniature: a register that survives a restart, one ballot at a time, the majority rule with
/// its own voice for an even number of drones, in every version of the membership that a commander may count, a
/// certificate only after the database has raised its term, and another election for the sake of a drone that has
/// promised a higher term.
final class HarnessAuthority {
  private struct Ballot {
    let number: UInt64
    let term: Term
    let candidate: Principal
    let key: P256PublicKey
    let opened: Int64
    var votes: [Principal: Bool] = [:]
    var hasVoice = false
  }

  private unowned let harness: ClusterHarness
  // Durable
  private(set) var nodes: [Principal: RegisteredNode] = [:]
  private(set) var term = Term.none
  /// The drones of each version; the last is the present one. Nobody is ever removed here.
  private var lists: [[Principal]] = [[]]
  /// The version that the commander counts at least.
  private var counted = 0
  private var signed: SignedMembership?
  private var winner: (principal: Principal, key: P256PublicKey)?
  private(set) var certificate: [UInt8]?
  /// Who was certified in which term: never two.
  private(set) var certified: [Term: Principal] = [:]
  // Of this life
  private var ballot: Ballot?
  private var ballots: UInt64 = 0
  private var commanderHeard = Int64.min / 2
  private var claimed = Int64.min / 2
  /// The highest promise that a drone has told of, and since when one is above the office's term.
  private var promised = Term.none
  private var outsideSince: Int64?

  init(_ harness: ClusterHarness) { self.harness = harness }

  /// A new life: what is not in the register is gone.
  func restart() {
    ballot = nil
    commanderHeard = harness.time
    claimed = harness.time
  }

  private var timing: Timing { harness.timing }
  private var drones: [Principal] { nodes.keys.filter { $0.role == .drone }.sorted() }
  private var version: UInt64 { UInt64(lists.count - 1) }
  private var required: ArraySlice<[Principal]> { term == .none ? lists.suffix(1) : lists[counted...] }

  private func send(_ message: ControlMessage, to peer: Principal) {
    harness.send(message, from: .authority, as: HarnessNames.authority, to: peer)
  }

  func tick() {
    if certificate == nil, winner != nil { raise() }
    guard var open = ballot else { return }
    if !open.hasVoice, required.contains(where: { $0.count.isMultiple(of: 2) }),
      harness.time - commanderHeard > timing.suspicion
    {
      open.hasVoice = true
      ballot = open
    }
    decide()
    guard let open = ballot else { return }
    if harness.time - open.opened > timing.ballot {
      fail(open.term, open.candidate)
      ballot = nil
    } else {
      ask(open)
    }
  }

  private func ask(_ open: Ballot) {
    for drone in drones where open.votes[drone] == nil {
      send(.voteQuery(VoteQuery(ballot: open.number, term: open.term)), to: drone)
    }
  }

  private func fail(_ failed: Term, _ candidate: Principal) {
    send(.ballotFailed(BallotFailed(term: failed, highest: max(term, promised), reason: "no")), to: candidate)
  }

  private func heed(_ promise: Term) {
    promised = max(promised, promise)
    guard promised > term, certificate != nil, let winner else {
      outsideSince = nil
      return
    }
    let since = outsideSince ?? harness.time
    outsideSince = since
    guard harness.time - since > timing.resignation else { return }
    outsideSince = nil
    send(.refused(Refused(reason: "a higher term is promised", term: term.next)), to: winner.principal)
  }

  func receive(_ message: ControlMessage, from peer: Principal) {
    switch message {
    case .register(let register):
      let node = RegisteredNode(principal: peer, endpoint: register.endpoint)
      let isNew = nodes[peer] != node
      if nodes.updateValue(node, forKey: peer) == nil {
        lists.append(drones)
        let list = MembershipList(
          cluster: HarnessNames.cluster, version: version, members: nodes.keys.sorted())!
        signed = try! SignedMembership(list, key: HarnessNames.membershipKey)
      }
      if isNew { announce() } else { tell(peer) }
      if let signed, register.membership < version { send(.membership(signed), to: peer) }
      heed(register.promised)
    case .ballotRequest(let request): open(request, from: peer)
    case .vote(let vote):
      guard var open = ballot, vote.ballot == open.number, drones.contains(peer) else { return }
      if open.votes[peer] == nil { open.votes[peer] = vote.candidate == open.candidate }
      ballot = open
      decide()
    case .termRaised(let raised): if raised.term >= term { certify() }
    case .heartbeat(let heartbeat): hear(heartbeat, from: peer)
    default: break
    }
  }

  private func tell(_ peer: Principal) {
    let list = nodes.values.sorted { $0.principal < $1.principal }
    send(
      .registered(
        Registered(
          term: term, certificate: certificate, membership: version,
          drones: list.filter { $0.principal.role == .drone },
          databases: list.filter { $0.principal.role == .database })), to: peer)
  }

  private func announce() { for peer in nodes.keys.sorted() { tell(peer) } }

  private func hear(_ heartbeat: Heartbeat, from peer: Principal) {
    guard heartbeat.term == term, certificate != nil, peer == winner?.principal else {
      return send(.refused(Refused(reason: "not the current term", term: term)), to: peer)
    }
    commanderHeard = harness.time
    counted = max(counted, Int(heartbeat.membership))
    if ballot?.hasVoice != true {
      send(.heartbeatHeard(HeartbeatHeard(term: term, sequence: heartbeat.sequence)), to: peer)
    }
  }

  private func open(_ request: BallotRequest, from peer: Principal) {
    guard drones.contains(peer), let key = try? P256PublicKey(der: request.electionKey().der) else { return }
    if request.term == term, winner?.principal == peer, winner?.key.der == key.der {
      if let certificate { send(.certified(Certified(term: term, certificate: certificate)), to: peer) }
      return
    }
    let isCertifying = certificate == nil && harness.time - claimed < timing.resignation
    guard request.term > max(term, promised), term == .none || !isCertifying else {
      return fail(request.term, peer)
    }
    if let ballot, ballot.candidate != peer { return fail(request.term, peer) }
    if ballot?.term == request.term { return }
    ballots += 1
    let next = Ballot(
      number: ballots, term: request.term, candidate: peer, key: key, opened: harness.time)
    ballot = next
    ask(next)
  }

  private func decide() {
    guard let open = ballot else { return }
    let isWon = required.allSatisfy { list in
      let authority = list.count.isMultiple(of: 2) ? 1 : 0
      let votes = list.count { open.votes[$0] == true } + (open.hasVoice ? authority : 0)
      return votes * 2 > list.count + authority
    }
    guard isWon, open.votes.values.contains(true) else { return }
    ballot = nil
    term = open.term
    counted = Int(version)
    winner = (open.candidate, open.key)
    certificate = nil
    claimed = harness.time
    commanderHeard = harness.time
    announce()
    raise()
  }

  private func raise() { send(.raiseTerm(RaiseTerm(term: term)), to: HarnessNames.database) }

  private func certify() {
    guard certificate == nil, let winner else { return }
    precondition(certified[term] == nil, "two commanders in one term")
    certified[term] = winner.principal
    let made = HarnessNames.certificate(
      term: term, winner: winner.principal, key: winner.key, wall: harness.wall)
    certificate = made
    commanderHeard = harness.time
    send(.certified(Certified(term: term, certificate: made)), to: winner.principal)
    announce()
  }
}
