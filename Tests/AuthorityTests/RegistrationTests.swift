import Cluster
import Testing

@testable import Authority

@Suite("Registering and enrolling") struct RegistrationTests {
  private let d4 = World.drone(4)

  private func register(_ world: World, _ peer: Principal, port: UInt16 = 1, incarnation: UInt64 = 1) {
    let register = Register(
      incarnation: Incarnation(incarnation), endpoint: Endpoint(host: "127.0.0.1", port: port),
      membership: world.register.membership.version)
    world.feed(.connected(peer))
    world.feed(.received(.register(register), from: peer))
  }

  @Test("a drone is a voter once the register has it, and everybody is told")
  func joins() {
    let world = World()
    register(world, d4)
    #expect(world.register.nodes.map(\.node.principal).contains(d4))
    for peer in [World.drone(1), World.database(1), d4] {
      guard let registered = world.registered(to: peer) else {
        Issue.record("\(peer) was not told")
        continue
      }
      #expect(registered.drones.map(\.principal) == (1...4).map(World.drone))
      #expect(registered.databases.map(\.principal) == [World.database(1)])
    }
    world.restart()
    world.votes = [World.drone(1): World.drone(1)]
    world.request(1, by: World.drone(1))
    #expect(world.sent(to: d4).contains { if case .voteQuery = $0 { true } else { false } })
  }

  @Test("a drone whose registration was not stored does not count")
  func notStored() {
    let world = World()
    world.crash = .before { if case .storeNode = $0 { true } else { false } }
    register(world, d4)
    world.restart()
    world.request(1, by: d4)
    #expect(world.failures(of: d4).first?.reason.contains("not registered") == true)
  }

  @Test("a known node gets its answer at once, and a new address is stored and told")
  func movesHouse() {
    let world = World()
    let d1 = World.drone(1)
    let (others, own) = (world.sent(to: World.drone(2)).count, world.sent(to: d1).count)
    register(world, d1, port: 7000)
    #expect(world.sent(to: World.drone(2)).count == others)
    #expect(world.sent(to: d1).count == own + 1)
    register(world, d1, port: 99)
    guard let registered = world.registered(to: World.drone(2)) else {
      Issue.record("not told")
      return
    }
    #expect(registered.drones.first?.endpoint.port == 99)
  }

  @Test("people, offices and nodes of other realms do not register")
  func strangers() throws {
    let world = World()
    let names = [
      "alice@KEYVAL.TEST", "keyval-commander/1@KEYVAL.TEST", "keyval-authority/a2@KEYVAL.TEST",
      "keyval-drone/d7@OTHER.TEST", "keyval-database/db7@OTHER.TEST",
    ]
    for name in names { register(world, try Principal(name)) }
    #expect(world.register.nodes.count == 4)
  }

  @Test("the expiry of a drone's principal is cleared at its first session, and only then")
  func expiry() {
    let world = World()
    register(world, d4)
    register(world, d4)
    register(world, World.drone(1), port: 7000)
    register(world, World.database(2))
    let cleared = world.actions.filter { if case .clearExpiry = $0 { true } else { false } }
    #expect(cleared == [.clearExpiry(d4)])
    #expect(world.register.nodes.first { $0.node.principal == d4 }?.isExpiryCleared == true)
  }

  @Test("an expiry that could not be cleared is cleared at a later registration, also after a restart")
  func expiryFails() {
    let world = World()
    world.crash = .before { if case .clearExpiry = $0 { true } else { false } }
    register(world, d4)
    world.restart()
    register(world, d4)
    #expect(world.register.nodes.first { $0.node.principal == d4 }?.isExpiryCleared == true)
  }

  @Test("a database that is new or started again is told the term")
  func databaseIsRaised() {
    let world = World()
    world.elect(1, term: 3)
    register(world, World.database(2))
    #expect(world.databaseTerms[World.database(2)] == Term(3))
    register(world, World.database(1), port: 7003)
    // Restored from a backup, say.
    world.databaseTerms[World.database(1)] = Term.none
    register(world, World.database(1), port: 7003, incarnation: 77)
    #expect(world.databaseTerms[World.database(1)] == Term(3))
  }

  @Test("an administrator may enroll a drone")
  func enrolls() {
    let world = World()
    let request = EnrollmentRequest(number: 5, principal: d4)
    world.feed(.received(.enrollmentRequest(request), from: World.administrator))
    #expect(world.actions.contains(.enroll(d4, number: 5, for: World.administrator)))
  }

  @Test("nobody else may, and nothing but drones of this realm")
  func enrollmentRefused() throws {
    let world = World()
    let alice = try Principal("alice@KEYVAL.TEST")
    func ask(_ principal: Principal, by peer: Principal) {
      let request = EnrollmentRequest(number: 1, principal: principal)
      world.feed(.received(.enrollmentRequest(request), from: peer))
    }
    ask(d4, by: alice)
    ask(d4, by: World.drone(1))
    ask(try Principal("keyval-drone/d4@OTHER"), by: World.administrator)
    ask(try Principal("keyval-commander/9@KEYVAL.TEST"), by: World.administrator)
    ask(World.database(4), by: World.administrator)
    ask(alice, by: World.administrator)
    #expect(!world.actions.contains { if case .enroll = $0 { true } else { false } })
    let refusals = [alice, World.drone(1), World.administrator].flatMap { world.sent(to: $0) }.filter {
      if case .enrollmentAnswer(let answer) = $0, case .refused = answer.outcome { true } else { false }
    }
    #expect(refusals.count == 6)
  }

  @Test("an answer to an enrollment shows no password when it is logged or dumped")
  func passwordsAreNotShown() {
    let answer = EnrollmentAnswer(number: 1, outcome: .created(password: "secret", secondsToLive: 600))
    var dumped = ""
    dump(answer, to: &dumped)
    #expect(!"\(answer)".contains("secret") && !dumped.contains("secret"))
    #expect(!"\(ControlMessage.enrollmentAnswer(answer))".contains("secret"))
  }

  @Test("the messages of enrollment travel")
  func travel() throws {
    let messages: [ControlMessage] = [
      .enrollmentRequest(EnrollmentRequest(number: 3, principal: d4)),
      .enrollmentAnswer(
        EnrollmentAnswer(number: 3, outcome: .created(password: "a-b", secondsToLive: 600))),
      .enrollmentAnswer(EnrollmentAnswer(number: 4, outcome: .refused(reason: "no"))),
    ]
    for message in messages {
      let decoded = try ControlMessage.decode(message.encoded())
      #expect(decoded == message)
    }
  }
}
