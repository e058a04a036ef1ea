import Cluster
import Testing

@testable import Journal

@Suite("What a process that dies leaves in its journal")
struct JournalTests {
  @Test("Every record that was appended is there, in order, by partition")
  func everything() throws {
    let place = Place()
    place.write(5, base: 100, records: 3)
    place.write(2, records: 1)
    let contents = try place.read()
    #expect(contents.owner.life == Incarnation(1))
    #expect(
      contents.stands == [
        Place.stand(2, records: 1...1), Place.stand(5, base: 100, records: 101...103),
      ])
  }

  @Test("A partition that was never written to is stood for all the same")
  func unwritten() throws {
    let place = Place()
    place.write(7, base: 12, records: 0)
    let stand = try #require(try place.read().stands.first)
    #expect(stand.partition.number == 7 && stand.base == 12 && stand.records.isEmpty)
  }

  @Test("A copy is stood for once it is whole, and not before")
  func whole() throws {
    let place = Place()
    let partition = Place.partition(3)
    place.journal.hold(partition, life: Incarnation(1), token: Place.token, base: 4, wholeAt: nil)
    place.append(3, behind: 4, 1)
    #expect(try place.read().stands.isEmpty)
    place.journal.whole(partition, at: 6)
    #expect(try place.read().stands.isEmpty, "it lacks the sixth")
    place.append(3, behind: 5, 1)
    #expect(try place.read().stands == [Place.stand(3, base: 4, records: 5...6)])
  }

  @Test("What was let go of is not stood for, and what is held anew has nothing of before")
  func released() throws {
    let place = Place()
    place.write(1, records: 2)
    place.write(2, records: 2)
    place.journal.release(Place.partition(1))
    place.write(2, base: 40, records: 1)
    #expect(try place.read().stands == [Place.stand(2, base: 40, records: 41...41)])
  }

  @Test("A gap is never stood for")
  func gap() throws {
    let place = Place()
    place.write(1, records: 2)
    place.journal.append(Place.record(4), to: Place.partition(1), 4)
    #expect(try place.read().stands.isEmpty)
  }

  @Test("What earlier lives have left is in the journal of the next, under their names")
  func inherited() throws {
    let first = Place()
    first.write(1, records: 3)
    let second = Place(life: 2, stands: try first.read().stands)
    second.journal.hold(Place.partition(2), life: Incarnation(2), token: Place.token, base: 0, wholeAt: 0)
    let contents = try second.read()
    #expect(contents.owner.life == Incarnation(2))
    #expect(contents.stands.map(\.life) == [Incarnation(1), Incarnation(2)])
    #expect(contents.stands[0] == Place.stand(1, records: 1...3))
  }

  @Test("There is room for what earlier lives have left, however small a journal is to be")
  func muchInherited() throws {
    let much = JournalStand(
      partition: Place.partition(1), life: Incarnation(1), token: Place.token, base: 0,
      records: (1...300).map { Place.record($0, length: 4_000) })
    let place = Place(life: 2, stands: [much])
    #expect(try place.read().stands == [much])
  }
}

@Suite("The room of a journal")
struct JournalRoomTests {
  @Test("What the database has makes room: a small journal takes records without end")
  func turning() throws {
    let place = Place()
    place.write(1, records: 0)
    place.write(2, records: 5)
    for round in 0..<UInt64(400) {
      place.append(1, behind: round * 20, 20, length: 100)
      if round > 0 { place.journal.stored(Place.partition(1), through: round * 20) }
      let stands = try place.read().stands
      #expect(stands.map(\.end) == [(round + 1) * 20, 5])
      #expect(
        stands.allSatisfy { stand in stand.records.map(\.write) == (stand.base..<stand.end).map { $0 + 1 } })
    }
    #expect(place.memory.asked == 1)
  }

  @Test("A full journal takes no record, and loses none; it takes the next once there is room")
  func full() throws {
    let place = Place()
    place.write(1, records: 1000, length: 100)
    let end = try #require(try place.read().stands.first).end
    #expect(end > 50 && end < 1000)
    #expect(!place.journal.reserve(200))
    // What it says besides has room.
    for number in 2..<512 { place.write(number, records: 0) }
    #expect(try place.read().stands.count == 511)
    place.journal.stored(Place.partition(1), through: end)
    #expect(place.journal.reserve(200))
    place.append(1, behind: end, 1)
    #expect(try place.read().stands.first?.end == end + 1)
  }

  @Test("A journal grows up to its bound, and everything goes with it")
  func growing() throws {
    let place = Place(Journal.Bounds(half: 0, longest: 4 << 20))
    place.write(1, records: 10_000, length: 500)
    let stand = try #require(try place.read().stands.first)
    #expect(stand.end > 4_000 && stand.end < 10_000)
    #expect(place.memory.bytes.count <= 4096 + 2 * (4 << 20))
    #expect(stand.records.map(\.write) == (1...stand.end).map { $0 })
  }

  @Test("Where the disk is full it stays as large as it is, and what it has stays")
  func fullDisk() throws {
    let place = Place(Journal.Bounds(half: 0, longest: 4 << 20))
    place.memory.room = place.memory.bytes.count
    place.write(1, records: 10_000, length: 500)
    let asked = place.memory.asked
    #expect(!place.journal.reserve(600))
    #expect(place.memory.asked - asked < 2, "the system is not asked for each write")
    let stand = try #require(try place.read().stands.first)
    #expect(stand.records.map(\.write) == (1...stand.end).map { $0 })
  }

  @Test("Where there is no room to begin with there is no journal")
  func noRoom() {
    let memory = MemoryOfTests()
    memory.room = 100
    let owner = JournalOwner(principal: Place.drone, life: Incarnation(1), boot: Place.boot)
    #expect(Journal(in: memory, owner: owner) == nil)
  }
}
