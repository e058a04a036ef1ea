import Cluster
import Testing

@testable import Commander

@Suite("Holding the office") struct OfficeTests {
  typealias N = HarnessNames

  @Test(
    "a majority is more than half of the drones, the authority counting as one more when they are even",
    arguments: [
      // drones, answering, the authority, majority
      (1, 1, false, true), (2, 1, false, false), (2, 1, true, true), (2, 2, false, true),
      (3, 1, true, false), (3, 2, false, true), (4, 2, false, false), (4, 2, true, true),
      (5, 2, true, false), (5, 3, false, true),
    ])
  func majority(drones: Int, answering: Int, authority: Bool, isMajority: Bool) {
    var office = TestOffice(drones: drones)
    office.tick()
    for drone in 0..<answering { office.report(drone) }
    if authority {
      office.receive(
        .heartbeatHeard(HeartbeatHeard(term: Term(1), sequence: office.sequence)), from: N.authority)
    }
    #expect(office.core.hasMajority(office.now) == isMajority)
  }

  @Test("an answer counts from the sending of the heartbeat that it answers, for the suspicion interval")
  func age() {
    var office = TestOffice()
    office.tick()
    let first = office.sequence
    office.now = office.now + 700
    office.tick()
    for drone in 0..<2 { office.report(drone, sequence: first) }
    #expect(office.core.hasMajority(office.now))
    office.now = office.now + 51
    #expect(!office.core.hasMajority(office.now))
  }

  @Test("an answer to a heartbeat that was never sent makes nobody alive")
  func unknownHeartbeat() {
    var office = TestOffice()
    office.tick()
    for drone in 0..<3 { office.report(drone, sequence: 99) }
    #expect(!office.core.hasMajority(office.now))
  }

  @Test("heartbeats go to all drones and the authority, one an interval")
  func heartbeats() {
    var office = TestOffice()
    let peers = office.tick().compactMap { action in
      if case .send(.heartbeat, let peer) = action { peer } else { nil }
    }
    #expect(peers == [N.drone(0), N.drone(1), N.drone(2), N.authority])
    office.now = office.now + 100
    #expect(!office.tick().contains { if case .send(.heartbeat, _) = $0 { true } else { false } })
  }

  @Test("without a majority for five seconds it resigns, not before")
  func resigns() {
    var office = TestOffice.settled()
    let before = office.pass(5000, answering: [0])
    #expect(before.resignation == nil)
    #expect(office.pass(1500, answering: [0]).resignation != nil)
  }

  @Test("the authority's higher term ends the office at once, a drone's and a stranger's never")
  func refused() {
    var office = TestOffice()
    let refusal = ControlMessage.refused(Refused(reason: "no", term: Term(2)))
    #expect(office.receive(refusal, from: N.drone(7)).resignation == nil)
    #expect(office.receive(refusal, from: N.database).resignation == nil)
    #expect(office.receive(refusal, from: N.drone(2)).resignation == nil)
    for _ in 0..<40 {
      office.pass(250, answering: [0, 1])
      #expect(office.receive(refusal, from: N.drone(2)).resignation == nil)
    }
    #expect(office.receive(refusal, from: N.drone(1)).contains(.note(.refusedBy(N.drone(1), Term(2)))))
    #expect(office.receive(refusal, from: N.drone(1)).isEmpty, "said once a minute")
    #expect(office.receive(refusal, from: N.authority).resignation != nil)
    let same = ControlMessage.refused(Refused(reason: "no", term: Term(1)))
    #expect(office.receive(same, from: N.drone(2)).resignation == nil)
  }

  @Test("a database that only the commander does not reach ends the office; one that nobody reaches does not")
  func database() {
    var alone = TestOffice.settled()
    var everybody = alone
    func pass(_ office: inout TestOffice, reaches: Bool) -> String? {
      var actions: [CommanderAction] = []
      for _ in 0..<30 {
        office.now = office.now + 250
        actions += office.tick()
        for drone in 0..<3 { office.report(drone, holding: office.holdings(of: drone), reaches: reaches) }
      }
      return actions.resignation
    }
    #expect(pass(&alone, reaches: true) != nil)
    #expect(pass(&everybody, reaches: false) == nil)
    #expect(everybody.report(1, holding: everybody.holdings(of: 1)).renewal?.partitions.isEmpty == false)
  }

  @Test("so does one that stalls: the drones' time with it is added up until it answers the commander")
  func stallingDatabase() {
    var office = TestOffice.settled()
    /// For a second it answers the drones, for a second nobody.
    func pass(_ seconds: Int) -> String? {
      var actions: [CommanderAction] = []
      for step in 0..<seconds * 4 {
        office.now = office.now + 250
        actions += office.tick()
        for drone in 0..<3 {
          office.report(drone, holding: office.holdings(of: drone), reaches: step % 8 < 4)
        }
      }
      return actions.resignation
    }
    #expect(pass(8) == nil)
    office.storeKey()
    #expect(pass(8) == nil, "one answer to the commander, and they count anew")
    #expect(pass(8) != nil)
  }

  @Test("one that was away for everybody and comes back has as long to be reached by the commander, too")
  func databaseComesBack() {
    var office = TestOffice.settled()
    func pass(_ seconds: Int, reaches: Bool) -> String? {
      var actions: [CommanderAction] = []
      for _ in 0..<seconds * 4 {
        office.now = office.now + 250
        actions += office.tick()
        for drone in 0..<3 { office.report(drone, holding: office.holdings(of: drone), reaches: reaches) }
      }
      return actions.resignation
    }
    #expect(pass(4, reaches: true) == nil)
    #expect(pass(8, reaches: false) == nil)
    #expect(pass(4, reaches: true) == nil, "what was before it went away does not count")
    #expect(pass(3, reaches: true) != nil)
  }

  @Test("the certificate is asked for at half of its life, each time, and its end is the office's")
  func certificate() {
    var office = TestOffice.settled()
    func pass(_ seconds: Int64) -> Int {
      office.wall += seconds
      return office.pass(5250, answering: [0, 1, 2]).count { $0 == .requestCertificate(Term(1)) }
    }
    for _ in 0..<4 {
      #expect(pass(1700) == 0)
      #expect((1...2).contains(pass(101)))
      office.feed(.certified(certificate: office.certificate, notAfter: office.wall + 3600))
    }
    #expect(pass(3599) > 0)
    office.wall += 2
    #expect(office.tick().resignation != nil)
  }

  // MARK: Membership

  private func nodes(_ drones: [Int]) -> [RegisteredNode] { drones.map { N.node(N.drone($0)) } }

  @Test("its heartbeats tell by which version of the membership it counts, and it never goes back")
  func version() {
    var office = TestOffice(drones: 3)
    func told(_ actions: [CommanderAction]) -> UInt64? {
      for case .send(.heartbeat(let heartbeat), _) in actions { return heartbeat.membership }
      return nil
    }
    #expect(told(office.tick()) == 1)
    office.feed(
      .registerChanged(membership: 3, drones: nodes([0, 1, 2, 3, 4]), databases: [N.node(N.database)]))
    office.feed(.registerChanged(membership: 2, drones: nodes([0]), databases: [N.node(N.database)]))
    office.now = office.now + 250
    #expect(told(office.tick()) == 3)
    for drone in 0..<2 { office.report(drone) }
    #expect(!office.core.hasMajority(office.now), "two of five")
  }

  @Test(
    "a removed drone is renewed no more and off the map; its partitions are others' once its lease is over")
  func removed() {
    var office = TestOffice.settled()
    let lost = office.served(by: 2)
    #expect(!lost.isEmpty)
    // Up to now it has been renewed.
    for drone in 0..<3 { office.report(drone, holding: office.holdings(of: drone)) }
    let renewed = office.now
    office.feed(.registerChanged(membership: 2, drones: nodes([0, 1]), databases: [N.node(N.database)]))
    #expect(office.report(2, holding: office.holdings(of: 2)).isEmpty)
    office.tick()
    #expect(office.signing?.drones.contains { $0.principal == N.drone(2) } == false)
    office.publish()
    var granted = false
    while office.now - renewed < office.timing.lease + office.timing.drift + 3000 {
      office.pass(250, answering: [0, 1])
      if !office.assigned(to: 0).union(office.assigned(to: 1)).intersection(lost).isEmpty {
        granted = true
        #expect(office.now - renewed > office.timing.lease + office.timing.drift)
        break
      }
    }
    #expect(granted)
  }

  @Test("a lease runs from the sending of the heartbeats that a majority answered, not from its own renewal")
  func leaseLength() {
    var office = TestOffice.settled()
    office.pass(250, answering: [0, 1, 2])
    office.now = office.now + 250
    office.tick()
    office.now = office.now + 30
    let first = office.report(0, holding: office.holdings(of: 0))
    #expect(first.renewals.map(\.0) == [N.drone(0)])
    #expect(first.renewals.map(\.1.milliseconds) == [2000 - 280], "a majority answered the round before only")
    office.now = office.now + 5
    let second = office.report(1, holding: office.holdings(of: 1))
    #expect(second.renewals.map(\.0) == [N.drone(1), N.drone(0)], "now it has answered this one")
    #expect(second.renewals.map(\.1.milliseconds) == [2000 - 35, 2000 - 35])
    #expect(second.renewals.last?.1.nonce == first.renewals.first?.1.nonce)
    #expect(second.renewals.last?.1.partitions == office.served(by: 0))
    office.now = office.now + 5
    let third = office.report(2, holding: office.holdings(of: 2))
    #expect(third.renewals.map(\.0) == [N.drone(2)])
  }

  @Test("with an even number of drones the authority's answer may make the majority from which leases run")
  func leaseLengthByAuthority() {
    var office = TestOffice.settled(drones: 2)
    office.now = office.now + 250
    office.tick()
    office.now = office.now + 10
    let first = office.report(0, holding: office.holdings(of: 0))
    office.now = office.now + 10
    let heard = ControlMessage.heartbeatHeard(HeartbeatHeard(term: Term(1), sequence: office.sequence))
    let second = office.receive(heard, from: N.authority)
    #expect(first.renewals.map(\.1.milliseconds) == [2000 - 260])
    #expect(second.renewals.map(\.0) == [N.drone(0)])
    #expect(second.renewals.map(\.1.milliseconds) == [2000 - 20])
  }
}
