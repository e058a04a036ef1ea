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

    /// So many of the newest outcomes, in fair shares of the principals, and the highest write of each client whose
    /// outcome is not told any more.
    func told(keeping limit: Int) -> (outcomes: [WriteOutcome], forgotten: [ForgottenWrites]) {
      guard outcomes.count > limit else { return (outcomes, []) }
      var counts: [UInt64: Int] = [:]
      for outcome in outcomes { counts[outcome.client.principalMark, default: 0] += 1 }
      var share = 1
      while counts.values.reduce(0, { $0 + min($1, share + 1) }) <= limit { share += 1 }
      var left = counts.mapValues { min($0, share) }
      var room = limit
      var isTold = [Bool](repeating: false, count: outcomes.count)
      for index in outcomes.indices.reversed() where room > 0 {
        let mark = outcomes[index].client.principalMark
        guard let rest = left[mark], rest > 0 else { continue }
        left[mark] = rest - 1
        isTold[index] = true
        room -= 1
      }
      let told = outcomes.indices.filter { isTold[$0] }.map { outcomes[$0] }
      return (told, forgotten(outcomes.indices.filter { !isTold[$0] }))
    }

    private func forgotten(_ dropped: [Int]) -> [ForgottenWrites] {
      var highest: [ClientIncarnation: UInt64] = [:]
      var order: [ClientIncarnation] = []
      for outcome in dropped.map({ outcomes[$0] }) {
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

  mutating func store(_ stored: StoredSealingKey, whateverItsTerm isAnyGood: Bool) -> KeyStorage {
    guard stored.term >= term || isAnyGood else { return .oldTerm(stored: term) }
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
