import Cluster

/// One ballot: whom the registered drones name in a term, as they tell the authority themselves.
struct Ballot: Sendable {
  enum Verdict: Equatable, Sendable {
    case open
    case won(votes: Int)
    /// The candidate cannot reach a majority any more, or the time is over.
    case lost(votes: Int)
  }

  let number: UInt64
  let term: Term
  let candidate: Winner
  /// The registered drones, in order; also those that register while the ballot is open. The commander of the
  /// lower term is told of them too, and a majority of fewer drones than it counts would not end its own.
  private(set) var voters: [Principal]
  let opened: Instant
  var asked: Instant
  private var answers: [Principal: Bool] = [:]
  /// The authority's own voice, heard only when the number of drones is even.
  var hasAuthorityVoted = false

  init(number: UInt64, term: Term, candidate: Winner, voters: [Principal], now: Instant) {
    self.number = number
    self.term = term
    self.candidate = candidate
    self.voters = voters
    opened = now
    asked = now
  }

  var needsAuthority: Bool { voters.count.isMultiple(of: 2) }

  /// All voices, the authority's included where it counts.
  var voices: Int { voters.count + (needsAuthority ? 1 : 0) }

  var unanswered: [Principal] { voters.filter { answers[$0] == nil } }

  mutating func add(voter: Principal) {
    guard !voters.contains(voter) else { return }
    voters.append(voter)
    voters.sort()
  }

  #if KEYVAL_MUTATIONS
    var mutations: Mutations = []
    private var repeatedVotes = 0
    /// Of voters who answered.
    private var reachedVoices: Int { answers.count + (needsAuthority && hasAuthorityVoted ? 1 : 0) }
  #endif

  /// The first answer counts: a drone has one vote a term.
  mutating func count(_ vote: Vote, from voter: Principal) {
    guard vote.ballot == number, vote.term == term, voters.contains(voter) else { return }
    #if KEYVAL_MUTATIONS
      if mutations.contains(.countVoteTwice), answers[voter] == true { repeatedVotes += 1 }
    #endif
    guard answers[voter] == nil else { return }
    answers[voter] = vote.candidate == candidate.principal
  }

  private var countedVotes: Int {
    let votes = voters.count { answers[$0] == true }
    #if KEYVAL_MUTATIONS
      return votes + repeatedVotes
    #else
      return votes
    #endif
  }

  /// More than half of all voices; with no drones there is no majority.
  func verdict(isTimeOver: Bool) -> Verdict {
    let authority = needsAuthority ? 1 : 0
    let votes = countedVotes + (hasAuthorityVoted ? authority : 0)
    #if KEYVAL_MUTATIONS
      if mutations.contains(.electByReachable), isTimeOver, votes * 2 > reachedVoices {
        return .won(votes: votes)
      }
    #endif
    if votes * 2 > voices, votes > authority { return .won(votes: votes) }
    let outstanding = unanswered.count + (hasAuthorityVoted ? 0 : authority)
    let isPossible = !voters.isEmpty && (votes + outstanding) * 2 > voices
    return isPossible && !isTimeOver ? .open : .lost(votes: votes)
  }
}
