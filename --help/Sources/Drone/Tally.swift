import Cluster

/// How many keys begin with a prefix, and how many bytes these and their values have.
struct Tally: Equatable {
  var keys = 0
  var bytes = 0

  static func += (sum: inout Tally, part: Tally) {
    sum.keys += part.keys
    sum.bytes += part.bytes
  }

  static func -= (sum: inout Tally, part: Tally) {
    sum.keys -= part.keys
    sum.bytes -= part.bytes
  }

  /// A key has a value of so many bytes now.
  /// - Parameter old: how many its value had; nil: it had none.
  mutating func change(_ key: Int, from old: Int?, to new: Int?) {
    self -= Self.of(key, old)
    self += Self.of(key, new)
  }

  private static func of(_ key: Int, _ value: Int?) -> Tally {
    value.map { Tally(keys: 1, bytes: key + $0) } ?? Tally()
  }
}

extension DataPartition {
  /// Counts all keys, as they are once the writes under way are in the table.
  func count(_ prefixes: [[UInt8]]) {
    var tallies = prefixes.map { _ in Tally() }
    table.forEachKey { key, length in
      for (place, prefix) in prefixes.enumerated() where key.starts(with: prefix) {
        tallies[place].change(key.count, from: nil, to: length)
      }
    }
    var sequence = applied
    while sequence < log.end {
      sequence += 1
      log.withRecord(sequence) { record in
        let key = HashedKey(record.key)
        // Of each key the last.
        guard pendingSequence(of: key) == sequence else { return }
        let old = table.withValue(of: key) { $0?.count }
        for (place, prefix) in prefixes.enumerated() where record.key.starts(with: prefix) {
          tallies[place].change(record.key.count, from: old, to: record.value?.count)
        }
      }
    }
    self.tallies = tallies
  }

  /// Bytes of the value that a key will have once the writes under way are in the table; nil: it will have none.
  func valueLength(of key: HashedKey) -> Int? {
    guard let pending = pendingSequence(of: key) else { return table.withValue(of: key) { $0?.count } }
    return log.withRecord(pending) { $0.value?.count }
  }
}
