import Cluster
import Testing

@testable import Journal

@Suite("Until when a journal says that all is at the database")
struct JournalMomentTests {
  private let place = Place()
  private var storedAt: UInt32? {
    JournalReader.leftover(place.memory.left, principal: Place.drone)?.storedAt
  }

  @Test("It is a moment by which nothing had been written that the database lacks")
  func stored() {
    #expect(storedAt == nil, "nobody knows yet")
    place.write(1, records: 3)
    place.write(2, records: 1)
    place.journal.tick(seconds: 100)
    place.journal.stored(Place.partition(1), through: 3)
    place.journal.tick(seconds: 101)
    #expect(storedAt == nil, "the second partition's is missing")
    place.append(1, behind: 3, 2)
    place.journal.stored(Place.partition(2), through: 1)
    place.journal.tick(seconds: 102)
    #expect(storedAt == 100, "what came since then is not asked for")
    place.journal.tick(seconds: 103)
    #expect(storedAt == 100, "two records that were there at 102 are missing")
    place.journal.stored(Place.partition(1), through: 5)
    place.journal.tick(seconds: 104)
    #expect(storedAt == 102)
  }

  @Test("What was let go of, or is held anew, holds up nothing")
  func void() {
    place.write(1, base: 100, records: 3)
    place.write(2, records: 3)
    place.journal.tick(seconds: 100)
    place.journal.release(Place.partition(1))
    place.write(2, base: 1, records: 0)
    place.journal.tick(seconds: 101)
    #expect(storedAt == 100)
  }

  @Test("It stays when the journal grows, and a clean one that is written to begins with the last heartbeat")
  func kept() {
    let bounds = Journal.Bounds(half: 0, longest: 64 << 20)
    let place = Place(bounds)
    func storedAt() -> UInt32? {
      JournalReader.leftover(place.memory.left, principal: Place.drone)?.storedAt
    }
    place.write(1, records: 0)
    for seconds: UInt32 in 100...101 { place.journal.tick(seconds: seconds) }
    let before = place.memory.left.count
    place.append(1, behind: 0, 2_000, length: 1_000)
    #expect(place.memory.left.count > before)
    #expect(storedAt() == 100)
    place.journal.stored(Place.partition(1), through: 2_000)
    place.journal.mark(isClean: true)
    place.journal.tick(seconds: 500)
    #expect(storedAt() == 100, "an idle drone writes nothing")
    place.append(1, behind: 2_000, 1)
    #expect(storedAt() == 500)
  }

  @Test("Of another drone's journal, and of bytes that are none, nothing is said")
  func foreign() throws {
    let other = try Principal("keyval-drone/d2@KEYVAL.TEST")
    #expect(JournalReader.leftover(place.memory.left, principal: other) == nil)
    #expect(JournalReader.leftover([1, 2, 3], principal: Place.drone) == nil)
    #expect(JournalReader.leftover(place.memory.left, principal: Place.drone)?.owner.life == Incarnation(1))
  }

  @Test("A clock that is set back makes the moment unknown, until one of the new time is over")
  func setBack() {
    place.write(1, records: 0)
    for seconds: UInt32 in 900...901 { place.journal.tick(seconds: seconds) }
    #expect(storedAt == 900)
    place.append(1, behind: 0, 2)
    place.journal.tick(seconds: 100)
    #expect(storedAt == 0)
    place.journal.tick(seconds: 101)
    #expect(storedAt == 0, "two records are missing")
    place.journal.stored(Place.partition(1), through: 2)
    place.journal.tick(seconds: 102)
    #expect(storedAt == 100)
  }
}
