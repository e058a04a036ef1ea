import Cluster

/// What a store decides in its transactions, whichever database its rows are in: SQLite, or the simulator's memory.
package struct StoreRules: Sendable {
  package let outcomes: OutcomeKeeping

  package init(outcomes: OutcomeKeeping = OutcomeKeeping()) { self.outcomes = outcomes }

  // MARK: Who commands

  /// Stores a term unless it is lower than the one that is stored.
  /// - Returns: the term that is stored now.
  package func raiseTerm(to term: Term, _ rows: inout some StoreTransaction) throws -> Term {
    let stored = try rows.term()
    guard term > stored else { return stored }
    try rows.set(term)
    return term
  }

  /// Stores a sealing key of a term, and raises the stored term to it: a key comes from a commander whose
  /// office the KDC vouched for. Keys of other terms than this and the one before are deleted.
  package func store(_ key: StoredSealingKey, _ rows: inout some StoreTransaction) throws -> KeyStorage {
    let term = try rows.term()
    guard key.term >= term else { return .oldTerm(stored: term) }
    if let known = try rows.sealingKey(of: key.term, identifier: key.key.identifier) {
      return known == key ? .stored : .conflict
    }
    if key.term != term { try rows.set(key.term) }
    let terms = try rows.sealingTerms().sorted()
    let previous = terms.last { $0 < key.term } ?? key.term
    // A commander draws one key for its term; what comes after it takes the place of the one before.
    for old in terms where old == key.term || old < previous { try rows.deleteSealingKeys(of: old) }
    try rows.insert(key)
    return .stored
  }

  // MARK: Who may write

  /// Raises the fences of the partitions that a grant opens, in one transaction that checks the term: a grant
  /// opens nothing in another term than its own.
  /// - Returns: which were opened, and why the others were not. Showing the same grant again changes nothing.
  package func open(
    _ opening: PartitionOpening, _ fences: inout FenceTable, _ rows: inout some StoreTransaction
  ) throws -> OpeningResult {
    let current = try rows.term()
    guard opening.token.term == current else {
      let error = GrantError.expired(term: opening.token.term, current: current)
      return OpeningResult(
        standings: [], refused: opening.partitions.map { .init(partition: $0, error: error) })
    }
    var standings: [OpeningResult.Standing] = []
    var refused: [OpeningResult.Refusal] = []
    func stands(_ partition: Partition, _ fence: PartitionFence) {
      standings.append(.init(partition: partition, sequence: fence.sequence, inSync: fence.inSync))
    }
    for partition in opening.partitions {
      let stored: PartitionFence?
      do {
        stored = try fences.fence(of: partition, rows)
      } catch is RowDamage {
        // Others are not to wait until it is mended.
        refused.append(.init(partition: partition, error: .unreadable(partition)))
        continue
      }
      let decision = PartitionFence.opening(
        stored, token: opening.token, holder: opening.holder,
        incarnation: opening.incarnation, mode: opening.mode, copy: opening.copy, life: opening.life)
      switch decision {
      case .raised(let fence):
        fences.set(fence, of: partition)
        stands(partition, fence)
      case .repeated(let fence):
        stands(partition, fence)
      case .fenced(let token):
        refused.append(.init(partition: partition, error: .fenced(partition, current: token)))
      case .copiesElsewhere(let holders):
        refused.append(.init(partition: partition, error: .copiesElsewhere(partition, holders)))
      case .notInSync:
        refused.append(.init(partition: partition, error: .notInSync(partition)))
      }
    }
    return OpeningResult(standings: standings, refused: refused)
  }

  /// Of all partitions that were ever opened, in order.
  package func fences(_ rows: some StoreSnapshot) throws -> [StoredFence] {
    var fences = FenceTable()
    return try Partition.all.compactMap { partition in
      do {
        return try fences.fence(of: partition, rows).map { StoredFence(partition, $0) }
      } catch is RowDamage {
        // Nobody could command otherwise. Whoever is to open it is told.
        return nil
      }
    }
  }

  // MARK: Appending

  /// When a row of the log has so many bytes, the next batch of the same transaction begins another. A row is folded
  /// as a whole, and appends wait as long: a commit of megabytes in one row would hold up everybody for half a second.
  package static let rowLength = 1 << 16

  /// Appends the batches of several drones to the log: one transaction, and mostly one row.
  ///
  /// A batch that is fenced off, or that does not follow, is left out and hinders no other. So is one whose partition
  /// cannot be read, and it has no result.
  package func append(
    _ groups: [AppendGroup], _ fences: inout FenceTable, _ rows: inout some StoreTransaction
  ) throws -> Appended {
    var appended = Appended()
    var row = LogRow()
    func finish() throws {
      guard !row.isEmpty else { return }
      try rows.append(row)
      appended.added += row.backlog
      row = LogRow()
    }
    for group in groups {
      var results: [StoreAnswer.PartitionResult] = []
      results.reserveCapacity(group.batches.count)
      for batch in group.batches {
        if row.byteCount >= Self.rowLength { try finish() }
        do {
          results.append(try append(batch, from: group.holder, to: &row, &fences, rows))
        } catch let damage as RowDamage {
          appended.damages.append(
            DamagedRow(table: damage.table, partitions: [batch.partition], isRestored: false))
        }
      }
      appended.results.append(results)
    }
    try finish()
    appended.damages += fences.takeRestored()
    return appended
  }

  package struct Appended {
    package fileprivate(set) var results: [[StoreAnswer.PartitionResult]] = []
    package fileprivate(set) var damages: [DamagedRow] = []
    /// By how much the log is longer.
    package fileprivate(set) var added = StoreBacklog()
  }

  private func append(
    _ batch: PartitionBatch, from holder: Principal, to row: inout LogRow, _ fences: inout FenceTable,
    _ rows: some StoreSnapshot
  ) throws -> StoreAnswer.PartitionResult {
    let stored = try fences.fence(of: batch.partition, rows)
    let result: StoreAnswer.AppendResult
    switch PartitionFence.admission(batch, from: holder, stored: stored) {
    case .store(let skipping, let through):
      row.add(batch, skipping: skipping)
      try fences.apply(batch, through: through, rows)
      result = .stored(through: through)
    case .stored(let through):
      try fences.apply(batch, through: through, rows)
      result = .stored(through: through)
    case .fenced(let token): result = .fenced(by: token)
    case .gap(let sequence): result = .gap(stored: sequence)
    }
    return StoreAnswer.PartitionResult(partition: batch.partition, result: result)
  }
}
