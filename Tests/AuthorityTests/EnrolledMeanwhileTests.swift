import Authority
import Cluster
import Testing

/// A commander counts every drone that it is told of. So a ballot must count at least as many, or the commander
/// keeps a majority of its own beside the winner's.
@Suite("Drones registered while another is being elected") struct EnrolledMeanwhileTests {
  private let d1 = World.drone(1)
  private let d2 = World.drone(2)
  private let d3 = World.drone(3)
  private let d4 = World.drone(4)

  private func register(_ drone: Principal, in world: World) {
    let register = Register(
      incarnation: Incarnation(9), endpoint: Endpoint(host: "127.0.0.1", port: 7100), membership: 0)
    world.feed(.received(.register(register), from: drone))
  }

  private func vote(_ voter: Principal, for candidate: Principal, in world: World) throws {
    let query = try #require(
      world.actions.lazy.compactMap { action -> VoteQuery? in
        if case .send(.voteQuery(let query), _) = action { query } else { nil }
      }.last)
    let vote = Vote(ballot: query.ballot, term: query.term, candidate: candidate)
    world.feed(.received(.vote(vote), from: voter))
  }

  @Test("a drone that registers during a ballot is a voice in it")
  func duringBallot() throws {
    let world = World(drones: 3)
    world.request(1, by: d1)
    register(d4, in: world)
    try vote(d1, for: d1, in: world)
    try vote(d2, for: d1, in: world)
    #expect(world.register.office.term == .none)
    try vote(d4, for: d1, in: world)
    #expect(world.register.office.term == Term(1))
  }

  @Test("a list that is made during a claim bears the term that is claimed")
  func duringClaim() throws {
    let world = World(drones: 3)
    world.isHeld = { if case .replaceOffice = $0 { true } else { false } }
    world.request(1, by: d1)
    try vote(d1, for: d1, in: world)
    try vote(d2, for: d1, in: world)
    #expect(world.register.office.term == .none)
    let before = world.actions.count
    register(d4, in: world)
    let lists = world.actions[before...].compactMap { action -> Registered? in
      if case .send(.registered(let list), _) = action { list } else { nil }
    }
    #expect(!lists.isEmpty)
    #expect(lists.allSatisfy { $0.term == Term(1) && $0.drones.map(\.principal).contains(d4) })
  }
}
