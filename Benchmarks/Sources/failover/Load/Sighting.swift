/// A write that a caller knows to be acknowledged, and since when it has known.
///
/// All clocks of one machine are one, also those of several processes: such times can be compared.
struct Acknowledgement: Codable, Equatable, Sendable {
  let key: String
  let number: UInt64
  let at: ContinuousClock.Instant
}

/// What somebody read who is not the one that writes the key.
struct Sighting: Codable, Equatable, Sendable {
  let key: String
  /// 0: no value.
  let number: UInt64
  let begunAt: ContinuousClock.Instant

  /// How many of the sightings were stale: of less than had been acknowledged before the read began.
  static func stale(_ sightings: [Sighting], after acknowledgements: [Acknowledgement]) -> Int {
    let times = Dictionary(grouping: acknowledgements, by: \.key).mapValues { $0.sorted { $0.at < $1.at } }
    return sightings.count { sighting in
      // A caller has one request under way, so that later acknowledgements are of higher numbers.
      guard let known = times[sighting.key] else { return false }
      let count = known.partitioningIndex { $0.at >= sighting.begunAt }
      return count > 0 && known[count - 1].number > sighting.number
    }
  }
}

extension Array {
  /// The first index whose element is in the second part, of an array that has two.
  fileprivate func partitioningIndex(_ isInSecond: (Element) -> Bool) -> Int {
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if isInSecond(self[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
