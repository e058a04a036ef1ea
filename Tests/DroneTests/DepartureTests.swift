import Cluster
import Testing

@testable import Drone

/// Between SIGTERM and the moment when everything is in the database.
@Suite("A drone that is asked to end") struct DepartureTests {
  private let fifty = Names.set([50])

  private func answer(_ partitions: PartitionSet, _ token: FencingToken, _ mode: Grant.Mode) -> ControlMessage
  {
    let load = TestDrone.answer(partitions, token, for: 1)
    return .grantAnswer(
      GrantAnswer(
        term: load.term, incarnation: load.incarnation, partitions: load.partitions, token: load.token,
        mode: mode,
        database: load.database, grant: load.grant))
  }

  private func renewal(_ nonce: UInt64, term: UInt64 = 1, orphans: PartitionSet) -> ControlMessage {
    .renewal(
      Renewal(term: Term(term), nonce: nonce, partitions: [], milliseconds: 2_000, orphans: orphans))
  }

  @Test("it says so, keeps its lease, and takes nothing but what only it may have")
  func takesNothing() {
    var drone = TestDrone.serving()
    drone.pass(100)
    let report = drone.feed(.ending).report
    #expect(report?.isEnding == true && report?.lively == .all)
    #expect(report?.holdings.first?.partitions == Names.set(0..<10))
    #expect(drone.receive(answer(fifty, Names.token(1, 9), .load), from: 2).isEmpty)
    #expect(drone.receive(answer(fifty, Names.token(1, 9), .acceptLoss), from: 2).isEmpty)
    #expect(drone.receive(answer(fifty, Names.token(1, 9), .promote), from: 2).opened?.partitions == fifty)
    #expect(drone.feed(.ending).isEmpty, "once")
  }

  @Test("a promotion that the database was too busy for is asked for anew: the commander counts on it")
  func asksAgain() {
    var drone = TestDrone.serving()
    drone.publish(Names.set([50] + Array(0..<10)), term: 1, version: 2, by: 2)
    drone.feed(.ending)
    drone.receive(answer(fifty, Names.token(1, 9), .promote), from: 2)
    drone.heartbeat(1, from: 2, sequence: 2)
    drone.feed(.lost(fifty, Names.token(1, 9)))
    #expect(drone.pass(600).grantRequest?.partitions == fifty)
    drone.feed(.retired)
    drone.heartbeat(1, from: 2, sequence: 3)
    #expect(drone.pass(600).grantRequest == nil)
  }

  @Test(
    "what nobody serves it knows from its commander's answer to a report that told of the end, not from an earlier"
  )
  func orphans() throws {
    var drone = TestDrone.serving()
    let before = try #require(drone.heartbeat(1, from: 2, sequence: 2).report)
    let told = try #require(drone.feed(.ending).report)
    drone.receive(renewal(before.nonce, orphans: []), from: 2)
    #expect(drone.core.orphanCount == nil, "it was asked before")
    drone.receive(renewal(told.nonce, orphans: fifty), from: 3)
    #expect(drone.core.orphanCount == nil, "that is not the commander")
    drone.receive(renewal(told.nonce, orphans: fifty), from: 2)
    #expect(drone.core.orphanCount == 1)
    let later = try #require(drone.heartbeat(1, from: 2, sequence: 3).report)
    drone.receive(renewal(later.nonce, orphans: []), from: 2)
    #expect(drone.core.orphanCount == 0)
  }

  @Test("another commander has to say it anew; where none is heard nobody is waited for")
  func successors() throws {
    var drone = TestDrone.serving()
    let told = try #require(drone.feed(.ending).report)
    drone.receive(renewal(told.nonce, orphans: []), from: 2)
    #expect(drone.core.orphanCount == 0)
    drone.heartbeat(2, from: 3)
    #expect(drone.core.orphanCount == nil)
    drone.pass(Timing().suspicion + 300)
    #expect(drone.core.orphanCount == 0)
  }

  @Test("what it gives up becomes copies: until its commander knows of them its word counts for nothing")
  func copiesUntold() throws {
    var drone = TestDrone.serving()
    drone.feed(.ending)
    // The lease lapses while nobody is heard, and the next commander must not be told of what it covered.
    drone.pass(Timing().lease + 1_000)
    let first = drone.heartbeat(2, from: 3)
    let early = try #require(first.report)
    #expect(early.holdings.isEmpty && early.copies.isEmpty)
    drone.receive(renewal(early.nonce, term: 2, orphans: []), from: 3)
    #expect(drone.core.orphanCount == nil, "its data loop has not closed them")
    drone.feed(.closed(Names.set(0..<10)))
    let untold = try #require(drone.heartbeat(2, from: 3, sequence: 2).report)
    drone.receive(renewal(untold.nonce, term: 2, orphans: []), from: 3)
    #expect(drone.core.orphanCount == nil, "and has not told of its copies")
    let copies = [Holding(token: Names.token(1, 1), partitions: Names.set(0..<10))]
    drone.feed(.replicated(loop: 0, Replication(copies: copies)))
    drone.receive(renewal(untold.nonce, term: 2, orphans: []), from: 3)
    #expect(drone.core.orphanCount == nil, "that was said before the commander knew of them")
    let told = try #require(drone.heartbeat(2, from: 3, sequence: 3).report)
    #expect(told.copies == copies)
    drone.receive(renewal(told.nonce, term: 2, orphans: Names.set(0..<10)), from: 3)
    #expect(drone.core.orphanCount == 10)
  }
}
