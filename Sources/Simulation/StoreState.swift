import Cluster

/// What a database has stored: a value, so that a crash can take it back to what was synced.
struct StoreState {
  struct WriteName: Hashable {
    let client: ClientIncarnation
    let write: UInt64
  }

  private struct StoredKey: Hashable {
    let partition: Partition
    let key: [UInt8]
  }

  struct Contents {
    var entries: [[UInt8]: StoredEntry] = [:]
    /// In order of sequence.
    var outcomes: [WriteOutcome] = []

    /// The highest write of each client whose outcome is not told any more, when so many are.
    func forgotten(keeping kept: Int) -> [ForgottenWrites] {
      var highest: [ClientIncarnation: UInt64] = [:]
      var order: [ClientIncarnation] = []
      for outcome in outcomes.dropLast(kept) {
        if highest[outcome.client] == nil { order.append(outcome.client) }
        highest[outcome.client] = max(highest[outcome.client] ?? 0, outcome.write)
      }
      return order.map { ForgottenWrites(client: $0, write: highest[$0] ?? 0) }
    }
  }

  var identity = StoreIdentity(high: 1, low: 1)
  /// How many transactions have changed it.
  var commit: UInt64 = 0
  var term = Term.none
  var keys: [StoredSealingKey] = []
  var fences = [PartitionFence?](repeating: nil, count: Partition.count)
  private(set) var contents: [Partition: Contents] = [:]
  /// What was deleted since the last folding, as it was.
  private var deleted: [StoredKey: StoredEntry] = [:]
  /// Every write that was ever appended.
  private(set) var written: Set<WriteName> = []

  func has(_ write: UInt64, of client: ClientIncarnation) -> Bool {
    written.contains(WriteName(client: client, write: write))
  }

  /// - Returns: false when this write had been appended before.
  mutating func append(_ record: LogRecord, to partition: Partition, version: Version) -> Bool {
    let stored = StoredKey(partition: partition, key: record.key)
    switch record.change {
    case .put(let value):
      let entry = StoredEntry(key: record.key, value: value, version: version)
      contents[partition, default: Contents()].entries[record.key] = entry
      deleted[stored] = nil
    case .delete: deleted[stored] = contents[partition]?.entries.removeValue(forKey: record.key)
    case .nothing: break
    }
    contents[partition, default: Contents()].outcomes.append(WriteOutcome(record, sequence: version.sequence))
    return written.insert(WriteName(client: record.client, write: record.write)).inserted
  }

  // MARK: Folding

  mutating func fold() { deleted = [:] }

  /// A delete whose record is gone before it has reached the folded table has not happened.
  mutating func revive() {
    for (name, entry) in deleted { contents[name.partition]?.entries[name.key] = entry }
  }

  // MARK: Transactions

  mutating func raise(to term: Term) -> Term {
    self.term = max(self.term, term)
    return self.term
  }

  mutating func store(_ stored: StoredSealingKey) -> KeyStorage {
    guard stored.term >= term else { return .oldTerm(stored: term) }
    if let known = keys.first(where: { $0.term == stored.term && $0.key.identifier == stored.key.identifier })
    {
      return known == stored ? .stored : .conflict
    }
    term = stored.term
    let previous = keys.map(\.term).filter { $0 < stored.term }.max() ?? stored.term
    keys.removeAll { $0.term == stored.term || $0.term < previous }
    keys.append(stored)
    return .stored
  }
}

extension StoreJob {
  /// Records that it carries.
  var recordCount: Int64 {
    guard case .append(let groups) = self else { return 0 }
    return groups.reduce(0) { $1.batches.reduce($0) { $0 + Int64($1.records.count) } }
  }
}
