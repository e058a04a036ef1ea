import Cluster

/// Partitions that the database is asked to open under a grant.
struct Opening {
  let answer: GrantAnswer
  var partitions: PartitionSet
  var token: FencingToken { answer.token }
}

/// Partitions whose contents are to be asked for, by the request that promoted them: all of one at once, since each request
/// is a transaction of the database.
struct DueLoads {
  private var openings: [(number: UInt64, opening: Opening)] = []

  mutating func add(_ partition: Partition, _ number: UInt64, _ answer: GrantAnswer) {
    if let index = openings.firstIndex(where: { $0.number == number }) {
      openings[index].opening.partitions.insert(partition)
    } else {
      openings.append((number, Opening(answer: answer, partitions: [partition])))
    }
  }

  mutating func take(_ number: UInt64) -> Opening? {
    guard let index = openings.firstIndex(where: { $0.number == number }) else { return nil }
    return openings.remove(at: index).opening
  }

  /// In the order in which they came.
  mutating func takeAll() -> [Opening] {
    defer { openings = [] }
    return openings.map(\.opening)
  }
}
