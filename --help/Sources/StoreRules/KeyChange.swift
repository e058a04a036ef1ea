import Cluster

/// What a record of the log comes to for its key.
package struct KeyChange: Sendable {
  package let place: KeyPlace
  /// Nil: the key is deleted.
  package let value: [UInt8]?
  package let version: Version

  /// Nil for a record that changes nothing.
  init?(_ record: LogRecord, _ version: Version) {
    switch record.change {
    case .put(let value): self.value = value
    case .delete: value = nil
    case .nothing: return nil
    }
    place = KeyPlace(record.key)
    self.version = version
  }

  /// Of an entry that is to be put as it is.
  package init(_ entry: StoredEntry) {
    place = KeyPlace(entry.key)
    value = entry.value
    version = entry.version
  }

  /// About what it takes.
  var length: Int { place.key.count + (value?.count ?? 0) + 32 }

  /// The last of each key, in order of place.
  package static func last(of changes: [KeyChange]) -> [KeyChange] {
    // Numbers are sorted and not the changes, which are long.
    var order = changes.indices.map { (hash: changes[$0].place.hash, index: $0) }
    order.sort { left, right in
      guard left.hash == right.hash else { return left.hash < right.hash }
      let (first, second) = (changes[left.index], changes[right.index])
      guard first.place == second.place else { return first.place < second.place }
      return first.version.sequence < second.version.sequence
    }
    var last: [KeyChange] = []
    last.reserveCapacity(order.count)
    for (position, place) in order.enumerated() {
      let change = changes[place.index]
      if position + 1 < order.count {
        let next = order[position + 1]
        if next.hash == place.hash, changes[next.index].place == change.place { continue }
      }
      last.append(change)
    }
    return last
  }
}

extension PartitionBatch {
  /// Each record with the version that it gave its key. Sequence numbers were checked when they were stored.
  package func forEachChange(_ body: (LogRecord, Version) -> Void) {
    var sequence = firstSequence
    for record in records {
      body(record, Version(fence: numbering, sequence: sequence))
      sequence &+= 1
    }
  }
}

extension WriteOutcome {
  init(_ record: LogRecord, _ version: Version) {
    self.init(record, sequence: version.sequence)
  }
}
