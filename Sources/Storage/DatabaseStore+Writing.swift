import Cluster
import GRDB
import Wire

extension DatabaseStore {
  /// Raises the fences of the partitions that a grant opens, in one transaction that checks the term: a grant
  /// opens nothing in another term than its own.
  /// - Returns: which were opened, and why the others were not. Showing the same grant again changes nothing.
  public func open(_ opening: PartitionOpening) throws(StoreError) -> OpeningResult {
    try fencing { database, fences in
      let current = try Self.term(database)
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
        let decision = PartitionFence.opening(
          try fences.fence(of: partition, database), token: opening.token, holder: opening.holder,
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
  }

  /// When a row of the log has so many bytes, the next batch of the same transaction begins another. A row is folded
  /// as a whole, and appends wait as long: a commit of megabytes in one row would hold up everybody for half a second.
  static let rowLength = 1 << 16

  /// Appends the batches of several drones to the log: one transaction, and mostly one row.
  ///
  /// A batch that is fenced off, or that does not follow, is left out and hinders no other.
  /// - Returns: for each group, a result for each of its batches in their order.
  public func append(_ groups: [AppendGroup]) throws(StoreError) -> [[StoreAnswer.PartitionResult]] {
    var rows: [LogRow] = []
    let results = try fencing { database, fences in
      rows = [LogRow()]
      let results = try groups.map { group in
        try group.batches.map { batch in
          if rows[rows.count - 1].byteCount >= Self.rowLength { rows.append(LogRow()) }
          return try Self.append(batch, from: group.holder, to: &rows[rows.count - 1], &fences, database)
        }
      }
      for row in rows { try row.insert(database) }
      return results
    }
    for row in rows where !row.isEmpty {
      count { $0.total += row.backlog }
    }
    return results
  }

  private static func append(
    _ batch: PartitionBatch, from holder: Principal, to row: inout LogRow, _ fences: inout FenceTable,
    _ database: Database
  ) throws -> StoreAnswer.PartitionResult {
    let stored = try fences.fence(of: batch.partition, database)
    let result: StoreAnswer.AppendResult
    switch PartitionFence.admission(batch, from: holder, stored: stored) {
    case .store(let skipping, let through):
      row.add(batch, skipping: skipping)
      try fences.take(batch, through: through, database)
      result = .stored(through: through)
    case .stored(let through):
      try fences.take(batch, through: through, database)
      result = .stored(through: through)
    case .fenced(let token): result = .fenced(by: token)
    case .gap(let sequence): result = .gap(stored: sequence)
    }
    return StoreAnswer.PartitionResult(partition: batch.partition, result: result)
  }

  /// Of all partitions that were ever opened, in order.
  public func fences() throws(StoreError) -> [StoredFence] {
    try reading { database in
      var fences = FenceTable()
      return try Partition.all.compactMap { partition in
        try fences.fence(of: partition, database).map { StoredFence(partition, $0) }
      }
    }
  }
}
