import Cluster
import Testing

@testable import Drone

@Suite("A database that is about to end, and its drones") struct EndingTests {
  private typealias Action = DatabaseLinkCore.Action

  /// An owner with a shadow in sync, and its session with the database.
  private struct Site {
    var pair = ShadowPair.inSync()
    var link = DatabaseLinkCore(timing: Timing())

    init() {
      _ = feed(.located(Names.database))
      _ = feed(.sessionOpened)
    }

    mutating func feed(_ event: DatabaseLinkCore.Event) -> [Action] {
      link.handle(event, &pair.ownerCore, canSend: true, now: pair.now)
    }

    /// The database says so.
    mutating func end() -> [Action] { feed(.answered(.ending)) + feed(.readCompleted) }

    /// The append among the actions is stored and answered; what follows from that.
    mutating func store(_ actions: [Action]) -> [Action] {
      for case .send(.append(let number, let batches)) in actions {
        let results = batches.map {
          StoreAnswer.PartitionResult(partition: $0.partition, result: pair.append($0, from: pair.owner))
        }
        return feed(.answered(.appended(number: number, results: results))) + feed(.readCompleted)
      }
      return []
    }
  }

  private func appended(_ actions: [Action]) -> Int {
    actions.reduce(0) { count, action in
      guard case .send(.append(_, let batches)) = action else { return count }
      return count + batches.reduce(0) { $0 + $1.records.count }
    }
  }

  private func completed(_ actions: [Action]) -> Int {
    actions.reduce(0) { if case .complete(let completions) = $1 { $0 + completions.count } else { $0 } }
  }

  private func said(_ request: StoreRequest, _ actions: [Action]) -> Int {
    actions.count { if case .send(request) = $0 { true } else { false } }
  }

  @Test("from then on no shadow makes a write done, only the database does, and it is asked at once")
  func secured() {
    var site = Site()
    _ = site.end()
    #expect(site.pair.put("a", "1") == nil)
    #expect(site.pair.talk().isEmpty, "its shadow has it")
    #expect(site.pair.get("a") == .notFound)
    let sent = site.feed(.pumped)
    #expect(appended(sent) == 1, "though nobody said durable")
    #expect(completed(site.store(sent)) == 1)
    #expect(site.pair.get("a") == .value([UInt8]("1".utf8)))
  }

  @Test("what was acknowledged before goes there at once; farewell is said when it is stored, and once")
  func farewell() {
    var site = Site()
    #expect(site.pair.put("a", "1") == nil)
    #expect(site.pair.talk().count == 1)
    #expect(site.feed(.pumped).isEmpty, "it had time")
    let first = site.end()
    #expect(appended(first) == 1 && said(.farewell, first) == 0)
    #expect(site.pair.put("b", "1") == nil)
    let second = site.store(first)
    #expect(said(.farewell, second) == 1, "what came since is acknowledged by nobody yet")
    let third = site.store(second + site.feed(.pumped))
    #expect(completed(third) == 1 && said(.farewell, third) == 0)
  }

  @Test("who owes nothing says farewell at once")
  func nothing() {
    var site = Site()
    let actions = site.end()
    #expect(said(.farewell, actions) == 1)
    #expect(said(.farewell, site.end()) == 0)
  }

  @Test("when the session is over shadows are a second place again, also for what waits")
  func over() {
    var site = Site()
    _ = site.end()
    #expect(site.pair.put("a", "1") == nil)
    #expect(site.pair.talk().isEmpty)
    #expect(completed(site.feed(.sessionClosed)) == 1)
    #expect(site.pair.get("a") == .value([UInt8]("1".utf8)))
    #expect(site.pair.put("b", "1") == nil)
    #expect(site.pair.talk().count == 1)
  }

  @Test("the next session owes anew what is not stored by then")
  func again() {
    var site = Site()
    #expect(said(.farewell, site.end()) == 1)
    _ = site.feed(.sessionClosed)
    #expect(site.pair.put("a", "1") == nil)
    #expect(site.pair.talk().count == 1)
    let opened = site.feed(.sessionOpened)
    #expect(said(.farewell, opened + site.end()) == 0)
    #expect(said(.farewell, site.store(opened)) == 1)
  }

  @Test("a drone that is about to end says that it stays, on every session once, and no farewell")
  func staying() {
    var site = Site()
    #expect(said(.farewell, site.end()) == 1)
    #expect(said(.staying, site.feed(.retiring)) == 1, "whatever it has said before")
    #expect(said(.staying, site.feed(.retiring)) == 0)
    _ = site.feed(.sessionClosed)
    #expect(said(.staying, site.feed(.sessionOpened)) == 1)
    #expect(said(.farewell, site.end()) == 0)
  }

  @Test("a session with a database that is about to end is not given up for another, which may not be had")
  func patience() {
    func gives(up site: inout Site) -> Bool {
      _ = site.feed(.ticked)
      site.pair.now = site.pair.now + Timing().suspicion
      #expect(said(.append(number: 1, batches: []), site.feed(.ticked)) == 1, "it is asked something")
      site.pair.now = site.pair.now + Timing().resignation + 1
      return site.feed(.ticked).contains { if case .close(.silent) = $0 { true } else { false } }
    }
    var site = Site()
    #expect(gives(up: &site))
    var retiring = Site()
    retiring.pair.ownerCore.isRetiring = true
    #expect(gives(up: &retiring), "what it still has to hand over may be waiting on a session that is dead")
    var ending = Site()
    _ = ending.end()
    #expect(!gives(up: &ending))
  }

  @Test("a partition that comes meanwhile is no exception")
  func newcomer() {
    var site = Site()
    _ = site.end()
    let token = Names.token(1, 2)
    site.pair.ownerCore.serve([ShadowPair.partition], until: site.pair.now)
    _ = site.pair.ownerCore.beginOpening([ShadowPair.partition], token: token, mode: .load)
    _ = site.pair.ownerCore.finishLoading(
      ShadowPair.partition, token: token, sequence: 1, past: PastWrites())
    site.pair.ownerCore.serve([ShadowPair.partition], until: site.pair.now + 1_000_000)
    site.pair.fence = PartitionFence(
      token: token, holder: site.pair.owner, incarnation: ShadowPair.ownerLife, base: 1, sequence: 1)
    site.pair.talk()
    site.pair.store()
    #expect(site.pair.isListed)
    #expect(site.pair.put("a", "1") == nil)
    #expect(site.pair.talk().isEmpty)
    #expect(completed(site.feed(.sessionClosed)) == 1, "its shadow had it")
  }
}
