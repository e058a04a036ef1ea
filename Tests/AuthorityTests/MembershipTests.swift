import Cluster
import Testing

@testable import Authority

@Suite("Who belongs to the cluster") struct MembershipTests {
  private let d1 = World.drone(1)
  private let d2 = World.drone(2)
  private let d3 = World.drone(3)
  private let d4 = World.drone(4)

  private func register(_ drone: Principal, in world: World, membership: UInt64 = 0) {
    let register = Register(
      incarnation: Incarnation(9), endpoint: Endpoint(host: "127.0.0.1", port: 7100), membership: membership)
    world.feed(.connected(drone))
    world.feed(.received(.register(register), from: drone))
  }

  @discardableResult
  private func remove(
    _ node: Principal, isDead: Bool = false, in world: World, by peer: Principal = World.administrator
  ) -> RemovalAnswer.Outcome? {
    let request = RemovalRequest(number: 7, principal: node, isDead: isDead)
    world.feed(.received(.removalRequest(request), from: peer))
    return world.sent(to: peer).lazy.compactMap {
      if case .removalAnswer(let answer) = $0, answer.number == 7 { answer.outcome } else { nil }
    }.last
  }

  private func isRefused(_ outcome: RemovalAnswer.Outcome?, _ words: String) -> Bool {
    if case .refused(let reason) = outcome { reason.contains(words) } else { false }
  }

  // MARK: The list

  @Test("a node that registers is on the next version of the list, which everybody is sent")
  func joins() {
    let world = World()
    register(d4, in: world)
    #expect(world.register.membership.version == 2)
    for peer in [d1, d4, World.database(1)] {
      #expect(world.lists[peer]?.version == 2 && world.lists[peer]?.contains(d4) == true)
      #expect(world.registered(to: peer)?.membership == 2)
    }
  }

  @Test("a node that has an older list is sent the newest with each registration, one that has it is not")
  func repeated() {
    let world = World()
    register(d4, in: world)
    let before = world.sent(to: d4).count
    register(d4, in: world, membership: 1)
    #expect(
      world.sent(to: d4).dropFirst(before).contains { if case .membership = $0 { true } else { false } })
    let after = world.sent(to: d4).count
    register(d4, in: world, membership: 2)
    #expect(
      world.sent(to: d4).dropFirst(after).contains { if case .membership = $0 { true } else { false } }
        == false)
  }

  // MARK: Removing

  @Test("a node that is removed is told so and closed, and whatever it says is refused")
  func removed() {
    let world = World()
    world.elect(1, term: 1)
    #expect(remove(d3, in: world) == .pending(version: 2))
    #expect(world.lists[d3]?.contains(d3) == false, "it has the list that says so")
    #expect(world.actions.contains(.close(d3)))
    #expect(world.registered(to: d1)?.drones.map(\.principal) == [d1, d2])
    let before = world.actions.count
    register(d3, in: world)
    #expect(world.actions[before...].contains(.close(d3)))
    #expect(!world.actions[before...].contains { if case .storeNode = $0 { true } else { false } })
    guard case .refused(let refusal) = world.sent(to: d3).last else {
      Issue.record("it was not told why")
      return
    }
    #expect(refusal.reason.contains("was removed"))
    world.restart()
    register(d3, in: world)
    #expect(!world.register.nodes.contains { $0.node.principal == d3 })
  }

  @Test("a removed node comes back when it has been enrolled anew, not before")
  func enrolledAnew() {
    let world = World()
    remove(d3, in: world)
    world.feed(
      .received(.enrollmentRequest(EnrollmentRequest(number: 1, principal: d3)), from: World.administrator))
    register(d3, in: world)
    #expect(!world.register.nodes.contains { $0.node.principal == d3 }, "the KDC has not made it yet")
    let refused = EnrollmentAnswer(number: 1, outcome: .refused(reason: "the KDC is away"))
    world.feed(.enrollmentAnswered(refused, d3, for: World.administrator))
    register(d3, in: world)
    #expect(!world.register.nodes.contains { $0.node.principal == d3 }, "the KDC has made none")
    let made = EnrollmentAnswer(number: 1, outcome: .created(password: "secret", secondsToLive: 600))
    world.feed(.enrollmentAnswered(made, d3, for: World.administrator))
    #expect(world.actions.contains(.send(.enrollmentAnswer(made), to: World.administrator)))
    register(d3, in: world)
    #expect(world.register.nodes.contains { $0.node.principal == d3 })
    #expect(world.register.membership.version == 3)
  }

  @Test("only administrators remove, only members are removed, and never the last of a role")
  func refusals() throws {
    let world = World(drones: 2)
    let before = world.register
    let alice = try Principal("alice@KEYVAL.TEST")
    #expect(isRefused(remove(d2, in: world, by: alice), "administrators"))
    #expect(isRefused(remove(d2, in: world, by: d1), "administrators"))
    #expect(isRefused(remove(d4, in: world), "no member"))
    #expect(isRefused(remove(alice, in: world), "no member"))
    #expect(isRefused(remove(World.database(1), in: world), "last database"))
    #expect(world.register == before)
    remove(d2, in: world)
    #expect(isRefused(remove(d1, in: world), "last drone"))
    #expect(isRefused(remove(d2, in: world), "already"))
  }

  @Test("who has become an administrator may remove, and who was one is sent away and may no more")
  func newAdministrators() throws {
    let world = World()
    let alice = try Principal("alice@KEYVAL.TEST")
    world.feed(.connected(World.administrator))
    world.feed(.administratorsRead([World.administrator]))
    #expect(!world.actions.contains(.close(World.administrator)), "nothing has changed")
    #expect(isRefused(remove(d3, in: world, by: alice), "administrators"))
    world.feed(.administratorsRead([alice]))
    #expect(world.actions.contains(.close(World.administrator)))
    #expect(isRefused(remove(d3, in: world), "administrators"))
    world.feed(.received(.nodesRequest(NodesRequest(number: 4)), from: World.administrator))
    #expect(
      !world.sent(to: World.administrator).contains { if case .nodesAnswer = $0 { true } else { false } })
    #expect(!isRefused(remove(d3, in: world, by: alice), "administrators"))
    #expect(!world.register.nodes.contains { $0.node.principal == d3 })
  }

  @Test("who was heard a moment ago is not dead")
  func heardLately() {
    let world = World()
    world.elect(1, term: 1)
    register(d3, in: world)
    #expect(isRefused(remove(d3, isDead: true, in: world), "runs"))
    world.pass(5000)
    #expect(remove(d3, isDead: true, in: world) == .removed(version: world.register.membership.version))
  }

  @Test(
    "a removal that would leave no majority of what the commander counts is refused, unless it is of a dead one"
  )
  func noMajorityLeft() {
    let world = World()
    world.elect(1, term: 1)
    #expect(remove(d3, in: world) == .pending(version: 2))
    #expect(isRefused(remove(d2, in: world), "no majority"))
    // Counted by the commander, it is not needed any more.
    world.heartbeat(term: 1, from: d1, membership: 2)
    #expect(world.register.membership.counted == 2)
    #expect(remove(d2, in: world) == .pending(version: 3))
  }

  @Test("a removal that the register could not store is answered so, and nothing has changed")
  func registerFails() {
    let world = World()
    world.registerFailure = ("disk full", false)
    #expect(isRefused(remove(d3, in: world), "disk full"))
    world.registerFailure = nil
    #expect(world.register.membership.version == 1)
    #expect(!world.actions.contains(.close(d3)))
  }

  @Test("administrators are told who belongs, what is pending and who is revoked; nobody else is")
  func listed() throws {
    let world = World()
    world.elect(1, term: 1)
    remove(d3, in: world)
    world.feed(.received(.nodesRequest(NodesRequest(number: 4)), from: World.administrator))
    guard case .nodesAnswer(let answer) = world.sent(to: World.administrator).last else {
      Issue.record("no answer")
      return
    }
    #expect(answer.nodes.map(\.principal) == [World.database(1), d1, d2])
    #expect(answer.pending == [d3] && answer.revoked == [d3])
    #expect(answer.version == 2 && answer.counted == 1)
    world.feed(.received(.nodesRequest(NodesRequest(number: 4)), from: d1))
    #expect(!world.sent(to: d1).contains { if case .nodesAnswer = $0 { true } else { false } })
  }

  // MARK: Majorities

  @Test("drones that joined since the commander's version have no majority of it")
  func joinedAreNoMajority() {
    let world = World()
    world.elect(1, term: 1)
    for drone in [d4, World.drone(5), World.drone(6)] { register(drone, in: world) }
    world.pass(World.timing.resignation)
    // Four of six, and one of the three that the commander counts.
    world.votes = [d3: d3, d4: d3, World.drone(5): d3, World.drone(6): d3]
    world.request(2, by: d3)
    world.pass(World.timing.ballot)
    #expect(world.register.office.term == Term(1))
    world.votes[d2] = .some(d3)
    world.request(3, by: d3)
    #expect(world.register.office.term == Term(3))
    #expect(world.register.membership.counted == world.register.membership.version)
  }

  @Test("once the commander says that it counts a version, no majority of a lower one is needed")
  func counted() {
    let world = World(drones: 1)
    world.elect(1, term: 1)
    for drone in [d2, d3] { register(drone, in: world) }
    let present = world.register.membership.version
    func ballot(_ term: UInt64) {
      world.votes = [d2: d2, d3: d2]
      world.request(term, by: d2)
      world.pass(World.timing.ballot)
    }
    ballot(2)
    #expect(world.register.office.term == Term(1), "the commander may count itself alone")
    world.heartbeat(term: 1, from: d1, membership: .max)
    #expect(world.register.membership.counted == present)
    ballot(3)
    #expect(world.register.office.term == Term(3))
  }

  @Test("what a lower term's commander, or another drone, says it counts does not matter")
  func countedByOthers() {
    let world = World()
    world.elect(1, term: 1)
    world.elect(2, term: 2)
    register(d4, in: world)
    let first = world.register.membership.counted
    world.heartbeat(term: 1, from: d1, membership: .max)
    world.heartbeat(term: 2, from: d3, membership: .max)
    world.heartbeat(term: 2, from: d2, certificate: [1, 2], membership: .max)
    #expect(world.register.membership.counted == first)
  }

  @Test("before the first claim of a term there is no commander, and the present drones are enough")
  func vacant() {
    let world = World(drones: 1)
    for drone in [d2, d3] { register(drone, in: world) }
    world.votes = [d2: d2, d3: d2]
    world.request(1, by: d2)
    #expect(world.register.office.term == Term(1))
  }

  @Test("drones that joined while a claim came to no certificate have their voices")
  func claimedNotCertified() {
    let world = World(drones: 2)
    world.unreachableDatabases = [World.database(1)]
    world.elect(1, term: 1)
    for drone in [d3, d4] { register(drone, in: world) }
    world.unreachableDatabases = []
    world.pass(World.timing.resignation * 2)
    world.votes = [d2: d3, d3: d3, d4: d3]
    world.restart()
    world.isHeld = { $0.isRaise }
    world.pass(World.timing.resignation * 2)
    world.isHeld = nil
    world.request(2, by: d3)
    #expect(world.register.office.term == Term(2))
  }

  @Test(
    "a removed drone is not asked and counts for nobody, but a majority of all who were counted is needed")
  func removedHasNoVoice() throws {
    let world = World()
    world.elect(1, term: 1)
    remove(d3, in: world)
    world.pass(World.timing.resignation)
    let before = world.sent(to: d3).count
    world.votes = [d2: d2, d3: d2]
    world.request(2, by: d2)
    world.pass(World.timing.ballot)
    #expect(world.sent(to: d3).count == before)
    #expect(world.register.office.term == Term(1), "of three that the commander may count one is for it")
    world.votes = [d1: d2, d2: d2]
    world.request(3, by: d2)
    #expect(world.register.office.term == Term(3))
  }

  @Test("a drone that is removed while a ballot is open has no voice in it any more")
  func removedDuringBallot() {
    let world = World(drones: 5)
    world.elect(4, term: 1)
    world.pass(World.timing.resignation)
    world.votes = [d1: d1, d5: d1]
    world.request(2, by: d1)
    remove(d5, in: world)
    world.votes[d2] = .some(d1)
    world.pass(World.timing.ballot)
    #expect(world.register.office.term == Term(1))
  }

  private let d5 = World.drone(5)

  @Test("a drone that is off for good is needed for no majority, so that those who are left can elect")
  func dead() {
    let world = World()
    world.elect(1, term: 1)
    world.pass(World.timing.resignation)
    world.votes = [d3: d3]
    world.request(2, by: d3)
    world.pass(World.timing.ballot)
    #expect(world.register.office.term == Term(1))
    #expect(remove(d1, isDead: true, in: world) == .removed(version: 2))
    world.request(3, by: d3)
    world.pass(World.timing.ballot)
    #expect(world.register.office.term == Term(3), "one of two, and the authority")
  }

  @Test("a removal that is pending may be followed by the word that the process is off for good")
  func deadAfterwards() {
    let world = World()
    world.elect(1, term: 1)
    remove(d3, in: world)
    #expect(remove(d3, isDead: true, in: world) == .removed(version: 3))
    #expect(isRefused(remove(d3, isDead: true, in: world), "already"))
  }

  @Test("a claim whose ballot went by another version than the register's is not stored")
  func claimOfAnotherVersion() {
    let world = World()
    world.standby = { [d4] world in
      world.register = world.register.storing(
        EnrolledNode(
          node: RegisteredNode(principal: d4, endpoint: Endpoint(host: "h", port: 4)), isExpiryCleared: true))
    }
    world.elect(1, term: 1)
    #expect(world.register.office.term == .none)
    #expect(world.failures(of: d1).map(\.term) == [Term(1)])
  }
}
