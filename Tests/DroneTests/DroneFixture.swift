import Cluster
import Cryptography
import Testing

@testable import Drone

/// Names and keys that the tests of this target share.
enum Names {
  static let realm = "KEYVAL.TEST"
  static let cluster = "test"
  static let wall: Int64 = 1_800_000_000

  static func principal(_ role: Role, _ node: String) -> Principal {
    try! Principal(role: role, node: node, realm: realm)
  }

  static func drone(_ number: Int) -> Principal { principal(.drone, "d\(number)") }
  static let authority = principal(.authority, "a1")
  static let database = RegisteredNode(
    principal: principal(.database, "db1"), endpoint: Endpoint(host: "127.0.0.1", port: 7900))

  static func node(_ number: Int) -> RegisteredNode {
    RegisteredNode(
      principal: drone(number), endpoint: Endpoint(host: "127.0.0.1", port: 7000 + UInt16(number)))
  }

  static let membershipKey = try! P256PrivateKey.generate()
  static let membershipVerifier = MembershipVerifier(key: membershipKey.publicKey, cluster: cluster)

  /// The database and drones 1 to so many, but for those left out.
  static func membership(
    _ drones: Int, version: UInt64 = 1, without removed: Set<Int> = [], cluster: String = cluster,
    key: P256PrivateKey = membershipKey
  ) -> SignedMembership {
    let members = (1...drones).filter { !removed.contains($0) }.map(drone) + [database.principal]
    let list = MembershipList(cluster: cluster, version: version, members: members.sorted())!
    return try! SignedMembership(list, key: key)
  }

  static let electionCA = try! CertificateAuthority.create(
    name: "Election CA", realm: realm, notBefore: wall - 86_400, notAfter: wall + 86_400)
  static let electionKey = try! P256PrivateKey.generate()

  /// - Parameter edition: certificates of one term that differ.
  static func certificate(_ term: UInt64, _ winner: Int, life: Int64 = 3600, edition: Int64 = 0) -> [UInt8] {
    try! electionCA.issueElectionCertificate(
      publicKey: electionKey.publicKey, term: term, winner: drone(winner).text, realm: realm,
      notBefore: wall - 60 - edition, notAfter: wall + life)
  }

  static func signed(_ map: SlotMap) -> SignedSlotMap {
    let winner = Int(map.commander.shortName.dropFirst())!
    return try! SignedSlotMap(
      map, key: electionKey, certificate: certificate(map.term.number, winner))
  }

  static func partition(_ number: Int) -> Partition { Partition(number)! }
  static func set(_ numbers: some Sequence<Int>) -> PartitionSet { PartitionSet(numbers.map(partition)) }
  static func token(_ term: UInt64, _ counter: UInt64) -> FencingToken {
    FencingToken(term: Term(term), counter: counter)
  }
}

/// A drone's core with a clock beside it, fed by hand.
struct TestDrone {
  let number: Int
  let timing = Timing()
  var core: DroneCore
  var now = Instant(milliseconds: 1_000_000)
  var wall = Names.wall

  /// - Parameter age: how long it has been running, in milliseconds.
  init(
    _ number: Int = 1, promise: VotePromise = .none, members: MembershipList? = nil,
    incarnation: UInt64 = 0x1000, loops: Int = 1, age: Int64 = 10_000
  ) {
    self.number = number
    core = DroneCore(
      identity: DroneCore.Identity(
        principal: Names.drone(number), incarnation: Incarnation(incarnation),
        endpoint: Names.node(number).endpoint, cluster: Names.cluster, authority: Names.authority),
      timing: Timing(), verifier: ElectionVerifier(anchors: [Names.electionCA.anchor], realm: Names.realm),
      membershipVerifier: Names.membershipVerifier, promise: promise, members: members, loops: loops, seed: 1,
      now: now + -age)
  }

  /// One that has been registered since before the first election.
  static func registered(
    _ number: Int = 1, drones: Int = 3, promise: VotePromise = .none, loops: Int = 1
  ) -> TestDrone {
    var drone = TestDrone(number, promise: promise, loops: loops)
    _ = drone.list(drones, term: 0)
    return drone
  }

  @discardableResult
  mutating func feed(_ event: DroneEvent) -> [DroneAction] { core.handle(event, now: now) }

  @discardableResult
  mutating func receive(_ message: ControlMessage, from peer: Principal) -> [DroneAction] {
    feed(.received(message, from: peer, wall: wall))
  }

  @discardableResult
  mutating func receive(_ message: ControlMessage, from drone: Int) -> [DroneAction] {
    receive(message, from: Names.drone(drone))
  }

  @discardableResult
  mutating func list(
    _ drones: Int, term: UInt64, certificate: [UInt8]? = nil, membership: UInt64? = nil
  ) -> [DroneAction] {
    let version = membership ?? UInt64(drones)
    receive(.membership(Names.membership(drones, version: version)), from: Names.authority)
    let list = Registered(
      term: Term(term), certificate: certificate, membership: version, drones: (1...drones).map(Names.node),
      databases: [Names.database])
    return receive(.registered(list), from: Names.authority)
  }

  /// Time passes in ticks of a fifth of a heartbeat; the data loops tick too.
  @discardableResult
  mutating func pass(_ milliseconds: Int64, loops: [Int] = [0]) -> [DroneAction] {
    var actions: [DroneAction] = []
    let end = now + milliseconds
    while now < end {
      now = min(end, now + timing.heartbeat / 5)
      for loop in loops { actions += feed(.loopTicked(loop: loop, at: now)) }
      let isDue = now >= core.nextTick
      let ticked = feed(.ticked)
      #expect(isDue || ticked.isEmpty, "before the next tick is due it does nothing")
      actions += ticked
    }
    return actions
  }

  @discardableResult
  mutating func heartbeat(
    _ term: UInt64, from commander: Int, sequence: UInt64 = 1, certificate: [UInt8]? = nil
  ) -> [DroneAction] {
    let heartbeat = Heartbeat(
      term: Term(term), sequence: sequence, certificate: certificate ?? Names.certificate(term, commander),
      mapVersion: 0, membership: 0)
    return receive(.heartbeat(heartbeat), from: commander)
  }

  /// Goes on until it stands for office, and returns the term.
  mutating func stand() -> Term? {
    for _ in 0..<100 {
      for case .note(.candidate(let term)) in pass(50) { return term }
    }
    return nil
  }

  @discardableResult
  mutating func query(_ term: UInt64, ballot: UInt64 = 1) -> [DroneAction] {
    receive(.voteQuery(VoteQuery(ballot: ballot, term: Term(term))), from: Names.authority)
  }

  // MARK: Partitions

  /// Publishes a map that gives these partitions to this drone and the others to another.
  @discardableResult
  mutating func publish(_ partitions: PartitionSet, term: UInt64, version: UInt64 = 1, by commander: Int)
    -> [DroneAction]
  {
    let map = SlotMap(
      cluster: Names.cluster, term: Term(term), version: version, expiry: wall + 600,
      commander: Names.drone(commander),
      drones: [number, number + 1].map {
        .init(principal: Names.drone($0), endpoint: Names.node($0).endpoint)
      },
      owners: Partition.all.map { partitions.contains($0) ? 0 : 1 })!
    return receive(.mapPublished(Names.signed(map)), from: commander)
  }

  @discardableResult
  mutating func grant(_ partitions: PartitionSet, _ token: FencingToken, by commander: Int) -> [DroneAction] {
    receive(.grantAnswer(Self.answer(partitions, token, for: number)), from: commander)
  }

  static func answer(
    _ partitions: PartitionSet, _ token: FencingToken, for number: Int,
    incarnation: Incarnation = Incarnation(0x1000)
  ) -> GrantAnswer {
    let sealed = try! SealedGrant(
      Grant(partitions: partitions, incarnation: incarnation, token: token), cluster: Names.cluster,
      database: Names.database.principal, drone: Names.drone(number),
      key: SealingKey(identifier: 1, key: [UInt8](repeating: 1, count: 32))!,
      salt: [UInt8](repeating: 2, count: 32))
    return GrantAnswer(
      term: token.term, incarnation: incarnation, partitions: partitions, token: token,
      database: Names.database, grant: sealed)
  }

  @discardableResult
  mutating func renew(_ partitions: PartitionSet, nonce: UInt64, term: UInt64, by commander: Int)
    -> [DroneAction]
  {
    let renewal = Renewal(term: Term(term), nonce: nonce, partitions: partitions, milliseconds: 2000)
    return receive(.renewal(renewal), from: commander)
  }

  /// A drone that serves partitions 0 to 9 under (term, 1) from now on, with the first lease.
  static func serving(term: UInt64 = 1, by commander: Int = 2) -> TestDrone {
    var drone = TestDrone.registered()
    drone.heartbeat(term, from: commander)
    drone.publish(Names.set(0..<10), term: term, by: commander)
    drone.grant(Names.set(0..<10), Names.token(term, 1), by: commander)
    let report = drone.feed(.opened(Names.set(0..<10), Names.token(term, 1))).report
    drone.renew(Names.set(0..<10), nonce: report?.nonce ?? 0, term: term, by: commander)
    return drone
  }
}

extension [DroneAction] {
  func sent(to peer: Principal) -> [ControlMessage] {
    compactMap { if case .send(let message, peer) = $0 { message } else { nil } }
  }

  var report: Report? {
    for case .send(.report(let report), _) in self { return report }
    return nil
  }

  var vote: Vote? {
    for case .send(.vote(let vote), _) in self { return vote }
    return nil
  }

  var stored: VotePromise? {
    for case .store(let promise) in self { return promise }
    return nil
  }

  var candidacyAnswer: CandidacyAnswer? {
    for case .send(.candidacyAnswer(let answer), _) in self { return answer }
    return nil
  }

  var grantRequest: GrantRequest? {
    for case .send(.grantRequest(let request), _) in self { return request }
    return nil
  }

  var candidacies: [Principal] {
    compactMap { if case .send(.candidacy, let peer) = $0 { peer } else { nil } }
  }

  var ballotRequest: BallotRequest? {
    for case .send(.ballotRequest(let request), _) in self { return request }
    return nil
  }

  var served: (PartitionSet, until: Instant)? {
    for case .serve(let partitions, let until) in self { return (partitions, until) }
    return nil
  }

  var closed: PartitionSet? {
    for case .close(let partitions) in self { return partitions }
    return nil
  }

  var opened: GrantAnswer? {
    for case .open(let answer) in self { return answer }
    return nil
  }
}
