import Cluster

/// The keys that one drone serves, of those of a load.
struct KeyShare: Sendable {
  /// Nil: all of them.
  private let numbers: [UInt32]?
  let count: Int
  /// Of each partition, whether the drone serves it; nil: all.
  private let owned: [Bool]?

  init(all count: Int) {
    numbers = nil
    owned = nil
    self.count = count
  }

  /// - Parameter numbers: in any order; drawn by rank, the first are the hot ones.
  init(_ numbers: [UInt32], owned: [Bool]) {
    self.numbers = numbers
    self.owned = owned
    count = numbers.count
  }

  /// The first key of the drone's among those of a step's distance, beginning with one that is not among the load's.
  func next(from number: Int, step: Int, _ names: KeyNames) -> Int {
    guard let owned, owned.contains(true) else { return number }
    var number = number
    while !owned[Slot(key: names.key(number)).partition.index] { number += step }
    return number
  }

  /// The number of the key at a position below the count.
  @inline(__always)
  subscript(position: Int) -> Int { numbers.map { Int($0[position]) } ?? position }

  /// The share of each drone.
  ///
  /// - Parameter owners: of each partition the drone, by number below `drones`; nil: nobody.
  static func split(_ names: KeyNames, owners: [Int?], drones: Int) -> [KeyShare] {
    var lists = [[UInt32]](repeating: [], count: drones)
    var key = names.template
    key.withUnsafeMutableBytes { bytes in
      for number in 0..<names.count {
        names.write(number, into: bytes)
        let partition = Slot(key: UnsafeRawBufferPointer(bytes)).partition
        if let owner = owners[partition.index] { lists[owner].append(UInt32(number)) }
      }
    }
    // Ranks shall say nothing about where a key is.
    var random = SplitMix(seed: 1)
    return lists.enumerated().map { drone, list in
      var list = list
      for index in list.indices.dropFirst() { list.swapAt(index, random.next(below: index + 1)) }
      return KeyShare(list, owned: owners.map { $0 == drone })
    }
  }
}
