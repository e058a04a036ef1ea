import Cluster

/// Who is sent first of several that wait for the same record or append.
extension DataCore {
  /// Those with little to send before those with much, so that a short write does not wait until many long ones have been
  /// sent; but no more of them than half of what goes at once, so that the long ones have their turns. Else in the order
  /// that they are in.
  /// - Parameters:
  ///   - room: bytes that go at once.
  ///   - length: bytes that a partition has to send, or any number that is above `shortLength`.
  func inTurn(_ partitions: [Partition], room: Int, length: (Partition) -> Int) -> [Partition] {
    guard partitions.count > 1 else { return partitions }
    var (first, long, rest): ([Partition], [Partition], [Partition]) = ([], [], [])
    var left = room / 2
    for partition in partitions {
      let length = length(partition)
      if length > shortLength {
        long.append(partition)
      } else if left >= length {
        left -= length
        first.append(partition)
      } else {
        rest.append(partition)
      }
    }
    return first + long + rest
  }

  /// Of what is little.
  var shortLength: Int { bounds.batchShare / 8 }
}

extension WriteLog {
  /// Bytes of the records behind `sequence`; counted no further than until there are more than `limit`.
  func length(after sequence: UInt64, upTo limit: Int) -> Int {
    var length = 0
    var next = max(sequence, base)
    while next < end, length <= limit {
      next += 1
      length += self[next].length
    }
    return length
  }
}
