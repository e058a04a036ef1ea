import Keyval

/// The keys that the callers write, spread evenly over all slots: both stores place a key by the same hash of its
/// tag, so the same keys serve for both.
struct KeySet {
  /// Tags, one a caller, in the order of their slots.
  let tags: [String]

  /// - Parameter callers: 1 to 512; each has its keys in a partition (32 slots) of its own.
  init(callers: Int) {
    var tagOfPartition: [String?] = Array(repeating: nil, count: Partition.all.count)
    var missing = tagOfPartition.count
    var number = 0
    while missing > 0 {
      let tag = "t\(number)"
      let partition = Slot(key: Array(tag.utf8)).partition.index
      if tagOfPartition[partition] == nil {
        tagOfPartition[partition] = tag
        missing -= 1
      }
      number += 1
    }
    let all = tagOfPartition.compactMap { $0 }
    tags = (0..<callers).map { all[$0 * all.count / callers] }
  }
}
