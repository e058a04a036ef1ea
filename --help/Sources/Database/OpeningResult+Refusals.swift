import Cluster

extension OpeningResult {
  /// Partitions that were refused for one reason.
  struct Refusals {
    let refusal: OpenRefusal
    let reason: String
    var partitions: PartitionSet
  }

  /// Refused partitions by reason, in order of their first.
  var refusalsByReason: [Refusals] {
    var groups: [Refusals] = []
    for refusal in refused {
      let reason = "\(refusal.error)"
      if let index = groups.firstIndex(where: { $0.reason == reason }) {
        groups[index].partitions.insert(refusal.partition)
      } else {
        groups.append(
          Refusals(refusal: refusal.error.refusal, reason: reason, partitions: [refusal.partition]))
      }
    }
    return groups
  }
}
