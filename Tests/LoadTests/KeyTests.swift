import Cluster
import Testing

@testable import Load

@Suite("Keys of a load") struct KeyTests {
  @Test("a draw below a bound stays below it and meets every number")
  func bounded() {
    var random = SplitMix(seed: 7)
    var met = Set<Int>()
    for _ in 0..<10_000 { met.insert(random.next(below: 13)) }
    #expect(met == Set(0..<13))
  }

  @Test("a key is its number, with zeros up to its length", arguments: [1, 4, 12, 15, 16, 17, 64])
  func names(length: Int) throws {
    let names = try KeyNames(length: length, count: 10)
    let key = names.key(7)
    #expect(key.count == length)
    #expect(key.last == UInt8(ascii: "7"))
    #expect(Set((0..<10).map(names.key)).count == 10)
  }

  @Test("the key of redis-benchmark is the key of a load of 16 bytes")
  func usual() throws {
    let names = try KeyNames(length: 16, count: 1_000_000)
    #expect(String(decoding: names.key(1_234), as: UTF8.self) == "key:000000001234")
    #expect(String(decoding: names.key(999_999), as: UTF8.self) == "key:000000999999")
  }

  @Test("keys that cannot all be different are refused, as are those that are too long")
  func refused() {
    #expect(throws: LoadError.self) { try KeyNames(length: 2, count: 101) }
    #expect(throws: Never.self) { try KeyNames(length: 2, count: 100) }
    #expect(throws: LoadError.self) { try KeyNames(length: 1_025, count: 1) }
    #expect(throws: LoadError.self) { try KeyNames(length: 16, count: 0) }
  }

  @Test("each key is in the share of the drone that owns its partition, and in no other")
  func shares() throws {
    let names = try KeyNames(length: 16, count: 5_000)
    let owners = (0..<Partition.count).map { $0 % 5 == 4 ? nil : $0 % 2 }
    let shares = KeyShare.split(names, owners: owners, drones: 2)
    var seen = Set<Int>()
    for (drone, share) in shares.enumerated() {
      for position in 0..<share.count {
        let number = share[position]
        #expect(owners[Slot(key: names.key(number)).partition.index] == drone)
        #expect(seen.insert(number).inserted)
      }
    }
    let served = (0..<5_000).filter { owners[Slot(key: names.key($0)).partition.index] != nil }
    #expect(seen == Set(served))
  }

  @Test("a key that is inserted is one that the drone serves")
  func inserted() throws {
    let names = try KeyNames(length: 16, count: 1_000)
    let owners: [Int?] = (0..<Partition.count).map { $0 % 3 }
    let share = KeyShare.split(names, owners: owners, drones: 3)[2]
    let number = share.next(from: 1_001, step: 4, names)
    #expect(number >= 1_001 && (number - 1_001) % 4 == 0)
    #expect(owners[Slot(key: names.key(number)).partition.index] == 2)
  }

  @Test("by Zipf's law the first rank is drawn most, and each about as often as it should be")
  func zipfian() {
    let zipfian = Zipfian(count: 1_000)
    var random = SplitMix(seed: 11)
    var counts = [Int](repeating: 0, count: 1_000)
    for _ in 0..<200_000 { counts[zipfian.draw(&random)] += 1 }
    // Of 1,000 ranks the first has 1 of 7.73 draws, the second half of that.
    #expect((25_000...27_000).contains(counts[0]), "\(counts[0])")
    #expect((12_200...13_800).contains(counts[1]), "\(counts[1])")
    #expect(counts[0] > counts[10] && counts[10] > counts[900])
  }

  @Test("Zipf's law holds for one rank, and for two", arguments: [1, 2])
  func fewRanks(count: Int) {
    let zipfian = Zipfian(count: count)
    var random = SplitMix(seed: 2)
    for _ in 0..<1_000 { #expect((0..<count).contains(zipfian.draw(&random))) }
  }
}
