import Cluster
import Testing

@testable import Journal

@Suite("When a journal is clean")
struct JournalKeeperTests {
  private static let otherBoot = JournalOwner.Boot(high: 7, low: 9)

  /// Of an idle journal that has nothing that the database lacks.
  private func settled() throws -> (Place, JournalKeeper) {
    let place = Place()
    place.write(1, records: 2)
    place.journal.stored(Place.partition(1), through: 2)
    var keeper = JournalKeeper(place.journal)
    #expect(ticks(&keeper, from: 0, to: 750).isEmpty)
    let begun = ticks(&keeper, from: 1_000, to: 1_000).first
    let contents = try #require(begun)
    #expect(!isClean(place), "what it has may not be on the disk yet")
    let next = keeper.synced(contents, isDone: true)
    let mark = try #require(next)
    #expect(keeper.synced(mark, isDone: true) == nil)
    return (place, keeper)
  }

  private func ticks(_ keeper: inout JournalKeeper, from: Int64, to: Int64) -> [UInt64] {
    stride(from: from, through: to, by: 250).compactMap { keeper.tick(Instant(milliseconds: $0)) }
  }

  private func isClean(_ place: Place) -> Bool {
    (try? Place.read(place.memory.left, boot: Self.otherBoot)) != nil
  }

  @Test(
    "Idle for a second, with everything stored, it is clean: complete also after a restart of the machine")
  func idle() throws {
    let (place, keeper) = try settled()
    #expect(isClean(place) && !keeper.mustWait)
    #expect(try Place.read(place.memory.left, boot: Self.otherBoot).stands.map(\.end) == [2])
  }

  @Test(
    "What is written to a clean one makes it dirty though nobody is told of it, and it becomes clean again")
  func cleanAgain() throws {
    var (place, keeper) = try settled()
    place.write(2, records: 1)
    let left = keeper.tick(Instant(milliseconds: 5_000))
    #expect(keeper.mustWait && !keeper.isClean)
    #expect(keeper.synced(try #require(left), isDone: true) == nil)
    place.journal.stored(Place.partition(2), through: 1)
    let begun = ticks(&keeper, from: 5_250, to: 7_000).first
    let next = keeper.synced(try #require(begun), isDone: true)
    #expect(keeper.synced(try #require(next), isDone: true) == nil)
    #expect(keeper.isClean && isClean(place))
  }

  @Test("While the database lacks something, or something is written, it is not clean")
  func busy() throws {
    let place = Place()
    place.write(1, records: 1)
    var keeper = JournalKeeper(place.journal)
    #expect(ticks(&keeper, from: 0, to: 10_000).isEmpty)
    place.journal.stored(Place.partition(1), through: 1)
    for time in stride(from: Int64(11_000), to: 20_000, by: 500) {
      place.write(2, records: 0)
      #expect(ticks(&keeper, from: time, to: time).isEmpty)
    }
    // Written while what was before it goes to the disk.
    let begun = ticks(&keeper, from: 20_000, to: 22_000).first
    let sync = try #require(begun)
    place.write(2, records: 0)
    #expect(keeper.synced(sync, isDone: true) == nil)
    #expect(!isClean(place))
  }

  @Test("What is written to a clean one is told of once the disk knows that it is not clean any more")
  func leaving() throws {
    var (place, keeper) = try settled()
    #expect(keeper.look() == nil, "nothing was written")
    place.append(1, behind: 2, 1)
    #expect(!isClean(place))
    let begun = keeper.look()
    let sync = try #require(begun)
    #expect(keeper.mustWait && keeper.look() == nil)
    place.append(1, behind: 3, 1)
    #expect(keeper.synced(sync - 1, isDone: true) == nil && keeper.mustWait, "an older one says nothing")
    #expect(keeper.synced(sync, isDone: true) == nil && !keeper.mustWait)
    // From now on it costs nothing.
    place.append(1, behind: 4, 1)
    #expect(keeper.look() == nil && !keeper.mustWait)
  }

  @Test("A disk that fails makes nothing clean, and nobody waits for it for ever")
  func failing() throws {
    let place = Place()
    var keeper = JournalKeeper(place.journal)
    let begun = ticks(&keeper, from: 0, to: 2_000).first
    let sync = try #require(begun)
    #expect(keeper.synced(sync, isDone: false) == nil && !isClean(place))
    var (other, leaving) = try settled()
    other.append(1, behind: 2, 1)
    let looked = leaving.look()
    let last = try #require(looked)
    #expect(leaving.synced(last, isDone: false) == nil && !leaving.mustWait)
    other = place
  }
}
