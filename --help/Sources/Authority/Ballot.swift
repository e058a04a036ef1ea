import MutantSwitches
import Cluster

/// One ballot: whom the registered drones name in a term, as they tell the authority themselves.
///
/// What it must exclude is a second majority beside it: a commander of a lower term goes on renewing leases as
/// long as more than half of the drones *that it counts* answer it, and it counts by the newest membership list
/// that it has been told of, which may be any that was made since the last election. So the winner needs a
/// majority not of one list but of every list that such a commander may count: of every version from `counted`
/// (`MembershipHistory.counted`) to the present one.
///
/// Why that is enough. Let C be a commander of a lower term, with list v, that renews leases at some time, on the
/// strength of answers to heartbeats sent at most a suspicion interval before. Then v is at least `counted`:
/// - `counted` rose to V when a term was claimed whose ballot was decided on V. A commander of a term below the
///   claimed one that counts a list up to V has lost its majority for ever, since the majority that this ballot
///   had of that very list has promised the claimed term, durably. And it never counts a list beyond V: those are
///   told with the claimed term at least (`AuthorityCore.registeredMessage`), at whose sight it leaves office;
///   the claim is a compare-and-set on the version too, so that no other authority has told one in between.
/// - Or it rose because the certified commander of the highest term claimed says that it counts V. It never goes
///   back to a lower one. The commanders below its term are excluded as before; and those to come take office
///   with a list that names them as certified, which is V or later.
/// And v is at most the present version, which alone has ever been told of. So both majorities are of one list,
/// and have a voter in common: a drone, or the authority's own voice where the list is even. That voter, having
/// answered C, abstains for the suspicion interval; or, having promised the new term, it answers C no more. So
/// when the ballot is decided C's last renewal lies behind, and a successor waits for the leases of that time.
///
/// A drone that was removed is not asked, and its vote would count in no list: it is not trusted any more. But it
/// stays among those of which a majority is needed, because C may count it. Only when the operator asserts that
/// its process is off for good (`removedDead`) is it taken from all lists: then no answer of it stands behind a
/// lease of C, so that C's majority is one of the others, and more than half of a larger number.
///
/// A drone that joined has its voice at once, in every list that it is on. It needs no rule of its own for when
/// it may vote, and whether a commander has ever spoken to it does not matter.
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
  /// The version of the membership list that it goes by: the newest, also while the ballot is open.
  private(set) var version: UInt64
  /// The drones of each version that must give a majority; the present ones last.
  private(set) var lists: [[Principal]]
  let opened: Instant
  var asked: Instant
  private var answers: [Principal: Bool] = [:]
  /// The authority's own voice, heard only for lists with an even number of drones.
  var hasAuthorityVoted = false

  init(number: UInt64, term: Term, candidate: Winner, version: UInt64, lists: [[Principal]], now: Instant) {
    self.number = number
    self.term = term
    self.candidate = candidate
    self.version = version
    self.lists = lists
    opened = now
    asked = now
  }

  /// Who is asked: the present drones, in order.
  var voters: [Principal] { lists.last ?? [] }

  var needsAuthority: Bool { lists.contains { Self.authority($0) == 1 } }

  /// All voices of the present list, the authority's included where it counts.
  var voices: Int { voters.count + Self.authority(voters) }

  var unanswered: [Principal] { voters.filter { answers[$0] == nil } }

  /// How many voices the authority has in a list.
  private static func authority(_ list: [Principal]) -> Int { list.count.isMultiple(of: 2) ? 1 : 0 }

  /// The membership, or what the commander counts of it, has changed.
  mutating func follow(version: UInt64, lists: [[Principal]]) {
    self.version = version
    self.lists = lists
  }

  private var repeatedVotes = 0

  /// The first answer counts: a drone has one vote a term.
  mutating func count(_ vote: Vote, from voter: Principal) {
    guard vote.ballot == number, vote.term == term, voters.contains(voter) else { return }
    if MutantSwitch.countVoteTwice.isOn {
      if answers[voter] == true { repeatedVotes += 1 }
    }
    guard answers[voter] == nil else { return }
    answers[voter] = vote.candidate == candidate.principal
  }

  /// The voices for the candidate in one list. Who has been removed meanwhile has none.
  private func votes(in list: [Principal]) -> Int {
    let present = voters
    if MutantSwitch.countVoteTwice.isOn {
      return list.count { answers[$0] == true && present.contains($0) }
        + (hasAuthorityVoted ? Self.authority(list) : 0) + repeatedVotes
    } else {
      return list.count { answers[$0] == true && present.contains($0) }
        + (hasAuthorityVoted ? Self.authority(list) : 0)
    }
  }

  /// Voices of a list that may still come.
  private func outstanding(in list: [Principal]) -> Int {
    let unanswered = Set(unanswered)
    return list.count(where: unanswered.contains) + (hasAuthorityVoted ? 0 : Self.authority(list))
  }

  /// Where the present drones gave a majority, and those of an earlier list did not: who of that list did not vote for
  /// the candidate.
  var holdouts: [Principal] {
    func hasMajority(_ list: [Principal]) -> Bool { votes(in: list) * 2 > list.count + Self.authority(list) }
    guard hasMajority(voters), let list = lists.first(where: { !hasMajority($0) }) else { return [] }
    return list.filter { answers[$0] != true }
  }

  /// More than half of all voices of each list, and some drone's; with no drones there is no majority.
  func verdict(isTimeOver: Bool) -> Verdict {
    let votes = votes(in: voters)
    if MutantSwitch.electByReachable.isOn {
      let reached = answers.count + (hasAuthorityVoted ? Self.authority(voters) : 0)
      if isTimeOver, votes * 2 > reached { return .won(votes: votes) }
    }
    if MutantSwitch.electByPresent.isOn {
      if lists != [voters] {
        var present = self
        present.lists = [voters]
        return present.verdict(isTimeOver: isTimeOver)
      }
    }
    let isMajority = lists.allSatisfy { self.votes(in: $0) * 2 > $0.count + Self.authority($0) }
    if isMajority, votes > (hasAuthorityVoted ? Self.authority(voters) : 0) { return .won(votes: votes) }
    let isPossible =
      !voters.isEmpty
      && lists.allSatisfy {
        (self.votes(in: $0) + outstanding(in: $0)) * 2 > $0.count + Self.authority($0)
      }
    return isPossible && !isTimeOver ? .open : .lost(votes: votes)
  }
}
