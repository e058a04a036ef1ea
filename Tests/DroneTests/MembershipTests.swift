import Cluster
import Cryptography
import Testing

@testable import Drone

@Suite("Whom a drone talks with") struct MembershipTests {
  private func receive(
    _ drone: inout TestDrone, _ signed: SignedMembership, from peer: Principal = Names.authority
  ) -> [DroneAction] { drone.receive(.membership(signed), from: peer) }

  private func isAdmitting(_ actions: [DroneAction]) -> Bool {
    actions.contains { if case .admit = $0 { true } else { false } }
  }

  @Test("a newer list is stored before anything else, and its version told with each registration")
  func stored() throws {
    var drone = TestDrone.registered()
    let signed = Names.membership(3, version: 8, without: [3])
    let actions = receive(&drone, signed)
    guard case .admit(signed, let list) = actions.first else {
      Issue.record("it was not stored: \(actions)")
      return
    }
    #expect(list.version == 8 && !list.contains(Names.drone(3)))
    #expect(!isAdmitting(receive(&drone, signed)))
    let registers = drone.pass(1500).sent(to: Names.authority)
    #expect(
      registers.contains { if case .register(let register) = $0 { register.membership == 8 } else { false } })
  }

  @Test("whoever is not on the list is not heard: no heartbeat, no candidacy")
  func removedPeer() {
    var drone = TestDrone.registered()
    drone.heartbeat(1, from: 2)
    _ = receive(&drone, Names.membership(3, version: 8, without: [2]))
    #expect(drone.heartbeat(1, from: 2, sequence: 2).isEmpty)
    #expect(drone.receive(.candidacy(Candidacy(term: Term(2))), from: 2).isEmpty)
    drone.now = drone.now + drone.timing.suspicion + 1
    #expect(drone.receive(.candidacy(Candidacy(term: Term(2))), from: 3).candidacyAnswer?.choice == .voted)
  }

  @Test("a commander that is removed has been answered all the same: voters abstain as long as ever")
  func removedCommander() {
    var drone = TestDrone.registered()
    drone.heartbeat(1, from: 2)
    _ = receive(&drone, Names.membership(3, version: 8, without: [2]))
    _ = drone.receive(.candidacy(Candidacy(term: Term(2))), from: 3)
    #expect(drone.query(2).vote?.candidate == nil)
    drone.now = drone.now + drone.timing.suspicion + 1
    _ = drone.receive(.candidacy(Candidacy(term: Term(2))), from: 3)
    #expect(drone.query(2).vote?.candidate == Names.drone(3))
  }

  @Test("a drone that is on the list no more gives up what it serves, says so, and stands for nothing")
  func removedItself() {
    var drone = TestDrone.serving()
    let actions = receive(&drone, Names.membership(3, version: 8, without: [1]))
    #expect(actions.closed == Names.set(0..<10))
    #expect(actions.contains(.note(.removed(version: 8))) && actions.contains(.withdraw))
    #expect(drone.renew(Names.set(0..<10), nonce: 2, term: 1, by: 2).isEmpty)
    #expect(drone.heartbeat(1, from: 2, sequence: 2).isEmpty)
    let later = drone.pass(10_000)
    #expect(later.candidacies.isEmpty && later.report == nil && later.grantRequest == nil)
    #expect(later.sent(to: Names.authority).contains { if case .register = $0 { true } else { false } })
  }

  @Test("a commander that is on the list no more leaves its office")
  func removedInOffice() throws {
    var drone = TestDrone.registered()
    let standing = drone.stand()
    let term = try #require(standing)
    drone.receive(.candidacyAnswer(CandidacyAnswer(term: term, choice: .voted, highest: term)), from: 2)
    drone.feed(.electionKeyMade(term, certificateRequest: [1]))
    drone.list(3, term: term.number, certificate: Names.certificate(term.number, 1))
    #expect(drone.core.office == term)
    #expect(receive(&drone, Names.membership(3, version: 8, without: [1])).contains(.leaveOffice(term)))
  }

  @Test("a drone that is listed again takes part again once it is started again")
  func readmitted() throws {
    var drone = TestDrone.registered()
    _ = receive(&drone, Names.membership(3, version: 8, without: [1]))
    #expect(receive(&drone, Names.membership(3, version: 9)).contains(.note(.readmitted(version: 9))))
    #expect(drone.heartbeat(1, from: 2).isEmpty)
    let removed = try Names.membershipVerifier.verify(Names.membership(3, version: 8, without: [1]))
    var restarted = TestDrone(members: removed)
    #expect(restarted.heartbeat(1, from: 2).isEmpty)
    _ = receive(&restarted, Names.membership(3, version: 9))
    #expect(restarted.heartbeat(1, from: 2).report != nil)
  }

  @Test("forged, altered, older and other clusters' lists are refused; a good one is believed from any drone")
  func refused() throws {
    var drone = TestDrone.registered()
    _ = receive(&drone, Names.membership(3, version: 8))
    let good = Names.membership(3, version: 9, without: [2])
    for signed in [
      Names.membership(3, version: 9, without: [2], key: try .generate()),
      Names.membership(3, version: 9, without: [2], cluster: "other"),
      Names.membership(3, version: 7, without: [2]), Names.membership(3, version: 8, without: [2]),
      SignedMembership(body: good.body + [0], signature: good.signature),
    ] {
      for peer in [Names.authority, Names.drone(2)] {
        #expect(!isAdmitting(receive(&drone, signed, from: peer)))
      }
    }
    #expect(drone.heartbeat(1, from: 2).report != nil)
    #expect(isAdmitting(receive(&drone, good, from: Names.drone(2))))
    #expect(
      !isAdmitting(receive(&drone, Names.membership(3, version: 10), from: Names.drone(2))), "it is off")
  }

  @Test("a drone that does not hear the authority learns of who has joined from others, and follows him")
  func passedOn() throws {
    var drone = TestDrone.registered()
    #expect(drone.heartbeat(1, from: 4).isEmpty)
    var asked: [Principal] = []
    var versions: Set<UInt64> = []
    for _ in 0..<20 {
      for case .send(.membershipQuestion(let question), let peer) in drone.pass(drone.timing.heartbeat) {
        asked.append(peer)
        versions.insert(question.version)
      }
    }
    #expect(asked.count > 1 && Set(asked) == [Names.drone(2), Names.drone(3)])
    #expect(versions == [3])
    var other = TestDrone.registered()
    let newer = Names.membership(4, version: 9)
    _ = other.receive(.membership(newer), from: Names.authority)
    let question = ControlMessage.membershipQuestion(MembershipQuestion(version: 3))
    #expect(other.receive(question, from: 3) == [.send(.membership(newer), to: Names.drone(3))])
    #expect(isAdmitting(drone.receive(.membership(newer), from: Names.drone(3))))
    #expect(drone.heartbeat(1, from: 4).report != nil)
  }

  @Test("no list is asked for while the authority answers, and none sent that is not newer or to a stranger")
  func notPassedOn() throws {
    var drone = TestDrone.registered()
    for _ in 0..<20 {
      drone.list(3, term: 0)
      let actions = drone.pass(drone.timing.heartbeat)
      #expect(!actions.contains { if case .send(.membershipQuestion, _) = $0 { true } else { false } })
    }
    let question = { ControlMessage.membershipQuestion(MembershipQuestion(version: $0)) }
    #expect(drone.receive(question(3), from: 2).isEmpty)
    #expect(!drone.receive(question(2), from: 2).isEmpty)
    #expect(drone.receive(question(2), from: 4).isEmpty)
    #expect(drone.receive(question(2), from: Names.database.principal).isEmpty)
    // One that was stored is asked for again as it was signed, so that it can be passed on.
    let stored = try Names.membershipVerifier.verify(Names.membership(3, version: 8))
    var restarted = TestDrone(members: stored)
    #expect(restarted.receive(question(2), from: 2).isEmpty)
    let registers = restarted.pass(100).sent(to: Names.authority)
    #expect(
      registers.contains { if case .register(let register) = $0 { register.membership == 0 } else { false } })
    #expect(!isAdmitting(receive(&restarted, Names.membership(3, version: 8))))
    #expect(!restarted.receive(question(2), from: 2).isEmpty)
  }

  @Test("without a list a drone talks with the authority alone; a stored one it goes by from the start")
  func withoutList() throws {
    var drone = TestDrone()
    #expect(drone.heartbeat(1, from: 2).isEmpty)
    let stored = try Names.membershipVerifier.verify(Names.membership(3, version: 8, without: [3]))
    var restarted = TestDrone(members: stored)
    #expect(restarted.heartbeat(1, from: 2).report != nil)
    #expect(restarted.heartbeat(2, from: 3).isEmpty)
  }

  @Test("drones are taken from the highest version that was told, whatever comes late")
  func lateList() {
    var drone = TestDrone.registered()
    drone.list(4, term: 0)
    drone.list(2, term: 0, membership: 2)
    #expect(drone.core.drones.count == 4)
  }
}
