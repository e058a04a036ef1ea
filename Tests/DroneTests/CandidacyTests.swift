import Cluster
import Testing

@testable import Drone

@Suite("Candidacies") struct CandidacyTests {
  private let request: [UInt8] = [1, 2, 3]

  /// Stands, is supported by drone 2, and asks for a ballot.
  private func balloting(_ drone: inout TestDrone) throws -> Term {
    let standing = drone.stand()
    let term = try #require(standing)
    let answer = CandidacyAnswer(term: term, choice: .voted, highest: term)
    let actions = drone.receive(.candidacyAnswer(answer), from: 2)
    #expect(actions == [.makeElectionKey(term)])
    let ballot = drone.feed(.electionKeyMade(term, certificateRequest: request)).ballotRequest
    #expect(ballot == BallotRequest(term: term, certificateRequest: request))
    return term
  }

  private func certify(_ drone: inout TestDrone, _ term: Term) -> [DroneAction] {
    let certificate = Names.certificate(term.number, drone.number)
    return drone.receive(.certified(Certified(term: term, certificate: certificate)), from: Names.authority)
  }

  private func taken(_ actions: [DroneAction]) -> Term? {
    for case .assumeOffice(let term, _, _, _, _, _) in actions { return term }
    return nil
  }

  @Test("a drone that hears no commander stands after the suspicion interval and a back-off")
  func stands() {
    var drone = TestDrone(age: 0)
    drone.list(3, term: 0)
    #expect(drone.pass(drone.timing.suspicion).candidacies.isEmpty)
    #expect(drone.stand() == Term(1))
  }

  @Test("a drone that is not registered does not stand")
  func unregistered() {
    var drone = TestDrone(4)
    drone.list(3, term: 0)
    #expect(drone.stand() == nil)
  }

  @Test("heartbeats keep a drone from standing; their end does not")
  func heartbeats() {
    var drone = TestDrone.registered()
    for sequence in 1...40 {
      drone.heartbeat(1, from: 2, sequence: UInt64(sequence))
      #expect(drone.pass(200).candidacies.isEmpty)
    }
    #expect(drone.stand() == Term(2))
  }

  @Test("a drone whose polls come to nothing does not get ahead of the others' terms")
  func staysBehind() throws {
    var drone = TestDrone.registered()
    for _ in 0..<5 { #expect(drone.stand() == Term(1)) }
    let first = drone.stand()
    let answer = CandidacyAnswer(term: try #require(first), choice: .promisedElsewhere, highest: Term(4))
    drone.receive(.candidacyAnswer(answer), from: 2)
    #expect(drone.stand() == Term(5), "but above what another has promised")
  }

  @Test("who was refused for a higher term stands above it, and has others do so")
  func refused() {
    var drone = TestDrone.registered()
    drone.receive(.refused(Refused(reason: "", term: Term(9))), from: 7)
    #expect(drone.core.nextTermFloor == .none, "of a stranger")
    drone.receive(.refused(Refused(reason: "", term: Term(9))), from: 3)
    let answer = drone.receive(.candidacy(Candidacy(term: Term(5))), from: 2).candidacyAnswer
    #expect(answer == CandidacyAnswer(term: Term(5), choice: .promisedElsewhere, highest: Term(9)))
    #expect(drone.stand() == Term(10))
  }

  @Test("one of three asks for a ballot only with another's support")
  func needsMajority() throws {
    var drone = TestDrone.registered()
    let standing = drone.stand()
    let term = try #require(standing)
    let no = CandidacyAnswer(term: term, choice: .stillReaches, highest: Term(0))
    #expect(drone.receive(.candidacyAnswer(no), from: 2).isEmpty)
    let yes = CandidacyAnswer(term: term, choice: .voted, highest: term)
    #expect(drone.receive(.candidacyAnswer(yes), from: 9).isEmpty)
    #expect(drone.receive(.candidacyAnswer(yes), from: 3) == [.makeElectionKey(term)])
  }

  @Test("who has just left the office supports nobody before it would also vote for him")
  func resigned() throws {
    var drone = TestDrone.registered()
    let standing = drone.stand()
    let term = try #require(standing)
    drone.receive(.candidacyAnswer(CandidacyAnswer(term: term, choice: .voted, highest: term)), from: 2)
    drone.feed(.electionKeyMade(term, certificateRequest: [1]))
    drone.list(3, term: term.number, certificate: Names.certificate(term.number, 1))
    #expect(drone.core.office == term)
    drone.heartbeat(term.number, from: 1)
    drone.feed(.resigned(term))
    func ask() -> CandidacyAnswer.Choice? {
      drone.receive(.candidacy(Candidacy(term: term.next)), from: 2).candidacyAnswer?.choice
    }
    #expect(ask() == .stillReaches)
    #expect(drone.query(term.next.number).vote?.candidate == nil)
    drone.now = drone.now + drone.timing.suspicion + 1
    #expect(ask() == .voted)
    #expect(drone.query(term.next.number).vote?.candidate == Names.drone(2))
  }

  @Test("of two that stand in the same term one gives way at once, the one behind in order")
  func tie() throws {
    func choice(_ actions: [DroneAction]) -> CandidacyAnswer.Choice? {
      for case .send(.candidacyAnswer(let answer), _) in actions { return answer.choice }
      return nil
    }
    for (own, other, expected) in [(2, 1, CandidacyAnswer.Choice.voted), (1, 2, .promisedElsewhere)] {
      var drone = TestDrone(own)
      drone.list(3, term: 0)
      let standing = drone.stand()
      let term = try #require(standing)
      let actions = drone.receive(.candidacy(Candidacy(term: term)), from: other)
      #expect(choice(actions) == expected)
      // Whoever gave way does not go on: a late support comes to nothing.
      let support = CandidacyAnswer(term: term, choice: .voted, highest: term)
      let goesOn = drone.receive(.candidacyAnswer(support), from: 3).contains(.makeElectionKey(term))
      #expect(goesOn == (expected != .voted))
    }
  }

  @Test("who has been promised a vote, or stands in a higher term, gives way to nobody")
  func noTie() throws {
    var supported = TestDrone.registered(2, drones: 5)
    let standing = supported.stand()
    let term = try #require(standing)
    let support = CandidacyAnswer(term: term, choice: .voted, highest: term)
    supported.receive(.candidacyAnswer(support), from: 3)
    let answer = supported.receive(.candidacy(Candidacy(term: term)), from: 1).candidacyAnswer
    #expect(answer?.choice == .promisedElsewhere)
    #expect(supported.receive(.candidacyAnswer(support), from: 4) == [.makeElectionKey(term)])

    var ahead = TestDrone.registered(2)
    ahead.receive(.candidacy(Candidacy(term: Term(5))), from: 3)
    #expect(ahead.stand() == Term(6))
    let other = ahead.receive(.candidacy(Candidacy(term: Term(5))), from: 1).candidacyAnswer
    #expect(other?.choice == .promisedElsewhere)
  }

  @Test("who gave way does not stand again before the other may have come to a ballot")
  func afterTie() throws {
    var drone = TestDrone.registered(2)
    for _ in 0..<8 {
      let standing = drone.stand()
      drone.receive(.candidacy(Candidacy(term: try #require(standing))), from: 1)
      let stood = drone.pass(drone.timing.ballot).contains {
        if case .note(.candidate) = $0 { true } else { false }
      }
      #expect(!stood)
    }
  }

  @Test("a single drone elects itself; one of two needs only the authority", arguments: [1, 2])
  func few(drones: Int) throws {
    var drone = TestDrone.registered(drones: drones)
    var actions: [DroneAction] = []
    for _ in 0..<100 where !actions.contains(.makeElectionKey(Term(1))) { actions = drone.pass(50) }
    #expect(actions.contains(.makeElectionKey(Term(1))))
  }

  @Test("the winner takes office once, and only with a certificate for itself in the term it stood for")
  func wins() throws {
    var drone = TestDrone.registered()
    let term = try balloting(&drone)
    let foreign = Names.certificate(term.number, 2)
    #expect(
      taken(drone.receive(.certified(Certified(term: term, certificate: foreign)), from: Names.authority))
        == nil)
    #expect(taken(drone.receive(.certified(Certified(term: term, certificate: [1])), from: 2)) == nil)
    #expect(taken(certify(&drone, term)) == nil)
    let own = Names.certificate(term.number, 1)
    #expect(taken(drone.list(3, term: term.number, certificate: own)) == term)
    #expect(taken(certify(&drone, term)) == nil)
  }

  @Test(
    "the winner takes office with a list of drones that came with the term's certificate, not an older one")
  func currentList() throws {
    var drone = TestDrone.registered()
    let term = try balloting(&drone)
    let actions = certify(&drone, term)
    #expect(taken(actions) == nil)
    #expect(
      actions.sent(to: Names.authority).contains { if case .register = $0 { true } else { false } })
    let list = drone.list(4, term: term.number, certificate: Names.certificate(term.number, 1))
    guard case .assumeOffice(term, _, 4, let drones, _, _) = list.last else {
      Issue.record("the office was not taken: \(list)")
      return
    }
    #expect(drones.count == 4)
  }

  @Test("an office ends with a higher term in the authority's list, certified or claimed, old or new")
  func leaves() throws {
    var drone = TestDrone.registered()
    let term = try balloting(&drone)
    drone.list(3, term: term.number, certificate: Names.certificate(term.number, 1))
    var other = drone
    #expect(other.list(3, term: term.number + 1, membership: 2).contains(.leaveOffice(term)))
    #expect(drone.list(4, term: term.number + 1).contains(.leaveOffice(term)))
    #expect(drone.feed(.resigned(term)).isEmpty)
  }

  @Test("a lost certificate is asked for again, under the same key")
  func asksAgain() throws {
    var drone = TestDrone.registered()
    let term = try balloting(&drone)
    let again = drone.pass(drone.timing.heartbeat * 5).ballotRequest
    #expect(again == BallotRequest(term: term, certificateRequest: request))
  }

  @Test("a failed ballot is followed by one above every term that is known, after a back-off")
  func fails() throws {
    var drone = TestDrone.registered()
    let term = try balloting(&drone)
    let failure = BallotFailed(term: term, highest: Term(40), reason: "no")
    let actions = drone.receive(.ballotFailed(failure), from: Names.authority)
    #expect(actions.contains(.dropElectionKey(term)))
    #expect(drone.feed(.ticked).candidacies.isEmpty)
    #expect(drone.stand() == Term(41))
  }

  @Test("a term that another has promised is stood above, also if its answer comes late")
  func late() throws {
    var drone = TestDrone.registered()
    let term = try balloting(&drone)
    let answer = CandidacyAnswer(term: term, choice: .promisedElsewhere, highest: Term(12))
    drone.receive(.candidacyAnswer(answer), from: 3)
    drone.receive(
      .ballotFailed(BallotFailed(term: term, highest: .none, reason: "no")), from: Names.authority)
    #expect(drone.stand() == Term(13))
  }

  @Test("a claim that comes to nothing holds the others up once, however often it is told")
  func claimWithoutCertificate() {
    var drone = TestDrone.registered()
    var stood: Term?
    for _ in 0..<10 where stood == nil {
      drone.list(3, term: 5)
      for case .note(.candidate(let term)) in drone.pass(700) { stood = term }
    }
    #expect(stood == Term(6))
  }

  @Test("a commander that is heard ends a candidacy and its key")
  func standsDown() throws {
    var drone = TestDrone.registered()
    let term = try balloting(&drone)
    #expect(drone.heartbeat(term.number + 1, from: 2).contains(.dropElectionKey(term)))
    #expect(taken(certify(&drone, term)) == nil)
    #expect(
      drone.feed(.electionKeyMade(term, certificateRequest: request)) == [.dropElectionKey(term)])
  }

  @Test("an expired certificate makes nobody commander, and no heartbeat count")
  func expired() {
    var drone = TestDrone.registered()
    let short = Names.certificate(1, 2, life: 10)
    #expect(drone.heartbeat(1, from: 2, certificate: short).report != nil)
    drone.wall += 60
    #expect(drone.heartbeat(1, from: 2, sequence: 2, certificate: short).report == nil)
    let fresh = Names.certificate(1, 2, edition: 1)
    #expect(drone.heartbeat(1, from: 2, sequence: 3, certificate: fresh).report != nil)
  }

  @Test("nobody is believed with another's certificate, nor a second winner of a term")
  func borrowed() {
    var drone = TestDrone.registered()
    #expect(drone.heartbeat(1, from: 3, certificate: Names.certificate(1, 2)).report == nil)
    #expect(drone.heartbeat(1, from: 2).report != nil)
    #expect(drone.heartbeat(1, from: 3, certificate: Names.certificate(1, 3)).report == nil)
    #expect(drone.heartbeat(2, from: 2, certificate: Names.certificate(1, 2)).report == nil)
  }
}
