import Cluster
import Testing

@testable import Authority

@Suite("Certification") struct CertificationTests {
  private let d1 = World.drone(1)
  private let d2 = World.drone(2)

  @Test("the steps come in the stated order, the register being read before each")
  func order() {
    let world = World()
    world.offices[Term(0)] = []
    world.elect(1, term: 1)
    let steps: [(AuthorityAction) -> Bool] = [
      \.isRead, \.isClaim, \.isRead, \.isCreateOffice, { $0.isRecord(of: .officeCreated) }, \.isRead,
      \.isRaise, { $0.isRecord(of: .termsRaised) }, \.isRead, \.isDeleteOffices,
      { $0.isRecord(of: .lowerOfficesDeleted) }, \.isRead, \.isIssue, \.isRecordOfCertificate,
      \.isCertified,
    ]
    let seen = world.actions.filter { action in steps.contains { $0(action) } }
    #expect(seen.count == steps.count)
    for (action, matches) in zip(seen, steps) { #expect(matches(action), "\(action)") }
    #expect(world.offices.keys.sorted() == [Term(1)])
    #expect(world.databaseTerms == [World.database(1): Term(1)])
  }

  @Test("the winner gets a certificate of an hour that everybody believes, and everybody is told")
  func certificate() throws {
    let world = World()
    world.elect(1, term: 1)
    let certified = try #require(world.certificates(of: d1).first)
    let verifier = ElectionVerifier(anchors: [World.ca.anchor], realm: World.realm)
    let office = try verifier.verify(
      certificate: certified.certificate, peer: d1, minimumTerm: Term(1), now: world.wall)
    #expect(office.term == Term(1) && office.winner == d1)
    #expect(ElectionKey(office.publicKey) == world.key(of: d1))
    #expect(office.notAfter == world.wall + 3600)
    for peer in [d1, d2, World.drone(3), World.database(1)] {
      guard case .registered(let registered) = world.sent(to: peer).last(where: \.isRegistered) else {
        Issue.record("\(peer) was not told")
        continue
      }
      #expect(registered.term == Term(1) && registered.certificate == certified.certificate)
    }
  }

  @Test("while a certification is under way the nodes are told the term without a certificate")
  func underWay() {
    let world = World()
    world.unreachableDatabases = [World.database(1)]
    world.elect(1, term: 1)
    guard case .registered(let registered) = world.sent(to: d2).last(where: \.isRegistered) else {
      Issue.record("not told")
      return
    }
    #expect(registered.term == Term(1) && registered.certificate == nil)
  }

  enum Step: CaseIterable {
    case claim, createOffice, recordOffice, raise, recordRaised, delete, recordDeleted, issue,
      recordCertificate
    case tell

    func matches(_ action: AuthorityAction) -> Bool {
      switch self {
      case .claim: action.isClaim
      case .createOffice: action.isCreateOffice
      case .recordOffice: action.isRecord(of: .officeCreated)
      case .raise: action.isRaise
      case .recordRaised: action.isRecord(of: .termsRaised)
      case .delete: action.isDeleteOffices
      case .recordDeleted: action.isRecord(of: .lowerOfficesDeleted)
      case .issue: action.isIssue
      case .recordCertificate: action.isRecordOfCertificate
      case .tell: action.isCertified
      }
    }
  }

  @Test(
    "a crash before or after any step is resumed for the same winner and key",
    arguments: Step.allCases, [false, true])
  func crash(step: Step, isAfter: Bool) throws {
    let world = World()
    world.offices[Term(0)] = []
    world.crash = isAfter ? .after(step.matches) : .before(step.matches)
    world.elect(1, term: 1)
    #expect(world.core == nil, "it should have crashed")
    world.restart()
    if step == .claim, !isAfter {
      // Nothing was stored: the candidate asks again.
      #expect(world.register.office == .vacant)
      world.request(1, by: d1)
    }
    // A winner that never heard of it asks again, too; the answer is the certificate.
    world.request(1, by: d1)
    #expect(world.register.office.winner == Winner(principal: d1, key: world.key(of: d1)))
    #expect(world.register.office.certificate != nil)
    #expect(world.certificates(of: d1).last?.certificate == world.register.office.certificate?.der)
    #expect(world.offices == [Term(1): world.key(of: d1).fingerprint])
    #expect(world.failures(of: d1).isEmpty)
    #expect(world.databaseTerms[World.database(1)] == Term(1))
  }

  @Test("after a crash nobody else gets the term", arguments: Step.allCases)
  func crashAndAnother(step: Step) {
    let world = World()
    world.crash = .after(step.matches)
    world.elect(1, term: 1)
    world.restart()
    world.elect(2, term: 1)
    #expect(world.register.office.winner?.principal == d1)
    #expect(world.certificates(of: d2).isEmpty)
    #expect(world.failures(of: d2).map(\.highest) == [Term(1)])
  }

  @Test("no certificate leaves before the register has it")
  func recordedFirst() {
    let world = World()
    world.crash = .before(\.isRecordOfCertificate)
    world.elect(1, term: 1)
    #expect(world.certificates(of: d1).isEmpty)
    #expect(!world.sent(to: d2).contains { $0.isRegistered && $0.hasCertificate })
  }

  @Test("terms survive a restart of the authority")
  func restart() {
    let world = World()
    world.elect(1, term: 7)
    world.restart()
    world.elect(2, term: 7)
    #expect(world.failures(of: d2).map(\.highest) == [Term(7)])
    world.pass(World.timing.suspicion + 1)
    world.elect(2, term: 8)
    #expect(world.register.office.winner?.principal == d2)
    #expect(world.offices.keys.sorted() == [Term(8)])
  }

  @Test("a term whose office bears another key is burnt, and stays so")
  func burnt() {
    let world = World()
    world.offices[Term(1)] = [UInt8](repeating: 1, count: 32)
    world.elect(1, term: 1)
    #expect(world.register.office.state == .burnt(Winner(principal: d1, key: world.key(of: d1))))
    #expect(world.failures(of: d1).map(\.highest) == [Term(1)])
    #expect(world.databaseTerms[World.database(1)] == Term.none, "a burnt term closes nobody's sessions")
    world.restart()
    world.elect(1, term: 1)
    #expect(world.certificates(of: d1).isEmpty)
    world.elect(1, term: 2)
    #expect(world.certificates(of: d1).map(\.term) == [Term(2)])
    #expect(world.offices.keys.sorted() == [Term(2)])
  }

  @Test("a database that cannot be reached delays the certificate until it has raised its term")
  func unreachableDatabase() {
    let world = World(databases: 2)
    world.unreachableDatabases = [World.database(2)]
    world.elect(1, term: 1)
    world.pass(World.timing.resignation)
    #expect(world.certificates(of: d1).isEmpty)
    #expect(world.actions.filter(\.isDeleteOffices).isEmpty)
    // Asked again, but not more often than once a heartbeat.
    let asked = world.actions.filter(\.isRaise).count
    #expect((10...25).contains(asked))
    world.unreachableDatabases = []
    world.pass(World.timing.heartbeat)
    #expect(world.certificates(of: d1).map(\.term) == [Term(1)])
    #expect(world.databaseTerms == [World.database(1): Term(1), World.database(2): Term(1)])
  }

  @Test("without any registered database there is no certificate")
  func noDatabase() {
    let world = World(databases: 0)
    world.elect(1, term: 1)
    world.pass(1000)
    #expect(world.certificates(of: d1).isEmpty)
    let register = Register(
      incarnation: Incarnation(1), endpoint: Endpoint(host: "h", port: 1), membership: 0)
    world.feed(.received(.register(register), from: World.database(1)))
    #expect(world.certificates(of: d1).map(\.term) == [Term(1)])
  }

  @Test("a TermRaised of somebody who is no registered database, or below the term, counts for nothing")
  func falseRaise() {
    let world = World()
    world.unreachableDatabases = [World.database(1)]
    world.elect(1, term: 5)
    for peer in [d1, d2, World.database(9)] {
      world.feed(.received(.termRaised(TermRaised(term: Term(5))), from: peer))
    }
    world.feed(.received(.termRaised(TermRaised(term: Term(4))), from: World.database(1)))
    world.pass(1000)
    #expect(world.certificates(of: d1).isEmpty)
  }

  @Test("a KDC that is away is tried again until it answers")
  func kdcAway() {
    let world = World()
    world.isKDCAway = true
    world.elect(1, term: 1)
    world.pass(1000)
    #expect(world.actions.filter(\.isCreateOffice).count > 2)
    world.isKDCAway = false
    world.pass(World.timing.heartbeat)
    #expect(world.certificates(of: d1).map(\.term) == [Term(1)])
  }

  @Test("a candidate waits while a term is certified, and overtakes it when nobody can expect it any more")
  func overtaking() {
    let world = World()
    world.unreachableDatabases = [World.database(1)]
    world.elect(1, term: 1)
    world.elect(2, term: 2)
    #expect(world.failures(of: d2).first?.reason.contains("being certified") == true)
    world.pass(World.timing.resignation)
    world.elect(2, term: 2)
    #expect(world.register.office.winner?.principal == d2)
    world.unreachableDatabases = []
    world.pass(World.timing.heartbeat)
    #expect(world.certificates(of: d1).isEmpty)
    #expect(world.certificates(of: d2).map(\.term) == [Term(2)])
    #expect(world.offices.keys.sorted() == [Term(2)])
  }

  @Test("a term that is certified at last ends the ballot of who stood because there was no commander")
  func certifiedAtLast() {
    let world = World()
    world.unreachableDatabases = [World.database(1)]
    world.elect(1, term: 1)
    world.pass(World.timing.resignation)
    world.votes = [:]
    world.request(2, by: d2)
    world.unreachableDatabases = []
    world.pass(World.timing.heartbeat / 2)
    #expect(world.certificates(of: d1).map(\.term) == [Term(1)])
    #expect(world.failures(of: d2).first?.reason.contains("just been certified") == true)
  }

  @Test("while a higher term is being claimed, the lower one's certification rests")
  func restsForTheClaim() {
    let world = World()
    world.unreachableDatabases = [World.database(1)]
    world.elect(1, term: 1)
    world.pass(World.timing.resignation)
    world.isHeld = { $0.isClaim }
    world.elect(2, term: 2)
    world.unreachableDatabases = []
    world.pass(1000)
    #expect(world.actions.filter { $0.isRecord(of: .termsRaised) }.isEmpty)
  }

  @Test("no database is told a term before its office exists, since it may be burnt")
  func notRaisedEarly() {
    let world = World()
    world.isKDCAway = true
    world.elect(1, term: 1)
    let register = Register(
      incarnation: Incarnation(9), endpoint: Endpoint(host: "h", port: 1), membership: 0)
    world.feed(.received(.register(register), from: World.database(1)))
    #expect(world.actions.filter(\.isRaise).isEmpty)
  }

  @Test("a late answer to an overtaken step changes nothing")
  func lateAnswer() {
    let world = World()
    world.unreachableDatabases = [World.database(1)]
    world.elect(1, term: 1)
    guard case .createOffice(let operation, _, _) = world.actions.first(where: \.isCreateOffice) else {
      Issue.record("no office")
      return
    }
    world.pass(World.timing.resignation)
    world.elect(2, term: 2)
    let record = world.register.office
    world.feed(.officeCreated(operation: operation, .burnt))
    world.feed(.lowerOfficesDeleted(operation: operation))
    world.feed(.certificateIssued(operation: operation, certificate: [1]))
    world.feed(.failed(operation: operation, reason: "late"))
    #expect(world.register.office == record)
  }
}

extension ControlMessage {
  var isRegistered: Bool { if case .registered = self { true } else { false } }

  var hasCertificate: Bool {
    if case .registered(let registered) = self { registered.certificate != nil } else { false }
  }
}
