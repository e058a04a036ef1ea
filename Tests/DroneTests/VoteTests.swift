import Cluster
import Testing
import Wire

@testable import Drone

@Suite("Votes") struct VoteTests {
  private func poll(_ drone: inout TestDrone, _ term: UInt64, by peer: Int) -> CandidacyAnswer.Choice? {
    drone.receive(.candidacy(Candidacy(term: Term(term))), from: peer).candidacyAnswer?.choice
  }

  @Test("a vote is stored before it is told")
  func storedFirst() throws {
    var drone = TestDrone.registered()
    #expect(poll(&drone, 1, by: 2) == .voted)
    let actions = drone.query(1)
    let store = try #require(actions.firstIndex { if case .store = $0 { true } else { false } })
    let send = try #require(actions.firstIndex { if case .send(.vote, _) = $0 { true } else { false } })
    #expect(store < send)
    #expect(actions.stored?.term == Term(1) && actions.stored?.candidate == Names.drone(2))
    #expect(actions.vote?.candidate == Names.drone(2))
  }

  @Test("a drone votes once a term, also when its favourite changes")
  func once() {
    var drone = TestDrone.registered()
    _ = poll(&drone, 1, by: 2)
    #expect(drone.query(1).vote?.candidate == Names.drone(2))
    #expect(poll(&drone, 1, by: 3) == .promisedElsewhere)
    #expect(poll(&drone, 2, by: 3) == .voted)
    let again = drone.query(1, ballot: 2)
    #expect(again.vote == Vote(ballot: 2, term: Term(1), candidate: Names.drone(2)))
    #expect(again.stored == nil)
  }

  @Test("a restarted drone gives the vote that it stored, and none in a lower term")
  func restarted() {
    var drone = TestDrone.registered()
    _ = poll(&drone, 4, by: 2)
    let promise = drone.query(4).stored!
    var restarted = TestDrone.registered(promise: promise)
    #expect(restarted.query(4).vote?.candidate == Names.drone(2))
    #expect(poll(&restarted, 3, by: 3) == .promisedElsewhere)
    #expect(restarted.query(3).vote?.candidate == nil)
  }

  @Test("a poll binds nobody: what is told in answer to it is not stored")
  func pollIsNoVote() {
    var drone = TestDrone.registered()
    let actions = drone.receive(.candidacy(Candidacy(term: Term(1))), from: 2)
    #expect(actions.stored == nil)
    #expect(drone.core.highestTerm == .none)
  }

  @Test("whoever answered the commander abstains for the suspicion interval, and then votes")
  func abstains() {
    var drone = TestDrone.registered()
    drone.heartbeat(1, from: 2)
    let suspicion = drone.timing.suspicion
    drone.now = drone.now + suspicion
    #expect(poll(&drone, 2, by: 3) == .stillReaches)
    #expect(drone.query(2).vote?.candidate == nil)
    drone.now = drone.now + 1
    #expect(poll(&drone, 2, by: 3) == .voted)
    #expect(drone.query(2).vote?.candidate == Names.drone(3))
  }

  @Test("a drone that has just started abstains: it may have answered the commander before")
  func abstainsAfterStart() {
    var drone = TestDrone(age: 0)
    drone.list(3, term: 0)
    #expect(poll(&drone, 1, by: 2) == .voted)
    #expect(drone.query(1).vote?.candidate == nil)
    drone.now = drone.now + drone.timing.suspicion + 1
    #expect(drone.query(1).vote?.candidate == Names.drone(2))
  }

  @Test("after a vote the lower commander is refused, and its leases are worth nothing")
  func refusesLower() {
    var drone = TestDrone.registered()
    drone.heartbeat(1, from: 2)
    drone.now = drone.now + drone.timing.suspicion + 1
    _ = poll(&drone, 2, by: 3)
    drone.query(2)
    let actions = drone.heartbeat(1, from: 2, sequence: 9)
    #expect(actions.report == nil)
    guard case .refused(let refusal) = actions.sent(to: Names.drone(2)).first else {
      Issue.record("not refused")
      return
    }
    #expect(refusal.term == Term(2))
  }

  @Test(
    "who has promised a higher term takes no lease, no grant and no order from the commander of a lower one")
  func takesNothingFromLower() throws {
    let ten = Names.set(0..<10)
    var drone = TestDrone.serving(by: 2)
    drone.now = drone.now + drone.timing.suspicion + 1
    _ = poll(&drone, 2, by: 3)
    let report = try #require(drone.feed(.closed([])).report)
    #expect(drone.query(2).vote?.candidate == Names.drone(3))
    #expect(drone.renew(ten, nonce: report.nonce, term: 1, by: 2).served == nil)
    #expect(drone.grant(Names.set([20]), Names.token(1, 2), by: 2).opened == nil)
    #expect(drone.receive(.release(Release(term: Term(1), partitions: ten)), from: 2).closed == nil)
    let copies = ForgetCopies(term: Term(1), copies: [Holding(token: Names.token(1, 1), partitions: ten)])
    #expect(
      !drone.receive(.forgetCopies(copies), from: 2).contains { if case .forget = $0 { true } else { false } }
    )
  }

  @Test("only the authority may ask, and only about a drone that stands")
  func strangers() {
    var drone = TestDrone.registered()
    _ = poll(&drone, 1, by: 2)
    #expect(drone.receive(.voteQuery(VoteQuery(ballot: 1, term: Term(1))), from: 2).isEmpty)
    #expect(drone.query(7).vote?.candidate == nil)
    #expect(drone.receive(.candidacy(Candidacy(term: Term(9))), from: 8).isEmpty)
  }

  @Test("a wild term is not followed")
  func wildTerm() {
    var drone = TestDrone.registered()
    #expect(poll(&drone, .max, by: 2) == .promisedElsewhere)
    #expect(poll(&drone, 1, by: 3) == .voted)
    _ = drone.stand()
    let wild = CandidacyAnswer(term: Term(2), choice: .promisedElsewhere, highest: Term(.max))
    drone.receive(.candidacyAnswer(wild), from: 2)
    drone.pass(2000)
    #expect(drone.core.candidacy.favourite!.term < Term(100))
  }

  @Test("a candidate that comes to no ballot holds up nobody for long")
  func favouriteExpires() {
    var drone = TestDrone.registered()
    #expect(poll(&drone, 60_000, by: 2) == .voted)
    #expect(poll(&drone, 1, by: 3) == .promisedElsewhere)
    drone.now = drone.now + drone.timing.ballot * 3
    #expect(poll(&drone, 1, by: 3) == .voted)
  }

  @Test("a drone that was registered under a commander that never spoke to it has its voice at once")
  func newcomer() {
    var drone = TestDrone(4)
    drone.list(4, term: 1, certificate: Names.certificate(1, 1))
    drone.pass(800)
    #expect(poll(&drone, 20, by: 2) == .voted)
    #expect(drone.query(20).vote?.candidate == Names.drone(2))
  }

  @Test("what is kept survives its encoding")
  func encoding() throws {
    for promise in [
      VotePromise.none, VotePromise(term: Term(3), candidate: Names.drone(1)),
    ] {
      #expect(try VotePromise.decode(promise.encoded()) == promise)
    }
  }

  @Test("what an earlier release kept, with the term in which the drone joined, is read")
  func earlierRelease() throws {
    for joined in [nil, Term(2)] as [Term?] {
      var writer = CBORWriter()
      writer.beginArray(3)
      Term(3).encode(into: &writer)
      writer.write(optional: Names.drone(1) as Principal?)
      writer.write(optional: joined)
      #expect(try VotePromise.decode(writer.bytes) == VotePromise(term: Term(3), candidate: Names.drone(1)))
    }
    #expect(throws: CBORError.self) { try VotePromise.decode([0x81, 0x03]) }
  }
}
