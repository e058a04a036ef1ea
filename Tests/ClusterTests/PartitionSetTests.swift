import Testing
import Wire

@testable import Cluster

@Suite("Sets of partitions") struct PartitionSetTests {
  private static func random(_ generator: inout SeededGenerator) -> Set<Partition> {
    let share = Double.random(in: 0...1, using: &generator)
    return Set(Partition.all.filter { _ in Double.random(in: 0...1, using: &generator) < share })
  }

  @Test("every operation agrees with a set of the standard library")
  func agreement() throws {
    let seed = SeededGenerator.printedSeed("sets of partitions")
    var generator = SeededGenerator(seed: seed)
    for round in 0..<100 {
      let (a, b) = (Self.random(&generator), Self.random(&generator))
      let (x, y) = (PartitionSet(a), PartitionSet(b))
      let name = Comment(rawValue: "seed \(seed), round \(round)")
      #expect(Array(x) == a.sorted(), name)
      #expect(x.count == a.count && x.isEmpty == a.isEmpty, name)
      #expect(Array(x.union(y)) == a.union(b).sorted(), name)
      #expect(Array(x.intersection(y)) == a.intersection(b).sorted(), name)
      #expect(Array(x.subtracting(y)) == a.subtracting(b).sorted(), name)
      #expect(x.isSubset(of: y) == a.isSubset(of: b) && x.isSubset(of: x.union(y)), name)
      #expect((x == y) == (a == b) && x == PartitionSet(a) && x.hashValue == PartitionSet(a).hashValue, name)
      #expect(try PartitionSet.decode(x.encoded()) == x, name)
      #expect(Partition.all.allSatisfy { x.contains($0) == a.contains($0) }, name)
    }
  }

  @Test("one partition is put in and taken out alone, at every position")
  func singles() {
    for partition in Partition.all {
      var set: PartitionSet = [partition]
      #expect(Array(set) == [partition] && set.count == 1)
      set.insert(partition)
      #expect(set.count == 1)
      set.remove(partition)
      #expect(set.isEmpty)
      set = .all
      set.remove(partition)
      #expect(set.count == 511 && !set.contains(partition))
    }
  }

  @Test("empty and full sets")
  func extremes() {
    #expect(PartitionSet().isEmpty && Array(PartitionSet()).isEmpty)
    #expect(PartitionSet.all.count == 512 && Array(PartitionSet.all) == Partition.all)
  }

  @Test("on the wire partition 0 is the highest bit of the first of 64 bytes")
  func layout() throws {
    let set: PartitionSet = [
      try #require(Partition(0)), try #require(Partition(9)), try #require(Partition(511)),
    ]
    #expect(set.bytes == [0x80, 0x40] + [UInt8](repeating: 0, count: 61) + [0x01])
    #expect(set.encoded() == [0x58, 0x40] + set.bytes)
  }

  @Test("another number of bytes is no set", arguments: [0, 1, 63, 65, 128])
  func wrongLength(count: Int) {
    var writer = CBORWriter()
    writer.write(bytes: [UInt8](repeating: 0, count: count))
    #expect(throws: CBORError.self) { try PartitionSet.decode(writer.bytes) }
  }

  @Test("an operator reads ranges")
  func description() {
    #expect(PartitionSet().description == "")
    #expect(PartitionSet(Partition.all[0...170]).description == "0-170")
    #expect(PartitionSet(Partition.all[0...1] + Partition.all[300...300]).description == "0-1, 300")
    #expect(PartitionSet.all.description == "0-511")
  }
}
