import Cluster
import Testing

@testable import Journal

@Suite("A journal's reader believes nothing")
struct JournalDamageTests {
  /// Two partitions, and what was let go of.
  private static let whole: [UInt8] = {
    let place = Place()
    place.write(1, records: 4)
    place.write(2, records: 1)
    place.journal.release(Place.partition(2))
    place.write(3, base: 9, records: 2)
    return place.memory.left
  }()

  /// Where its frames end.
  private static let end = 4096 + 64 + 1_200

  @Test("Cut at any byte it is an error, or was not cut at all")
  func cut() throws {
    for count in Array(0..<6_000) + [Self.whole.count - 1] {
      #expect(throws: JournalError.self) { try Place.read(Array(Self.whole.prefix(count))) }
    }
    #expect(try Place.read(Self.whole).stands.count == 2)
  }

  @Test("With any bit of what it says flipped it is an error, or says the same")
  func flipped() throws {
    let stands = try Place.read(Self.whole).stands
    var differing = 0
    for place in Array(0..<2072) + Array(4096..<Self.end) {
      for bit in 0..<8 {
        var bytes = Self.whole
        bytes[place] ^= 1 << UInt8(bit)
        do throws(JournalError) {
          let contents = try Place.read(bytes)
          #expect(contents.stands == stands && contents.owner.boot == Place.boot)
        } catch {
          differing += 1
          #expect(!error.description.isEmpty)
        }
      }
    }
    #expect(differing > 15_000)
  }

  @Test("The last frame may be torn at any byte: what was said before it is believed, and nothing of it")
  func torn() throws {
    // As a process is killed that has begun to write a frame, and has not published it.
    let place = Place()
    place.write(1, records: 3)
    let before = place.memory.left
    place.append(1, behind: 3, 1)
    let after = place.memory.left
    let changed = before.indices.filter { before[$0] != after[$0] }
    let published = 4096..<4104
    for count in 0...changed.count {
      var bytes = before
      for place in changed.filter({ !published.contains($0) }).prefix(count) { bytes[place] = after[place] }
      #expect(try Place.read(bytes).stands == [Place.stand(1, records: 1...3)])
    }
  }

  @Test("Killed while it goes over to the other half, it has what it had")
  func turning() throws {
    let place = Place()
    place.write(1, records: 5)
    place.write(2, records: 0)
    var before = place.memory.left
    var number: UInt64 = 0
    var stands: [JournalStand] = []
    // The last record that fits, and the one that makes it turn.
    while true {
      before = place.memory.left
      stands = try place.read().stands
      place.append(2, behind: number, 1)
      place.journal.stored(Place.partition(2), through: number)
      number += 1
      let generation = 2048..<2056
      if before[generation] != place.memory.left[generation] { break }
    }
    // Everything of the other half, and not the word that says that it is in use.
    var bytes = place.memory.left
    bytes.replaceSubrange(2048..<2056, with: before[2048..<2056])
    #expect(try Place.read(bytes).stands == stands)
  }

  @Test("Frames of an earlier turn are not taken for new ones")
  func earlierTurn() throws {
    let place = Place()
    place.write(1, records: 0)
    for round in 0..<UInt64(600) {
      place.append(1, behind: round * 10, 10, length: 100)
      place.journal.stored(Place.partition(1), through: (round + 1) * 10)
    }
    // Behind the end there is what was written two turns ago. It is not read, also where the end is said to be later.
    let half = 4096 + Int(Place.small.half) * (Int(place.memory.left[2048]) % 2)
    let generation = UInt32(place.memory.left[2048]) | UInt32(place.memory.left[2049]) << 8
    var bytes = place.memory.left
    let word = JournalFormat.word(UInt32(Place.small.half / 8), JournalFormat.writtenSalt(generation))
    withUnsafeBytes(of: word.littleEndian) { bytes.replaceSubrange(half..<half + 8, with: $0) }
    #expect(throws: JournalError.self) { try Place.read(bytes) }
  }

  @Test("Another drone's, a later version's and something else's are told apart")
  func foreign() throws {
    let other = try Principal("keyval-drone/d2@KEYVAL.TEST")
    #expect(throws: JournalError.otherDrone(Place.drone.text)) { try Place.read(Self.whole, drone: other) }
    var later = Self.whole
    later[8] = 2
    #expect(throws: JournalError.newer(version: 2)) { try Place.read(later) }
    #expect(throws: JournalError.foreign) { try Place.read(Array("SQLite format 3, or anything".utf8)) }
    // As the loss of power may leave a file that was made just before: that is nobody else's.
    #expect(throws: JournalError.truncated(bytes: 0)) { try Place.read([]) }
    let zeros = [UInt8](repeating: 0, count: 1 << 16)
    #expect(throws: JournalError.damaged(offset: 0)) { try Place.read(zeros) }
  }

  @Test("After a restart of the machine it is not complete, unless it is clean")
  func otherBoot() throws {
    let boot = JournalOwner.Boot(high: 7, low: 9)
    #expect(throws: JournalError.incomplete) { try Place.read(Self.whole, boot: boot) }
    var clean = Self.whole
    withUnsafeBytes(of: JournalFormat.clean.littleEndian) { clean.replaceSubrange(2056..<2064, with: $0) }
    #expect(try Place.read(clean, boot: boot).isClean)
  }
}
