import Cluster
import Testing

@testable import Authority

@Suite("A standby authority") struct StandbyTests {
  private let d1 = World.drone(1)
  private let d2 = World.drone(2)

  /// Claims a term in the register as another authority would.
  private func claim(_ term: UInt64, _ number: Int, in world: World) {
    let winner = Winner(principal: World.drone(number), key: world.key(of: World.drone(number)))
    world.store(
      world.register.office.followed(term: Term(term), state: .certifying(winner, done: .claimed)))
  }

  @Test("a claim that comes second fails, and the first one's certification goes on")
  func claimComesSecond() {
    let world = World()
    world.standby = { [self] in claim(1, 2, in: $0) }
    world.elect(1, term: 1)
    #expect(world.failures(of: d1).map(\.highest) == [Term(1)])
    #expect(world.register.office.winner?.principal == d2)
    #expect(world.certificates(of: d1).isEmpty)
    #expect(world.certificates(of: d2).map(\.term) == [Term(1)])
  }

  @Test("a higher term claimed elsewhere stops the certification before each of its steps", arguments: 2...5)
  func stopped(step: Int) {
    let world = World()
    // The claim itself is the first compare-and-set; the standby comes before the given one.
    var left = step
    func countDown(_ world: World) {
      left -= 1
      if left == 0 { claim(9, 2, in: world) } else { world.standby = countDown }
    }
    world.standby = countDown
    world.elect(1, term: 1)
    #expect(world.register.office.term == Term(9))
    #expect(world.certificates(of: d1).isEmpty)
    #expect(!world.sent(to: d1).contains { $0.isRegistered && $0.hasCertificate && $0.term != Term(9) })
    #expect(world.certificates(of: d2).map(\.term) == [Term(9)])
  }

  @Test("a term that was claimed elsewhere is seen before a ballot is opened")
  func readBeforeTheBallot() {
    let world = World()
    claim(4, 2, in: world)
    world.elect(1, term: 3)
    #expect(world.failures(of: d1).map(\.highest) == [Term(4)])
    #expect(!world.actions.contains { if case .send(.voteQuery, _) = $0 { true } else { false } })
  }

  @Test("the same term claimed elsewhere is seen before a ballot is opened")
  func sameTermBeforeTheBallot() {
    let world = World()
    claim(3, 2, in: world)
    world.elect(1, term: 3)
    #expect(world.failures(of: d1).map(\.highest) == [Term(3)])
    #expect(world.certificates(of: d1).isEmpty)
    #expect(world.sent(to: d1).filter { if case .voteQuery = $0 { true } else { false } }.isEmpty)
  }

  @Test("what was claimed elsewhere is seen before a step, which is then not done")
  func readBeforeTheStep() {
    let world = World()
    world.standby = { world in
      world.standbyAtRead = { [self] in claim(9, 2, in: $0) }
    }
    world.elect(1, term: 1)
    let offices = world.actions.compactMap {
      if case .createOffice(_, let term, _) = $0 { term } else { nil }
    }
    #expect(offices == [Term(9)])
  }

  @Test("a claim of unknown outcome that another authority's came before fails")
  func unknownOutcomeAndAnother() {
    let world = World()
    world.standby = { [self] world in
      claim(1, 2, in: world)
      world.registerFailure = ("disk full", false)
    }
    world.elect(1, term: 1)
    world.registerFailure = nil
    world.pass(500)
    #expect(world.failures(of: d1).map(\.highest) == [Term(1)])
    #expect(world.certificates(of: d2).map(\.term) == [Term(1)])
  }

  @Test("nodes that registered elsewhere are voters here")
  func nodesOfTheOther() {
    let world = World(drones: 1)
    let others = (2...5).map { number in
      EnrolledNode(
        node: RegisteredNode(
          principal: World.drone(number), endpoint: Endpoint(host: "h", port: UInt16(number))),
        isExpiryCleared: true)
    }
    for node in others { world.register = world.register.storing(node) }
    world.votes = [d1: d1]
    world.request(1, by: d1)
    world.pass(World.timing.ballot)
    #expect(world.register.office == .vacant)
    #expect(world.sent(to: World.drone(5)).contains { if case .voteQuery = $0 { true } else { false } })
  }

  @Test(
    "a claim whose outcome is unknown is looked up: stored, it goes on; not stored, it fails",
    arguments: [
      true, false,
    ])
  func unknownOutcome(isStored: Bool) {
    let world = World()
    world.standby = { $0.registerFailure = ("disk full", isStored) }
    world.elect(1, term: 1)
    world.pass(500)
    #expect(world.certificates(of: d1).isEmpty && world.failures(of: d1).isEmpty)
    world.registerFailure = nil
    world.pass(500)
    if isStored {
      #expect(world.certificates(of: d1).map(\.term) == [Term(1)])
      #expect(world.failures(of: d1).isEmpty)
    } else {
      #expect(world.failures(of: d1).count == 1 && world.register.office == .vacant)
    }
  }

  @Test("a register that cannot be read opens no ballot")
  func unreadable() {
    let world = World()
    world.registerFailure = ("disk", false)
    world.elect(1, term: 1)
    #expect(world.failures(of: d1).count == 1)
  }
}

extension ControlMessage {
  fileprivate var term: Term? { if case .registered(let registered) = self { registered.term } else { nil } }
}
