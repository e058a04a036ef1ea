import Cluster
import Testing

@testable import Authority

@Suite("Ballots") struct BallotTests {
  private let d1 = World.drone(1)
  private let d2 = World.drone(2)

  @Test(
    "a majority is more than half of the drones, the authority counting as one more when they are even",
    arguments: [
      // drones, votes for the candidate, the authority's voice, won
      (1, 1, false, true), (2, 1, false, false), (2, 1, true, true), (2, 2, false, true),
      (3, 1, true, false), (3, 2, false, true), (4, 2, false, false), (4, 2, true, true),
      (4, 3, false, true), (5, 2, true, false), (5, 3, false, true), (2, 0, true, false),
    ])
  func majority(drones: Int, votes: Int, authority: Bool, isWon: Bool) {
    let world = World(drones: drones)
    var ballot = Ballot(
      number: 7, term: Term(1), candidate: Winner(principal: d1, key: world.key(of: d1)),
      version: 1, lists: [(1...drones).map(World.drone)], now: world.now)
    ballot.hasAuthorityVoted = authority
    for voter in 1...drones {
      let choice = voter <= votes ? d1 : d2
      ballot.count(Vote(ballot: 7, term: Term(1), candidate: choice), from: World.drone(voter))
    }
    if case .won = ballot.verdict(isTimeOver: false) { #expect(isWon) } else { #expect(!isWon) }
  }

  @Test("where only an earlier list lacks a majority it is said who of it is missing")
  func holdouts() {
    let world = World(drones: 3)
    let (d3, all) = (World.drone(3), (1...3).map(World.drone))
    var ballot = Ballot(
      number: 7, term: Term(1), candidate: Winner(principal: d2, key: world.key(of: d2)), version: 3,
      lists: [[d1], [d1, d2], all], now: world.now)
    ballot.count(Vote(ballot: 7, term: Term(1), candidate: d2), from: d2)
    #expect(ballot.holdouts.isEmpty, "no majority of the present ones either")
    ballot.count(Vote(ballot: 7, term: Term(1), candidate: d2), from: d3)
    #expect(ballot.verdict(isTimeOver: true) == .lost(votes: 2))
    #expect(ballot.holdouts == [d1])
  }

  @Test("nobody wins where nobody may vote, whatever the authority says")
  func noVoters() {
    let world = World()
    var ballot = Ballot(
      number: 7, term: Term(1), candidate: Winner(principal: d1, key: world.key(of: d1)), version: 1,
      lists: [[]], now: world.now)
    ballot.hasAuthorityVoted = true
    #expect(ballot.verdict(isTimeOver: false) == .lost(votes: 1))
  }

  @Test("a new commander has as long to be heard as any other, in every term and after a restart")
  func newCommander() {
    let world = World(drones: 4)
    func rebel(_ term: UInt64) {
      world.votes = [d1: d1, d2: d1]
      world.request(term, by: d1)
      world.pass(World.timing.ballot)
    }
    world.elect(4, term: 1)
    rebel(2)
    #expect(world.register.office.term == Term(1))
    world.pass(10_000)
    world.elect(3, term: 5)
    rebel(6)
    #expect(world.register.office.term == Term(5))
    world.pass(10_000)
    world.restart()
    rebel(7)
    #expect(world.register.office.term == Term(5))
    world.pass(World.timing.suspicion)
    rebel(8)
    #expect(world.register.office.term == Term(8))
  }

  @Test("a drone that is not registered gets no ballot")
  func unregistered() {
    let world = World()
    world.request(1, by: World.drone(9))
    #expect(world.failures(of: World.drone(9)).first?.reason.contains("not registered") == true)
    #expect(!world.actions.contains { if case .send(.voteQuery, _) = $0 { true } else { false } })
  }

  @Test("a user or a database that asks for a ballot gets none")
  func otherRoles() {
    let world = World()
    world.request(1, by: World.administrator)
    world.request(1, by: World.database(1))
    #expect(world.failures(of: World.administrator).count == 1)
    #expect(world.failures(of: World.database(1)).count == 1)
    #expect(world.register.office == .vacant)
  }

  @Test("a request that is not signed with the key in it is refused")
  func badRequest() {
    let world = World()
    let request = BallotRequest(term: Term(1), certificateRequest: [0x30, 0x03, 1, 2, 3])
    world.feed(.received(.ballotRequest(request), from: d1))
    #expect(world.failures(of: d1).first?.reason.contains("certificate request") == true)
  }

  @Test("every registered drone is asked over its own session, the candidate too")
  func everybodyIsAsked() {
    let world = World()
    world.request(1, by: d1)
    for number in 1...3 {
      let queries = world.sent(to: World.drone(number)).filter {
        if case .voteQuery(let query) = $0 { query.term == Term(1) } else { false }
      }
      #expect(queries.count == 1)
    }
  }

  @Test("a tie fails for both, with the highest term to go above")
  func tie() {
    let world = World()
    world.votes = [d1: d1, d2: d2]
    world.request(1, by: d1)
    world.pass(World.timing.ballot)
    world.request(1, by: d2)
    world.pass(World.timing.ballot)
    #expect(world.failures(of: d1).count == 1 && world.failures(of: d2).count == 1)
    #expect(world.register.office == .vacant)
  }

  @Test("a minority fails as soon as a majority is impossible")
  func minority() {
    let world = World()
    world.votes = [d1: d1, d2: nil, World.drone(3): nil]
    world.request(1, by: d1)
    #expect(world.failures(of: d1).map(\.term) == [Term(1)])
    #expect(world.register.office == .vacant)
  }

  @Test("drones that do not answer are asked again, and the ballot ends in time")
  func silence() {
    let world = World()
    world.request(1, by: d1)
    world.pass(World.timing.heartbeat)
    let queries = world.sent(to: d2).filter { if case .voteQuery = $0 { true } else { false } }
    #expect(queries.count == 2)
    #expect(world.failures(of: d1).isEmpty)
    world.pass(World.timing.ballot)
    #expect(world.failures(of: d1).count == 1)
  }

  @Test("of four drones two and the authority are enough")
  func evenNumber() {
    let world = World(drones: 4)
    world.votes = [d1: d1, d2: d1]
    world.request(1, by: d1)
    #expect(world.register.office.winner?.principal == d1)
  }

  @Test("of four drones two are not enough while the authority hears the commander")
  func commanderStillHeard() {
    let world = World(drones: 4)
    world.elect(4, term: 1)
    world.pass(World.timing.suspicion)
    world.heartbeat(term: 1, from: World.drone(4))
    world.votes = [d1: d1, d2: d1, World.drone(3): nil, World.drone(4): nil]
    world.request(2, by: d1)
    world.pass(World.timing.ballot)
    #expect(world.failures(of: d1).map(\.term) == [Term(2)])
    #expect(world.register.office.term == Term(1))
  }

  @Test("the authority gives its voice once the commander has been silent long enough, also within a ballot")
  func commanderFallsSilent() {
    let world = World(drones: 4)
    world.elect(4, term: 1)
    world.heartbeat(term: 1, from: World.drone(4))
    world.votes = [d1: d1, d2: d1]
    world.pass(World.timing.suspicion - World.timing.heartbeat)
    world.request(2, by: d1)
    #expect(world.register.office.term == Term(1))
    world.pass(World.timing.heartbeat * 3 / 2)
    #expect(world.register.office.winner?.principal == d1)
  }

  @Test("an odd number of drones needs a majority of drones, whatever the authority hears")
  func oddNumber() {
    let world = World()
    world.elect(3, term: 1)
    world.heartbeat(term: 1, from: World.drone(3))
    world.votes = [d1: d1, d2: d1]
    world.request(2, by: d1)
    #expect(world.register.office.winner?.principal == d1)
  }

  @Test("one ballot at a time: another candidate is told so")
  func oneAtATime() {
    let world = World()
    world.request(1, by: d1)
    world.request(2, by: d2)
    #expect(world.failures(of: d2).first?.reason.contains("under way") == true)
    #expect(world.failures(of: d1).isEmpty)
  }

  @Test("a candidate that repeats its request does not start a second ballot")
  func repeated() {
    let world = World()
    world.request(1, by: d1)
    let count = world.actions.count
    world.request(1, by: d1)
    #expect(world.actions.count == count)
  }

  @Test("votes of outsiders, for earlier ballots, and second thoughts do not count")
  func foreignVotes() {
    let world = World()
    world.request(1, by: d1)
    guard
      case .voteQuery(let query) = world.sent(to: d2).last(where: {
        if case .voteQuery = $0 { true } else { false }
      })
    else { return #expect(Bool(false), "no query") }
    func vote(_ ballot: UInt64, _ term: Term, _ candidate: Principal?, from voter: Principal) {
      let vote = Vote(ballot: ballot, term: term, candidate: candidate)
      world.feed(.received(.vote(vote), from: voter))
    }
    vote(query.ballot, Term(1), d1, from: d1)
    vote(query.ballot, Term(1), d1, from: d1)
    vote(query.ballot, Term(1), d1, from: World.drone(9))
    vote(query.ballot, Term(1), d1, from: World.database(1))
    vote(query.ballot &- 1, Term(1), d1, from: d2)
    vote(query.ballot, Term(2), d1, from: d2)
    vote(query.ballot, Term(1), nil, from: d2)
    vote(query.ballot, Term(1), d1, from: d2)
    #expect(world.register.office == .vacant)
    vote(query.ballot, Term(1), d1, from: World.drone(3))
    #expect(world.register.office.winner?.principal == d1)
  }

  @Test("a term that is taken, or wildly above the highest, is refused")
  func terms() {
    let world = World()
    world.elect(1, term: 3)
    world.request(3, by: d2)
    world.request(2, by: d2)
    world.elect(2, term: UInt64.max)
    #expect(world.failures(of: d2).map(\.highest) == [Term(3), Term(3), Term(3)])
    #expect(world.register.office.term == Term(3))
  }

  @Test(
    "once it has given its voice the authority does not answer the old commander until the ballot is over")
  func silentTowardsTheOldCommander() {
    let world = World(drones: 4)
    world.elect(4, term: 1)
    world.pass(World.timing.suspicion * 2)
    world.votes = [:]
    world.request(2, by: d1)
    world.heartbeat(term: 1, from: World.drone(4), sequence: 5)
    #expect(world.heard(by: World.drone(4)) == [])
    world.pass(World.timing.ballot)
    world.heartbeat(term: 1, from: World.drone(4), sequence: 6)
    #expect(world.heard(by: World.drone(4)) == [6])
  }
}
