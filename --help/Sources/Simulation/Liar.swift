import Cluster

/// A drone whose key a thief has, as far as its word goes: it says well-formed things about everybody's partitions to its
/// commander, at any time. What it has, it has, and goes on serving: so nothing may be lost, and nobody else's partitions
/// may suffer.
struct Liar {
  private var random: SeededRandom

  init(seed: UInt64) { random = SeededRandom(seed: seed, stream: 31) }

  /// - Parameter others: the other drones.
  mutating func says(insteadOf message: ControlMessage, of others: [Principal]) -> [ControlMessage] {
    if case .register(let register) = message, random.chance(500_000) {
      return [
        .register(
          Register(
            incarnation: register.incarnation, endpoint: register.endpoint,
            accessVersion: register.accessVersion, membership: register.membership,
            promised: Term(.max - UInt64(random.index(3)))))
      ]
    }
    // Its voice is one, however often it says so.
    if case .vote = message { return [message, message, message] }
    guard case .report(let report) = message else { return [message] }
    var said = [ControlMessage.report(forged(report))]
    if random.chance(200_000), !others.isEmpty {
      let victim = others[random.index(others.count)]
      said.append(.unreachable(Unreachable(term: report.term, principal: victim)))
    }
    if random.chance(200_000) {
      let higher = Term(report.term.number + 1 + UInt64(random.index(1_000)))
      said.append(.refused(Refused(reason: "no", term: higher)))
    }
    if random.chance(200_000) {
      let refusal = OpenRefusal.allCases[random.index(OpenRefusal.allCases.count)]
      said.append(
        .openFailed(
          OpenFailed(term: report.term, token: token(report.term), partitions: .all, refusal: refusal)))
    }
    if random.chance(200_000) {
      said.append(
        .grantRequest(GrantRequest(term: report.term, incarnation: report.incarnation, partitions: .all)))
    }
    return said
  }

  /// One that may have been minted, of this term or an earlier one, or that is above all.
  private mutating func token(_ term: Term) -> FencingToken {
    switch random.index(3) {
    case 0: FencingToken(term: term, counter: 1 << 40)
    case 1: FencingToken(term: term, counter: UInt64(random.index(40)))
    default:
      FencingToken(
        term: Term(UInt64(1 + random.index(Int(clamping: term.number)))),
        counter: UInt64(1 + random.index(20)))
    }
  }

  private mutating func forged(_ report: Report) -> Report {
    var (holdings, copies) = (report.holdings, report.copies)
    var (shadowed, reaches, isEnding) = (report.shadowed, report.reachesDatabase, report.isEnding)
    switch random.index(8) {
    // Without what it has it would say that others may have it, while it serves it: its own partitions are its own to lose.
    case 0, 1: holdings.append(Holding(token: token(report.term), partitions: .all))
    case 2, 3: copies.append(Holding(token: token(report.term), partitions: .all))
    case 4: reaches.toggle()
    case 5: shadowed = .all
    case 6: isEnding.toggle()
    default: break
    }
    return Report(
      term: report.term, sequence: report.sequence, nonce: report.nonce, incarnation: report.incarnation,
      endpoint: report.endpoint, holdings: holdings, lively: report.lively, mapTerm: report.mapTerm,
      mapVersion: report.mapVersion, accessTerm: report.accessTerm, accessVersion: report.accessVersion,
      reachesDatabase: reaches, copies: copies, journaled: report.journaled, shadowed: shadowed,
      behind: report.behind, backlog: report.backlog, isEnding: isEnding, memory: report.memory)
  }
}
