import Cluster
import Testing

@testable import Authority

@Suite("Which stores the authority knows") struct StoreTests {
  private let database = World.database(1)
  private let administrator = World.administrator

  private func mark(_ commit: UInt64, identity: UInt64 = 1) -> StoreMark {
    StoreMark(identity: StoreIdentity(high: identity, low: 2), commit: commit)
  }

  private func report(_ world: World, _ mark: StoreMark, incarnation: UInt64 = 1) -> StoreVerdict? {
    let report = StoreReport(incarnation: Incarnation(incarnation), mark: mark)
    world.feed(.received(.storeReport(report), from: database))
    for case .storeVerdict(let verdict) in world.sent(to: database).reversed() { return verdict }
    return nil
  }

  private func accept(_ world: World, _ mark: StoreMark, by peer: Principal? = nil) -> String?? {
    let request = StoreAcceptance(number: 7, database: database, mark: mark)
    let peer = peer ?? administrator
    world.feed(.received(.storeAcceptance(request), from: peer))
    for case .storeAcceptanceAnswer(let answer) in world.sent(to: peer).reversed() { return answer.refusal }
    return nil
  }

  @Test("the first store of a database is known, and goes on as it progresses")
  func first() {
    let world = World()
    #expect(report(world, mark(3))?.known == nil)
    #expect(report(world, mark(9))?.known == nil)
    #expect(world.register.stores[database]?.mark == mark(9))
    world.restart()
    #expect(report(world, mark(9))?.known == nil)
  }

  @Test("a store that is new, foreign or behind is held, also by the next process of the authority")
  func held() {
    let world = World()
    _ = report(world, mark(9))
    for shown in [mark(8), mark(0, identity: 5), mark(900, identity: 5)] {
      let verdict = report(world, shown, incarnation: 2)
      #expect(verdict?.mark == shown && verdict?.known?.mark == mark(9))
      world.restart()
      #expect(report(world, shown, incarnation: 2)?.known?.mark == mark(9))
    }
    #expect(world.register.stores[database]?.mark == mark(9))
    #expect(report(world, mark(9), incarnation: 3)?.known == nil, "the right one is welcome")
  }

  @Test("an administrator sees what is held, and accepts exactly that")
  func accepted() {
    let world = World()
    _ = report(world, mark(9))
    _ = report(world, mark(4), incarnation: 2)
    world.feed(.received(.storesRequest(StoresRequest(number: 1)), from: administrator))
    guard case .storesAnswer(let answer)? = world.sent(to: administrator).last else {
      Issue.record("no answer")
      return
    }
    #expect(answer.stores.map(\.held) == [mark(4)])
    #expect(accept(world, mark(3))??.contains("by now") == true)
    #expect(world.register.stores[database]?.mark == mark(9))
    #expect(accept(world, mark(4)) == .some(nil))
    #expect(world.register.stores[database]?.mark == mark(4))
    guard case .storeVerdict(let verdict)? = world.sent(to: database).last else {
      Issue.record("the database was not told")
      return
    }
    #expect(verdict.mark == mark(4) && verdict.known == nil)
    #expect(accept(world, mark(4))??.contains("no store that would have to be accepted") == true)
  }

  @Test("nobody else accepts a store, and what cannot be written is not accepted")
  func refused() {
    let world = World()
    _ = report(world, mark(9))
    _ = report(world, mark(4), incarnation: 2)
    #expect(accept(world, mark(4), by: World.drone(1))??.contains("administrators") == true)
    world.registerFailure = ("the disk is full", false)
    #expect(accept(world, mark(4))??.contains("the disk is full") == true)
    world.registerFailure = nil
    #expect(world.register.stores[database]?.mark == mark(9))
  }

  @Test("a drone has no store")
  func drone() {
    let world = World()
    let report = StoreReport(incarnation: Incarnation(1), mark: mark(1))
    world.feed(.received(.storeReport(report), from: World.drone(1)))
    guard case .refused? = world.sent(to: World.drone(1)).last else {
      Issue.record("it was not refused")
      return
    }
    #expect(world.register.stores.isEmpty)
  }
}
