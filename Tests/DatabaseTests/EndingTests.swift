import Cluster
import Testing

@testable import Database

@Suite("A database that is asked to end")
struct EndingTests {
  var subject = Subject()

  private mutating func open(_ session: UInt64, _ drone: Principal) -> [DatabaseAction] {
    subject.effects(.opened(session: session, .drone(drone)))
  }

  /// Milliseconds pass.
  private mutating func pass(_ milliseconds: Int64) -> [DatabaseAction] {
    subject.now = subject.now + milliseconds
    return subject.effects(.ticked).filter { if case .register = $0 { false } else { true } }
  }

  @Test("ends at once where no drone is")
  mutating func alone() {
    _ = subject.handle(.opened(session: 9, .authority))
    #expect(subject.effects(.stopRequested) == [.end(without: [])])
    #expect(subject.effects(.stopRequested) == [], "and says so once")
    #expect(pass(60_000) == [])
  }

  @Test("tells every drone, also one that comes later, and nobody else")
  mutating func tells() {
    _ = open(1, firstDrone)
    _ = subject.handle(.opened(session: 9, .authority))
    #expect(subject.effects(.stopRequested) == [.answer(.ending, session: 1)])
    #expect(open(2, secondDrone) == [.answer(.ending, session: 2)])
    #expect(subject.effects(.opened(session: 10, .commander(Term(3)))) == [])
    #expect(subject.core.awaitedDrones == [firstDrone, secondDrone])
  }

  @Test("ends when everybody has said farewell or is gone, but not within a second")
  mutating func farewell() {
    for (session, drone) in [(1, firstDrone), (2, firstDrone), (3, secondDrone)] as [(UInt64, Principal)] {
      _ = open(session, drone)
    }
    _ = subject.handle(.stopRequested)
    #expect(subject.effects(.requested(.farewell, session: 1)) == [])
    #expect(subject.effects(.closed(session: 3)) == [])
    #expect(pass(2_000) == [], "the first drone has said it on one of two sessions")
    #expect(subject.effects(.requested(.farewell, session: 2)) == [.end(without: [])])

    var quick = EndingTests()
    _ = quick.open(1, firstDrone)
    _ = quick.subject.handle(.stopRequested)
    #expect(quick.subject.effects(.requested(.farewell, session: 1)) == [])
    #expect(quick.pass(999) == [], "another signal may be on its way to that drone")
    #expect(quick.pass(1) == [.end(without: [])])
  }

  @Test(
    "a drone that is about to end itself is waited for until its session closes, whatever it said or says")
  mutating func staying() {
    _ = open(1, firstDrone)
    _ = open(2, secondDrone)
    _ = subject.handle(.requested(.staying, session: 2))
    _ = subject.handle(.stopRequested)
    _ = subject.handle(.requested(.farewell, session: 1))
    _ = subject.handle(.requested(.farewell, session: 2))
    #expect(pass(1_500) == [])
    #expect(subject.core.awaitedDrones == [secondDrone])
    _ = subject.handle(.requested(.staying, session: 1))
    #expect(subject.core.awaitedDrones == [firstDrone, secondDrone])
    #expect(subject.effects(.closed(session: 2)) == [])
    #expect(subject.effects(.closed(session: 1)) == [.end(without: [])])
  }

  @Test("nobody holds it for more than half a minute, and it says whom it leaves")
  mutating func bound() {
    _ = open(1, secondDrone)
    _ = open(2, firstDrone)
    _ = open(3, firstDrone)
    _ = subject.handle(.requested(.staying, session: 2))
    _ = subject.handle(.stopRequested)
    #expect(pass(29_999) == [])
    #expect(pass(1) == [.end(without: [firstDrone, secondDrone])])
  }

  @Test("goes on serving, and folds nothing that need not be")
  mutating func serves() throws {
    let large = StoreBacklog(rows: 1, records: 1, bytes: StoreBounds().longLog.bytes + 1)
    _ = open(1, firstDrone)
    _ = subject.handle(.stopRequested)
    let first = AppendGroup(holder: firstDrone, batches: [batch(1)])
    #expect(
      subject.effects(.requested(.append(number: 1, batches: [batch(1)]), session: 1)) == [
        .perform(.append([first]))
      ])
    _ = subject.handle(.requested(.append(number: 2, batches: [batch(1)]), session: 1))
    #expect(subject.finish(.appended([[]]), backlog: large).effects.last == .perform(.append([first])))
    #expect(subject.finish(.appended([[]]), backlog: large).effects.count == 1, "the answer")
    #expect(pass(250) == [])
    let asked: PartitionSet = [partition(1)]
    let opening = PartitionOpening(
      holder: firstDrone, incarnation: Incarnation(7), token: token(3), partitions: asked)
    #expect(
      subject.effects(.requested(.open(number: 3, grant: try grant(asked), partitions: asked), session: 1))
        == [
          .perform(.open(opening))
        ])
    let full = StoreBacklog(rows: 1, records: 1, bytes: StoreBounds().fullLog.bytes + 1)
    _ = subject.finish(.opened(OpeningResult(standings: [], refused: [])), backlog: full)
    _ = subject.handle(.requested(.append(number: 4, batches: [batch(1)]), session: 1))
    #expect(
      subject.core.jobs.current.map { if case .fold = $0 { true } else { false } } == true, "there is no room"
    )
  }
}
