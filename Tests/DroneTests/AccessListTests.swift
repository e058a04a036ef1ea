import Cluster
import Cryptography
import Testing

@testable import Drone

@Suite("A drone and the access list") struct AccessListTests {
  private static func published(
    _ term: UInt64 = 1, _ version: UInt64 = 1, cluster: String = Names.cluster, expiry: Int64 = 600,
    text: String = "alice@KEYVAL.TEST *\n"
  ) -> PublishedAccessList {
    PublishedAccessList(
      cluster: cluster, term: Term(term), version: version, expiry: Names.wall + expiry,
      text: [UInt8](text.utf8))
  }

  private static func signed(
    _ list: PublishedAccessList, by winner: Int = 2, key: P256PrivateKey = Names.electionKey
  ) -> ControlMessage {
    .accessListPublished(
      try! SignedAccessList(list, key: key, certificate: Names.certificate(list.term.number, winner)))
  }

  private func following(_ term: UInt64 = 1) -> TestDrone {
    var drone = TestDrone.registered()
    drone.heartbeat(term, from: 2)
    return drone
  }

  @Test("a list that the commander signed is put in force, and reported at once")
  func installs() throws {
    var drone = following()
    #expect(drone.heartbeat(1, from: 2, sequence: 2).report?.accessVersion == 0)
    let actions = drone.receive(Self.signed(Self.published(1, 4)), from: 2)
    let installed = try #require(actions.installedAccessList)
    #expect(installed.list == (try AccessList(parsing: Self.published().text)))
    #expect(installed.term == Term(1) && installed.version == 4)
    let report = try #require(actions.report)
    #expect(report.accessTerm == Term(1) && report.accessVersion == 4)
  }

  @Test("one that is unsigned, altered, of another cluster, expired, or no list is not put in force")
  func refused() throws {
    var drone = following()
    let good = Self.published()
    guard case .accessListPublished(let signed) = Self.signed(good) else { return }
    let stranger = try P256PrivateKey.generate()
    let bad: [ControlMessage] = [
      Self.signed(good, key: stranger),
      .accessListPublished(
        SignedAccessList(body: signed.body, signature: [], certificate: signed.certificate)),
      .accessListPublished(
        SignedAccessList(
          body: Self.published(1, 2).encoded(), signature: signed.signature, certificate: signed.certificate)),
      Self.signed(Self.published(cluster: "other")), Self.signed(Self.published(expiry: 0)),
      Self.signed(Self.published(text: "alice\n")),
    ]
    for message in bad {
      let actions = drone.receive(message, from: 2)
      #expect(actions.installedAccessList == nil && actions.report == nil)
      #expect(actions.contains { if case .note(.disbelieved) = $0 { true } else { false } })
    }
    // The right list, from somebody who is not the commander.
    #expect(drone.receive(.accessListPublished(signed), from: 3).isEmpty)
    #expect(drone.receive(.accessListPublished(signed), from: 2).installedAccessList != nil)
  }

  @Test("the newest by term and version wins, and none of an earlier term comes back")
  func newest() {
    var drone = following()
    #expect(drone.receive(Self.signed(Self.published(1, 4)), from: 2).installedAccessList != nil)
    #expect(drone.receive(Self.signed(Self.published(1, 3)), from: 2).isEmpty)
    #expect(drone.receive(Self.signed(Self.published(1, 4)), from: 2).isEmpty)
    #expect(drone.receive(Self.signed(Self.published(1, 5)), from: 2).installedAccessList?.version == 5)
    drone.heartbeat(2, from: 2)
    let old = drone.receive(Self.signed(Self.published(1, 6)), from: 2)
    #expect(old.installedAccessList == nil)
    let next = drone.receive(Self.signed(Self.published(2, 5)), from: 2).installedAccessList
    #expect(next?.term == Term(2) && next?.version == 5)
  }

  // MARK: From the authority

  private static func numbered(_ version: UInt64, _ text: String = "alice@KEYVAL.TEST *\n") -> ControlMessage
  {
    .accessList(NumberedAccessList(version: version, text: [UInt8](text.utf8)))
  }

  private func registered(_ actions: [DroneAction]) -> Register? {
    for case .send(.register(let register), _) in actions { return register }
    return nil
  }

  @Test("the authority's newest list is kept for an office of this drone, and named in its registrations")
  func held() {
    var drone = TestDrone.registered()
    #expect(registered(drone.pass(1100))?.accessVersion == 0)
    #expect(drone.receive(Self.numbered(7), from: Names.authority).isEmpty)
    #expect(drone.core.accessList?.version == 7)
    _ = drone.receive(Self.numbered(6), from: Names.authority)
    _ = drone.receive(Self.numbered(9), from: 3)
    #expect(drone.core.accessList?.version == 7)
    #expect(registered(drone.pass(1100))?.accessVersion == 7)
    let actions = drone.receive(Self.numbered(8, "nonsense"), from: Names.authority)
    #expect(actions.contains { if case .note(.disbelieved) = $0 { true } else { false } })
    #expect(drone.core.accessList?.version == 7)
  }

  @Test("who is elected takes office only with the access list that the authority has by then")
  func office() throws {
    var drone = TestDrone.registered()
    _ = drone.receive(Self.numbered(1), from: Names.authority)
    let stood = drone.stand()
    let term = try #require(stood).number
    for other in 2...3 {
      drone.receive(
        .candidacyAnswer(CandidacyAnswer(term: Term(term), choice: .voted, highest: Term(term))), from: other)
    }
    drone.feed(.electionKeyMade(Term(term), certificateRequest: [1]))
    let certificate = Names.certificate(term, 1)
    let list = Registered(
      term: Term(term), certificate: certificate, membership: 3, drones: (1...3).map(Names.node),
      databases: [Names.database],
      accessVersion: 2)
    func takes(_ actions: [DroneAction]) -> Bool {
      actions.contains { if case .assumeOffice = $0 { true } else { false } }
    }
    #expect(!takes(drone.receive(.registered(list), from: Names.authority)))
    // From a process of the authority that does not know yet that it was superseded.
    let old = Registered(
      term: .none, certificate: nil, membership: 2, drones: [], databases: [], accessVersion: 1)
    #expect(!takes(drone.receive(.registered(old), from: Names.authority)))
    let certified = ControlMessage.certified(Certified(term: Term(term), certificate: certificate))
    let asks = drone.receive(certified, from: Names.authority)
    #expect(!takes(asks) && registered(asks)?.accessVersion == 1)
    #expect(takes(drone.receive(Self.numbered(2), from: Names.authority)))
  }

  // MARK: Clients

  private func verdicts(_ access: ClientAccess) -> [ClientAccess.Verdict] {
    let key = [UInt8]("k".utf8)
    return key.withUnsafeBytes { key in
      [
        DataRequest.get(number: 1, key: key), .put(number: 1, write: 1, retry: false, key: key, value: key),
        .delete(number: 1, write: 1, retry: false, key: key), .status(number: 1), .topology(number: 1),
        .introduce(number: 1, client: ClientIncarnation(high: 1, low: 1)),
        .compareAndPut(number: 1, write: 1, retry: false, key: key, expected: nil, value: key),
      ].map(access.verdict)
    }
  }

  @Test("what another loop let through by an older list is not executed; by a newer one it is")
  func loops() throws {
    var (slow, quick) = (InstalledAccessList(), InstalledAccessList())
    let list = try AccessList(parsing: [UInt8]("alice@KEYVAL.TEST *\n".utf8))
    for _ in 0..<2 {
      slow.install(list)
      quick.install(list)
    }
    var alice = ClientAccess(principal: "alice@KEYVAL.TEST")
    alice.follow(slow)
    #expect(quick.accepts(edition: alice.edition))
    quick.install(list)
    #expect(!quick.accepts(edition: alice.edition))
    #expect(slow.accepts(edition: quick.edition))
  }

  @Test("a client has the rights of the newest list that its loop has, also on a session that is open")
  func clients() throws {
    var loop = InstalledAccessList()
    var alice = ClientAccess(principal: "alice@KEYVAL.TEST")
    var bob = ClientAccess(principal: "bob@KEYVAL.TEST")
    var nobody = ClientAccess(principal: "no principal")
    func follow() {
      alice.follow(loop)
      bob.follow(loop)
      nobody.follow(loop)
    }
    let free = [ClientAccess.Verdict.permitted, .permitted]
    follow()
    #expect(verdicts(alice) == [.undecided, .undecided, .undecided, .undecided] + free + [.undecided])
    loop.mayDeny = true
    loop.install(try AccessList(parsing: [UInt8]("alice@KEYVAL.TEST *\nbob@KEYVAL.TEST r k\n".utf8)))
    #expect(verdicts(alice).first == .undecided, "until its next read cycle")
    follow()
    #expect(verdicts(alice) == [.permitted, .permitted, .permitted, .permitted] + free + [.permitted])
    #expect(verdicts(bob) == [.permitted, .denied, .denied, .denied] + free + [.denied])
    #expect(verdicts(nobody) == [.denied, .denied, .denied, .denied] + free + [.denied])
    loop.install(try AccessList(parsing: [UInt8]("*@KEYVAL.TEST ws\n".utf8)))
    follow()
    for access in [alice, bob] {
      #expect(verdicts(access) == [.denied, .permitted, .denied, .permitted] + free + [.denied])
    }
    loop.mayDeny = false
    follow()
    #expect(
      verdicts(alice) == [.undecided, .permitted, .undecided, .permitted] + free + [.undecided],
      "what may be another's to permit by now")
  }

  @Test("a drone refuses nobody by its list unless a commander has just said that it is in force")
  func denials() throws {
    func denials(_ actions: [DroneAction]) -> [Bool] {
      actions.compactMap { if case .setDenials(let mayDeny) = $0 { mayDeny } else { nil } }
    }
    var drone = TestDrone.registered()
    let heard = drone.heartbeat(1, from: 2)
    #expect(denials(heard).isEmpty, "it hears the commander, and may not be heard by it")
    let nonce = try #require(heard.report?.nonce)
    #expect(denials(drone.renew([], nonce: nonce, term: 1, by: 2)) == [true], "also where it serves nothing")
    #expect(denials(drone.heartbeat(1, from: 2, sequence: 2)).isEmpty)
    #expect(denials(drone.pass(5_000)) == [false], "nobody is heard")
    let again = drone.heartbeat(1, from: 2, sequence: 3)
    #expect(denials(again).isEmpty, "nobody has said so again")
    #expect(denials(drone.renew([], nonce: try #require(again.report?.nonce), term: 1, by: 2)) == [true])
    var others: [DroneAction] = []
    for sequence in 4..<30 as Range<UInt64> {
      others += drone.pass(100) + drone.heartbeat(1, from: 2, sequence: sequence)
    }
    #expect(denials(others) == [false], "it hears the commander all the time, which renews nothing")
  }
}

extension [DroneAction] {
  fileprivate var installedAccessList: (list: AccessList, term: Term, version: UInt64)? {
    for case .installAccessList(let list, let term, let version) in self { return (list, term, version) }
    return nil
  }
}
