import Cluster

/// Where the certification of the register's term is. What has been *done* stands in the register alone; this
/// says only what the core is waiting for, so nothing is lost when the process ends.
struct Certification: Sendable {
  enum Phase: Equatable, Sendable {
    /// Reading the register before the next step.
    case reading
    /// The step is being done.
    case performing
    /// Waiting for every database to raise its term.
    case raising
    /// The step is done, and its record is on the way to the register.
    case recording(OfficeRecord)
    /// Something failed: again at this time.
    case waiting(until: Instant)
  }

  let term: Term
  let began: Instant
  var phase = Phase.waiting(until: Instant(milliseconds: .min))
  /// The number of the action that is waited for.
  var operation: UInt64 = 0
  /// When the databases were last asked again to raise their terms.
  var lastRaised: Instant?
}

/// A candidacy between its request and its end.
enum Contest: Sendable {
  /// Reading the register before the ballot is opened.
  case opening(Term, Winner, operation: UInt64)
  case polling(Ballot)
  /// Won: the claim is on its way to the register.
  case claiming(Ballot, OfficeRecord, operation: UInt64)
  /// Nobody knows whether the claim was stored: reading, or waiting to read again.
  case confirming(Ballot, OfficeRecord, operation: UInt64?, next: Instant)

  var term: Term {
    switch self {
    case .opening(let term, _, _): term
    case .polling(let ballot), .claiming(let ballot, _, _), .confirming(let ballot, _, _, _): ballot.term
    }
  }

  var candidate: Winner {
    switch self {
    case .opening(_, let candidate, _): candidate
    case .polling(let ballot), .claiming(let ballot, _, _), .confirming(let ballot, _, _, _):
      ballot.candidate
    }
  }

  /// The authority gave its own voice away and has to stay silent towards the old commander.
  var hasAuthorityVoted: Bool {
    switch self {
    case .opening: false
    case .polling(let ballot), .claiming(let ballot, _, _), .confirming(let ballot, _, _, _):
      ballot.hasAuthorityVoted
    }
  }
}
