import Cluster
import Testing

@testable import Commander

@Suite("Grants, moves and maps") struct GrantTests {
  typealias N = HarnessNames

  private func assigned(drones: Int = 3) -> TestOffice {
    var office = TestOffice(drones: drones)
    office.pass(500, answering: Array(0..<drones))
    return office
  }

  @Test("each grant has a higher token, and names the drone's life")
  func tokens() throws {
    var office = assigned()
    var last = FencingToken.none
    for drone in 0..<3 {
      let grant = try #require(office.request(.all, by: drone).grant)
      #expect(grant.partitions.count >= 170)
      #expect(grant.token > last && grant.token.term == Term(1))
      #expect(grant.incarnation == TestOffice.incarnation(drone))
      last = grant.token
    }
  }

  @Test("what a drone is given it is granted at once, and need not ask; for one that was lost it does")
  func unasked() throws {
    var office = TestOffice()
    office.tick()
    for drone in 0..<3 { office.report(drone) }
    office.storeKey()
    office.now = office.now + office.timing.heartbeat
    let grants = office.tick().grants
    #expect(grants.map(\.partitions.count).sorted() == [170, 171, 171])
    #expect(grants.map(\.incarnation) == (0..<3).map { TestOffice.incarnation($0) })
    #expect(office.tick().grants.isEmpty, "once")
    #expect(try #require(office.request(.all, by: 1).grant).partitions == grants[1].partitions)
  }

  @Test("nothing is granted to another life, to whom it is not assigned, or while there is no database")
  func refused() {
    var office = assigned()
    #expect(office.request(.all, by: 1, life: 2).isEmpty)
    #expect(office.request(office.assigned(to: 0), by: 1).isEmpty)
    #expect(office.request(.all, by: 8).isEmpty)
    var without = TestOffice()
    without.tick()
    for drone in 0..<3 { without.report(drone) }
    without.now = without.now + 800
    without.tick()
    #expect(without.assigned(to: 0).isEmpty)
  }

  @Test("nothing is granted without a majority")
  func minority() {
    var office = assigned()
    office.now = office.now + 1000
    #expect(office.request(.all, by: 1).isEmpty)
  }

  @Test("a lost grant is granted again, and the drone may have opened it under either")
  func again() throws {
    for isFirst in [true, false] {
      var office = assigned()
      let first = try #require(office.request(.all, by: 1).grant)
      let second = try #require(office.request(.all, by: 1).grant)
      #expect(second.token > first.token && second.partitions == first.partitions)
      let loaded = Holding(token: isFirst ? first.token : second.token, partitions: first.partitions)
      let actions = office.report(1, holding: [loaded])
      #expect(actions.renewal?.partitions == first.partitions)
      #expect(actions.releases.isEmpty)
    }
  }

  @Test("what a drone had before its grant is no answer to it")
  func older() throws {
    var office = assigned()
    let mine = office.assigned(to: 1)
    let old = Holding(token: FencingToken(term: Term(1), counter: 0), partitions: mine)
    #expect(office.report(1, holding: [old]).releases.map(\.1) == [mine])
    _ = office.request(.all, by: 1)
    #expect(office.report(1, holding: [old]).releases.map(\.1) == [mine])
  }

  @Test("a drone that dies with its grant, or before it asks, leaves its partitions to others")
  func dies() {
    for isGranted in [true, false] {
      var office = assigned()
      let mine = office.assigned(to: 1)
      if isGranted { _ = office.request(.all, by: 1) }
      office.pass(1500, answering: [0, 2])
      #expect(mine.isSubset(of: office.assigned(to: 0).union(office.assigned(to: 2))))
    }
  }

  @Test("a live drone that does not reach the database leaves what it cannot load to those that do")
  func unfit() {
    for isGranted in [true, false] {
      var office = assigned()
      let mine = office.assigned(to: 1)
      if isGranted { _ = office.request(.all, by: 1) }
      office.pass(office.timing.resignation - 1000, answering: [0, 1, 2], unreached: [1])
      #expect(office.assigned(to: 0).intersection(mine).isEmpty)
      office.pass(2000, answering: [0, 1, 2], unreached: [1])
      #expect(mine.isSubset(of: office.assigned(to: 0).union(office.assigned(to: 2))))
    }
  }

  @Test("where no drone reaches the database, partitions stay where they are assigned")
  func nobodyFit() {
    var office = assigned()
    let mine = office.assigned(to: 1)
    office.pass(office.timing.resignation * 2, answering: [0, 1, 2], unreached: [0, 1, 2])
    #expect(office.assigned(to: 1) == mine)
  }

  // MARK: Moves

  @Test("no owner is asked for what its next owner has not yet reported to have")
  func unreportedCopy() {
    var office = TestOffice.settled()
    for drone in 0..<2 { office.report(drone, holding: office.holdings(of: drone)) }
    // One joins in a new life, with nothing.
    office.report(2, life: 2)
    office.load([0, 1])
    office.pass(3_000, answering: [0, 1])
    office.load([0, 1])
    office.reportsCopies = false
    #expect(office.pass(1_000, answering: [0, 1, 2]).releases.isEmpty)
    office.reportsCopies = true
    #expect(!office.pass(500, answering: [0, 1, 2]).releases.isEmpty)
  }

  @Test("a drone that joins gets its share, a few at a time, released before they are granted")
  func joins() {
    var office = TestOffice.settled(drones: 3)
    office.feed(
      .registerChanged(
        membership: 2, drones: (0..<4).map { N.node(N.drone($0)) }, databases: [N.node(N.database)]))
    var rounds = 0
    while office.served(by: 3).count < 128, rounds < 40 {
      rounds += 1
      office.now = office.now + 250
      office.tick()
      office.publish()
      var moved = 0
      for drone in 0..<4 {
        let releases = office.report(drone, holding: office.holdings(of: drone)).releases
        // Nothing is given away before its holder has let go of it.
        let released = releases.first { $0.0 == N.drone(drone) }?.1 ?? []
        #expect(released.intersection(office.assigned(to: 3)).isEmpty)
        moved += released.count
        let kept = office.holdings(of: drone).map {
          Holding(token: $0.token, partitions: $0.partitions.subtracting(released))
        }
        if !released.isEmpty { office.report(drone, holding: kept) }
      }
      #expect(moved <= CommanderCore.concurrentMoves)
      office.publish()
      office.load([0, 1, 2, 3])
    }
    #expect((0..<4).map { office.served(by: $0).count } == [128, 128, 128, 128])
    #expect(office.pass(2000, answering: [0, 1, 2, 3]).releases.isEmpty)
  }

  @Test("a release that is lost is repeated, without renewal; unanswered, the lease decides")
  func lostRelease() throws {
    var office = TestOffice.settled(drones: 2)
    office.feed(
      .registerChanged(
        membership: 2, drones: (0..<3).map { N.node(N.drone($0)) }, databases: [N.node(N.database)]))
    office.now = office.now + 250
    office.tick()
    for drone in [0, 1] { office.report(drone, holding: office.holdings(of: drone)) }
    office.report(2)
    office.now = office.now + 250
    office.tick()
    office.publish()
    office.report(2)
    let (from, moved) = try #require(
      [0, 1].compactMap { drone in
        office.report(drone, holding: office.holdings(of: drone)).releases.first.map { (drone, $0.1) }
      }.first)
    let again = office.report(from, holding: office.holdings(of: from))
    #expect(again.releases.map(\.1) == [moved])
    #expect(again.renewal?.partitions.intersection(moved).isEmpty == true)
    office.pass(office.timing.lease + office.timing.drift + 1, answering: [0, 1, 2])
    #expect(moved.isSubset(of: office.assigned(to: 2)))
  }

  // MARK: Maps

  @Test("a map is signed when the book changes, sent to all, and again to whoever has an older one")
  func publishes() throws {
    var office = assigned()
    let version = try #require(office.core.map.published?.version)
    let late = office.report(1, map: version - 1)
    #expect(late.published == [N.drone(1)])
    #expect(office.report(1, map: version).published.isEmpty)
    let owners = Set(Partition.all.compactMap { office.core.partitions[$0.index].owner })
    #expect(owners.count == 3)
  }

  @Test("a signature that does not come is asked for again, under a higher version")
  func unsigned() throws {
    var office = TestOffice()
    office.tick()
    office.storeKey()
    for drone in 0..<3 { office.report(drone) }
    office.now = office.now + 250
    let firstActions = office.tick()
    let first = try #require(firstActions.signed)
    office.now = office.now + 250
    #expect(office.tick().signed == nil)
    office.wall += CommanderCore.signingTime + 1
    let secondActions = office.tick()
    let second = try #require(secondActions.signed)
    #expect(second.version > first.version)
    office.signing = first
    #expect(office.publish().isEmpty)
    office.signing = second
    #expect(office.publish().published.count == 3)
  }

  @Test("a map is signed anew at half of its life, though nothing changed")
  func refreshed() throws {
    var office = TestOffice.settled()
    let version = try #require(office.core.map.published?.version)
    office.pass(1000, answering: [0, 1, 2])
    #expect(office.core.map.published?.version == version)
    office.wall += CommanderCore.mapLife / 2 + 1
    office.pass(500, answering: [0, 1, 2])
    #expect(office.core.map.published?.version == version + 1)
    #expect(office.core.map.expiry >= office.wall + CommanderCore.mapLife - 1)
  }

  @Test("the first map of a new term says where the last one had what is not accounted for yet")
  func previous() throws {
    let old = SlotMap(
      cluster: N.cluster, term: Term(2), version: 9, expiry: N.wallStart + 60, commander: N.drone(1),
      drones: [.init(principal: N.drone(1), endpoint: N.node(N.drone(1)).endpoint)],
      owners: [Int?](repeating: 0, count: Partition.count))
    var office = TestOffice(term: 3, previous: old)
    let map = try #require(office.tick().signed)
    #expect(map.partitions(of: N.drone(1)) == .all)
    #expect(map.version == 1 && map.term == Term(3))
  }

  @Test("the same events give the same actions")
  func deterministic() {
    func run() -> [CommanderAction] {
      var office = TestOffice(drones: 5, term: 2)
      var actions: [CommanderAction] = []
      for round in 0..<20 {
        actions += office.pass(250, answering: round < 14 ? [0, 1, 2, 3, 4] : [0, 1, 2])
        office.load([0, 1, 2, 3, 4])
      }
      return actions.filter { action in
        switch action {
        // Signatures and certificates are drawn at random.
        case .send(.heartbeat, _), .send(.mapPublished, _), .send(.accessListPublished, _): false
        default: true
        }
      }
    }
    #expect(run() == run())
  }

  @Test("a map goes to every member, also to one whose reports do not arrive: it may hear this commander")
  func publishedToAll() {
    var office = TestOffice()
    let published = office.pass(2000, answering: [0, 1]).published
    #expect(published.contains(N.drone(2)) && Set(published).count == 3)
  }
}
