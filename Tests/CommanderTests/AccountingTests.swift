import Cluster
import Testing

@testable import Commander

@Suite("Accounting") struct AccountingTests {
  typealias N = HarnessNames

  private let one = PartitionSet([Partition(5)!])
  private func token(_ term: UInt64, _ counter: UInt64) -> FencingToken {
    FencingToken(term: Term(term), counter: counter)
  }
  private func holding(_ token: FencingToken) -> [Holding] { [Holding(token: token, partitions: one)] }
  private func state(_ office: TestOffice) -> PartitionRecord.State { office.core.partitions[5].state }
  private func holder(_ drone: Int, life: Int = 1) -> Holder {
    Holder(principal: N.drone(drone), incarnation: TestOffice.incarnation(drone, life: life))
  }

  /// An office of term 3 which a majority has answered, nothing accounted for. The database has stored that this drone has
  /// the partition under the token 2.7.
  private func office(stored drone: Int = 2) -> TestOffice {
    var office = TestOffice(term: 3)
    office.tick()
    office.storeKey(fences: [
      StoredFence(partition: Partition(5)!, token: token(2, 7), holder: holder(drone), listed: [])
    ])
    for drone in 0..<2 { office.report(drone) }
    return office
  }

  @Test("where a copy is awaited, the database is asked again: all may have been stored after all")
  func asksAgain() throws {
    var office = TestOffice.settled()
    let mine = office.served(by: 1)
    office.pass(office.timing.lease + 1000, answering: [0, 2])
    let assigned = office.assigned(to: 0)
    #expect(!assigned.isEmpty && assigned.isSubset(of: mine))
    func refuse() throws {
      let grant = try #require(office.request(assigned, by: 0).grant)
      #expect(grant.mode == .load)
      let failure = OpenFailed(
        term: Term(1), token: grant.token, partitions: assigned, refusal: .copiesElsewhere)
      let notes = office.receive(.openFailed(failure), from: N.drone(0))
      office.tick()
      #expect(office.assigned(to: 0).intersection(assigned).isEmpty)
      noted.append(notes.contains(.note(.lossPossible(assigned))))
    }
    var noted: [Bool] = []
    try refuse()
    office.pass(office.timing.resignation / 2, answering: [0, 2])
    #expect(office.assigned(to: 0).intersection(assigned).isEmpty)
    office.pass(office.timing.resignation, answering: [0, 2])
    let again = office.assigned(to: 0).union(office.assigned(to: 2))
    #expect(assigned.isSubset(of: again))
    #expect(office.core.acceptLoss() == assigned, "an operator need not hit the moment between")
    #expect(noted == [true])
  }

  @Test("of partitions that wait it is told what a life had that the database names, and of no others")
  func losses() throws {
    var office = TestOffice.settled()
    let mine = office.served(by: 1)
    office.list(1, mine)
    office.pass(office.timing.lease + 1000, answering: [0, 2])
    let assigned = office.assigned(to: 0)
    let loss = JournalLoss(life: TestOffice.incarnation(1), after: 10, before: 20)
    let other = JournalLoss(life: TestOffice.incarnation(1, life: 9), after: 11, before: 21)
    // Whoever lies says it again and again.
    office.report(1, life: 2, losses: [loss, other] + [JournalLoss](repeating: loss, count: 14))
    #expect(office.core.status(now: office.now).losses == [], "nothing waits")
    let grant = try #require(office.request(assigned, by: 0).grant)
    office.receive(
      .openFailed(
        OpenFailed(term: Term(1), token: grant.token, partitions: assigned, refusal: .copiesElsewhere)),
      from: N.drone(0))
    #expect(
      office.core.status(now: office.now).losses == [
        ClusterStatus.Loss(drone: N.drone(1), partitions: assigned, journal: loss)
      ])
  }

  @Test("what a drone gives back when it ends is given to others at once, and it is given nothing")
  func retired() {
    var office = TestOffice.settled()
    let mine = office.served(by: 1)
    office.report(1, lively: [])
    office.tick()
    #expect(mine.isSubset(of: office.assigned(to: 0).union(office.assigned(to: 2))))
    #expect(office.assigned(to: 1).isEmpty)
    let needsCopies = mine.contains { office.core.partitions[$0.index].isPromoting }
    #expect(!needsCopies, "everything is in the database")
    #expect(!office.core.isAllServed(office.now))
    for drone in [0, 2] { office.load([drone]) }
    #expect(office.core.isAllServed(office.now))
  }

  @Test("where nobody is left who could serve anything, a commander that ends waits for nobody")
  func allRetired() {
    var office = TestOffice.settled()
    for drone in [0, 1] { office.report(drone, lively: []) }
    office.tick()
    #expect(!office.core.isAllServed(office.now))
    office.publish()
    office.report(2, lively: [])
    office.now = office.now + 10
    office.tick()
    #expect(office.core.isAllServed(office.now))
    #expect(office.signing?.owners == [Int?](repeating: nil, count: Partition.count), "and the map says so")
  }

  @Test("what a drone reports at first it keeps, under its old token, and gets a lease on it")
  func adopts() {
    var office = office()
    let actions = office.report(2, holding: holding(token(2, 7)))
    #expect(state(office) == .serving(holder(2)))
    #expect(actions.renewal?.partitions == one && actions.releases.isEmpty)
    #expect(actions.renewal?.nonce == office.nonces[2])
  }

  @Test("a token that was never minted is not believed, and shuts out none that was")
  func wildToken() {
    var office = office()
    for wild in [token(4, 1), token(3, 1), token(.max, .max), token(2, 8), token(2, 7)] {
      #expect(office.report(1, holding: holding(wild)).releases.map(\.1) == [one])
      #expect(office.report(2, holding: holding(wild), life: 2).releases.map(\.1) == [one], "another life")
    }
    office.report(2, holding: holding(token(2, 7)))
    #expect(state(office) == .serving(holder(2)))
  }

  @Test("what nobody reports waits for the leases that an earlier commander may have given")
  func unaccounted() {
    var office = office()
    // Those leases run from heartbeats that a voter of this term answered at least the suspicion interval ago.
    let wait = office.timing.lease - office.timing.suspicion + office.timing.drift
    office.pass(wait, answering: [0, 1, 2])
    #expect(state(office) == .unaccounted)
    office.pass(250, answering: [0, 1, 2])
    #expect(office.core.partitions[5].isGiven, "\(state(office))")
  }

  @Test("in the first term there is nobody to wait for")
  func firstTerm() {
    var office = TestOffice(term: 1)
    office.tick()
    office.storeKey()
    for drone in 0..<3 { office.report(drone) }
    office.pass(250, answering: [0, 1, 2])
    #expect((0..<3).map { office.assigned(to: $0).count }.sorted() == [170, 171, 171])
  }

  @Test("whoever reports what is another's is refused and named, once a minute; the other goes on")
  func contradicted() {
    var office = office(stored: 1)
    office.report(1, holding: holding(token(2, 7)))
    for higher in [token(2, 8), token(3, 1), token(2, 7)] {
      let actions = office.report(2, holding: holding(higher))
      #expect(actions.renewal?.partitions.isEmpty == true)
      #expect(actions.releases.map(\.1) == [one])
      #expect(actions.contains(.note(.contradicted(N.drone(2), one))) == (higher == token(2, 8)))
    }
    #expect(state(office) == .serving(holder(1)))
    #expect(office.report(1, holding: holding(token(2, 7))).renewal?.partitions == one)
    office.now = office.now + 60_001
    #expect(
      office.report(2, holding: holding(token(2, 8))).contains(.note(.contradicted(N.drone(2), one))))
  }

  @Test("until it is known what the database has stored nobody is renewed, and nobody is to release anything")
  func fencesUnknown() {
    var office = TestOffice(term: 3)
    office.tick()
    for drone in 0..<2 { office.report(drone) }
    let early = office.report(2, holding: holding(token(2, 7)))
    #expect(early.renewal?.partitions.isEmpty == true && early.releases.isEmpty)
    office.receive(.keyStored(KeyStored(term: Term(3), identifier: 1)), from: N.command)
    office.pass(0, answering: [])
    let fence = StoredFence(partition: Partition(5)!, token: token(2, 7), holder: holder(2), listed: [])
    let wrong = ControlMessage.fences(Fences(term: Term(3), stored: []))
    #expect(office.receive(wrong, from: N.drone(2)).isEmpty, "that is no database")
    let actions = office.learn([fence])
    #expect(actions.renewals(to: N.drone(2)).map(\.partitions) == [one], "in the same moment")
    #expect(state(office) == .serving(holder(2)))
  }

  @Test("what was granted in this term is whose it was granted to, whatever was stored before")
  func granted() throws {
    var office = TestOffice.settled()
    let partition = try #require(office.served(by: 1).first { _ in true })
    let token = office.core.partitions[partition.index].servingToken
    let set = PartitionSet([partition])
    let actions = office.report(2, holding: [Holding(token: token, partitions: set)])
    #expect(actions.releases.map(\.1) == [set])
    #expect(office.core.partitions[partition.index].state == .serving(holder(1)))
  }

  @Test("a copy is believed of whom the database lists or the commander made a shadow, and of nobody else")
  func copies() throws {
    for (claimant, isBelieved) in [(1, true), (0, false)] {
      var office = TestOffice(term: 3)
      office.tick()
      office.storeKey(fences: [
        StoredFence(partition: Partition(5)!, token: token(2, 7), holder: holder(2), listed: [holder(1)])
      ])
      for _ in 0..<20 {
        office.now = office.now + 250
        office.tick()
        for drone in 0..<2 {
          office.report(drone, copies: drone == claimant ? holding(token(2, 7)) : [])
        }
      }
      let record = office.core.partitions[5]
      #expect(record.isPromoting == isBelieved)
      #expect(!isBelieved || record.owner == N.drone(claimant))
    }
  }

  @Test(
    "a copy in memory is asked before one that is in a journal, and of two journals the one that is listed")
  func journals() throws {
    for (journaled, chosen) in [([1], 2), ([2], 1), ([1, 2], 1)] {
      var office = TestOffice(term: 3)
      office.tick()
      office.storeKey(fences: [
        StoredFence(partition: Partition(5)!, token: token(2, 7), holder: holder(0), listed: [holder(1)])
      ])
      office.core.partitions[5].copyHolders.insert(N.drone(2))
      for _ in 0..<20 {
        office.now = office.now + 250
        office.tick()
        for drone in 0..<3 {
          office.report(
            drone, copies: drone == 0 ? [] : holding(token(2, 7)),
            journaled: journaled.contains(drone) ? one : [])
        }
      }
      #expect(office.core.partitions[5].owner == N.drone(chosen), "\(journaled) have journals only")
    }
  }

  @Test("a lower token than the one that is served is released, and hurts nobody")
  func lower() {
    var office = office(stored: 1)
    office.report(1, holding: holding(token(2, 7)))
    #expect(office.report(2, holding: holding(token(2, 6))).releases.map(\.0) == [N.drone(2)])
    #expect(state(office) == .serving(holder(1)))
  }

  @Test("what lies free is not taken back by whoever had it before the last")
  func freeButOlder() {
    var office = office(stored: 1)
    office.report(1, holding: holding(token(2, 7)))
    office.report(1)
    #expect(state(office) == .free)
    #expect(office.report(2, holding: holding(token(2, 6))).releases.map(\.1) == [one])
    #expect(state(office) == .free)
    #expect(office.report(1, holding: holding(token(2, 7))).renewal?.partitions == one)
  }

  @Test("a drone that has it no more gives it up for the next at once")
  func givenUp() {
    var office = TestOffice.settled()
    let partition = office.served(by: 1).first { _ in true }!
    let rest = office.holdings(of: 1).map {
      Holding(token: $0.token, partitions: $0.partitions.subtracting([partition]))
    }
    office.report(1, holding: rest)
    #expect(office.core.partitions[partition.index].state == .free)
    office.tick()
    #expect(office.core.partitions[partition.index].isGiven, "not given to anybody")
  }

  @Test("an older report that comes late changes nothing")
  func reordered() {
    var office = office()
    office.report(2, holding: [], nonce: 10)
    office.report(2, holding: holding(token(2, 7)), nonce: 12)
    #expect(office.report(2, holding: [], nonce: 11).isEmpty)
    #expect(state(office) == .serving(holder(2)))
  }

  @Test("a restarted drone holds nothing: its earlier life's leases are waited for, then all is given anew")
  func restarted() {
    var office = TestOffice.settled()
    let lost = office.served(by: 1)
    office.pass(250, answering: [0, 1, 2])
    let wait = office.timing.lease + office.timing.drift
    for _ in 0..<(wait / 250) {
      office.now = office.now + 250
      office.tick()
      for drone in [0, 2] { office.report(drone, holding: office.holdings(of: drone)) }
      office.report(1, life: 2)
    }
    #expect(lost.allSatisfy { office.core.partitions[$0.index].state == .serving(holder(1)) })
    office.now = office.now + 250
    office.tick()
    office.report(1, life: 2)
    office.tick()
    #expect(lost.allSatisfy { office.core.partitions[$0.index].holder != holder(1) })
  }

  @Test("a silent drone's partitions go to the others after its lease, and its late report is no claim")
  func dead() {
    var office = TestOffice.settled()
    let lost = office.served(by: 2)
    let late = office.holdings(of: 2)
    office.pass(office.timing.lease - 250, answering: [0, 1])
    #expect(office.served(by: 2) == lost)
    for _ in 0..<8 {
      office.pass(250, answering: [0, 1])
      office.load([0, 1])
    }
    #expect(office.served(by: 2).isEmpty)
    #expect(office.served(by: 0).count == 256 && office.served(by: 1).count == 256)
    let actions = office.report(2, holding: late)
    #expect(actions.releases.map(\.1) == [lost])
    #expect(actions.renewal?.partitions.isEmpty == true)
  }

  @Test("after a pause of the commander itself nobody loses anything")
  func pause() {
    var office = TestOffice.settled()
    let before = (0..<3).map { office.holdings(of: $0) }
    office.now = office.now + 4000
    office.tick()
    // The answers come one by one, and the commander does not give away meanwhile what the last one has.
    for drone in 0..<3 {
      #expect(office.report(drone, holding: before[drone]).releases.isEmpty)
      office.now = office.now + 100
      office.tick()
    }
    #expect((0..<3).map { office.holdings(of: $0) } == before)
  }

  // MARK: Renewals

  @Test("leases are renewed for what is the reporter's and lively, and for nobody without a majority")
  func renewals() {
    var office = TestOffice.settled()
    let mine = office.served(by: 1)
    let some = PartitionSet(mine.filter { $0.index.isMultiple(of: 2) })
    #expect(office.report(1, holding: office.holdings(of: 1), lively: some).renewal?.partitions == some)
    office.now = office.now + office.timing.suspicion + 1
    office.tick()
    #expect(office.report(1, holding: office.holdings(of: 1)).renewal == nil)
    #expect(office.report(0, holding: office.holdings(of: 0)).renewal?.partitions == office.served(by: 0))
  }

  @Test("partitions whose data loop stays silent are given to other drones")
  func silentLoop() {
    var office = TestOffice.settled()
    let mine = office.served(by: 1)
    let odd = PartitionSet(Partition.all.filter { !$0.index.isMultiple(of: 2) })
    let stuck = mine.subtracting(odd)
    for _ in 0..<20 {
      office.now = office.now + 250
      office.tick()
      office.storeKey()
      office.report(1, holding: office.holdings(of: 1), lively: odd)
      for drone in [0, 2] { office.report(drone, holding: office.holdings(of: drone)) }
      office.publish()
      office.load([0, 2])
    }
    #expect(office.served(by: 1).intersection(stuck).isEmpty)
    #expect(stuck.isSubset(of: office.served(by: 0).union(office.served(by: 2))))
  }
}
