import Cluster

/// What this loop has under the prefixes of which the access list limits the keys or bytes.
///
/// A quota is of the whole cluster, and nobody knows the whole sum. But keys are spread over the partitions by a hash: so
/// each loop lets in the share of its partitions, and what chance may put there beyond it: three standard deviations of a
/// Poisson distribution. So hardly anybody is refused before his quota is reached, whatever drones come and go, and it is
/// passed by little where it is large: of a million keys on eight loops by 0.9 % at most, of a thousand by 28 %.
struct QuotaBook {
  /// Entries that are looked at in one heartbeat when prefixes are new.
  static let entriesAtATime = 50_000

  private(set) var prefixes: [[UInt8]] = []
  /// Of the access list that they are of.
  private(set) var edition: UInt64 = 0
  /// In the order of the prefixes; of the partitions that have been counted.
  private(set) var totals: [Tally] = []
  /// Partitions that are served here.
  private var served = 0
  private var uncounted: [DataPartition] = []

  var isEmpty: Bool { prefixes.isEmpty }

  /// - Parameter partitions: those that are served.
  mutating func install(_ list: AccessList, edition: UInt64, partitions: [DataPartition?]) {
    self.edition = edition
    guard list.countedPrefixes != prefixes else { return }
    prefixes = list.countedPrefixes
    totals = prefixes.map { _ in Tally() }
    uncounted = []
    for case let data? in partitions {
      data.tallies = nil
      if !isEmpty { uncounted.append(data) }
    }
  }

  mutating func add(_ data: DataPartition) {
    served += 1
    if !isEmpty { uncounted.append(data) }
  }

  mutating func remove(_ data: DataPartition) {
    served -= 1
    if let tallies = data.tallies {
      for (place, tally) in tallies.enumerated() { totals[place] -= tally }
      data.tallies = nil
    }
    uncounted.removeAll { $0 === data }
  }

  /// Counts some more of what is new here.
  mutating func countSome() {
    var rest = Self.entriesAtATime
    while rest > 0, let data = uncounted.popLast() {
      data.count(prefixes)
      for (place, tally) in (data.tallies ?? []).enumerated() { totals[place] += tally }
      rest -= data.table.count + 1
    }
  }

  /// A write is about to be queued.
  mutating func note(_ record: LogRecordView, _ key: HashedKey, in data: DataPartition) {
    guard data.tallies != nil, !record.changesNothing else { return }
    let new = record.value?.count
    let old = data.valueLength(of: key)
    for (place, prefix) in prefixes.enumerated() where record.key.starts(with: prefix) {
      data.tallies?[place].change(record.key.count, from: old, to: new)
      totals[place].change(record.key.count, from: old, to: new)
    }
  }

  /// Whether a value may be put. One that takes no more room than what is there may at any time, but for who may not
  /// read the key: he would be told something of what is there.
  func permits(
    _ record: LogRecordView, _ key: HashedKey, by quota: Quota, mayRead: Bool, in data: DataPartition
  ) -> Bool {
    // By another list: for a moment one loop has it and another has not.
    guard quota.edition == edition, totals.indices.contains(quota.place), let value = record.value else {
      return true
    }
    let old = mayRead ? data.valueLength(of: key) : nil
    var total = totals[quota.place]
    let before = total
    total.change(record.key.count, from: old, to: value.count)
    if let most = quota.keys, total.keys > before.keys, Double(total.keys) > allowed(most, unit: 1) {
      return false
    }
    guard let most = quota.bytes, total.bytes > before.bytes else { return true }
    let entry = Double(total.bytes) / Double(max(1, total.keys))
    return Double(total.bytes) <= allowed(most, unit: entry)
  }

  /// - Parameter unit: what comes and goes as one, on average.
  private func allowed(_ most: Int, unit: Double) -> Double {
    let most = Double(most)
    guard served < Partition.count else { return most }
    let share = most * Double(served) / Double(Partition.count)
    return min(most, share + 3 * (share * unit).squareRoot() + unit)
  }
}
