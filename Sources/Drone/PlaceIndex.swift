import Cluster

/// Where a client is found among `Slots`: open addressing with linear probing, at most three quarters full.
struct PlaceIndex {
  private var places: [Int32] = []
  private var count = 0
  private let seed = Self.seed

  private static let vacant: Int32 = -1
  /// Of this process. A client chooses among incarnations as it likes; what it does not know it cannot choose by.
  private static let seed: UInt64 = {
    var hasher = Hasher()
    hasher.combine(UInt64.max)
    return UInt64(bitPattern: Int64(hasher.finalize()))
  }()

  /// Two multiplications, each folded: every bit of a client decides about the lower ones of the result.
  @inline(__always)
  private func hash(_ client: ClientIncarnation) -> Int {
    let first = (client.low ^ seed).multipliedFullWidth(by: 0x9e37_79b9_7f4a_7c15)
    let second = (first.high ^ first.low ^ client.high).multipliedFullWidth(by: seed | 1)
    return Int(truncatingIfNeeded: second.high ^ second.low)
  }

  /// - Parameter client: who is at a place that was added.
  @inline(__always)
  func find(_ client: ClientIncarnation, _ occupant: (Int32) -> ClientIncarnation) -> Int32? {
    guard !places.isEmpty else { return nil }
    let mask = places.count - 1
    var index = hash(client) & mask
    while places[index] != Self.vacant {
      if occupant(places[index]) == client { return places[index] }
      index = (index + 1) & mask
    }
    return nil
  }

  /// - Parameter occupant: who is at a place, also at this one.
  mutating func add(_ place: Int32, _ occupant: (Int32) -> ClientIncarnation) {
    if (count + 1) * 4 > places.count * 3 { grow(occupant) }
    count += 1
    insert(place, occupant(place))
  }

  private mutating func insert(_ place: Int32, _ client: ClientIncarnation) {
    let mask = places.count - 1
    var index = hash(client) & mask
    while places[index] != Self.vacant { index = (index + 1) & mask }
    places[index] = place
  }

  private mutating func grow(_ occupant: (Int32) -> ClientIncarnation) {
    let old = places
    places = [Int32](repeating: Self.vacant, count: max(8, 2 * old.count))
    for place in old where place != Self.vacant { insert(place, occupant(place)) }
  }

  /// - Parameter occupant: who is at a place, still also at this one.
  mutating func remove(_ place: Int32, _ occupant: (Int32) -> ClientIncarnation) {
    guard !places.isEmpty else { return }
    let mask = places.count - 1
    var hole = hash(occupant(place)) & mask
    while places[hole] != place {
      guard places[hole] != Self.vacant else { return }
      hole = (hole + 1) & mask
    }
    count -= 1
    // Whoever would not be found beyond the hole moves into it (Knuth, volume 3, 6.4, algorithm R).
    var index = (hole + 1) & mask
    while places[index] != Self.vacant {
      let wanted = hash(occupant(places[index])) & mask
      if (index &- wanted) & mask >= (index &- hole) & mask {
        places[hole] = places[index]
        hole = index
      }
      index = (index + 1) & mask
    }
    places[hole] = Self.vacant
  }
}
