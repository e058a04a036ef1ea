import Cluster
import GRDB
import Wire

extension DatabaseStore {
  /// Raises the fences of the partitions that a grant opens, in one transaction that checks the term: a grant
  /// opens nothing in another term than its own.
  /// - Returns: which were opened, and why the others were not. Showing the same grant again changes nothing.
  public func open(_ opening: PartitionOpening) throws(StoreError) -> OpeningResult {
    try writing { database in
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
          try Self.fence(of: partition, database), token: opening.token, holder: opening.holder,
          incarnation: opening.incarnation, mode: opening.mode, copy: opening.copy)
        switch decision {
        case .raised(let fence):
          try Self.set(fence, of: partition, database)
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
    let results = try writing { database in
      rows = [LogRow()]
      var fences = FenceCache()
      let results = try groups.map { group in
        try group.batches.map { batch in
          if rows[rows.count - 1].byteCount >= Self.rowLength { rows.append(LogRow()) }
          return try Self.append(batch, from: group.holder, to: &rows[rows.count - 1], &fences, database)
        }
      }
      for row in rows { try row.insert(database) }
      for (partition, fence) in fences.moved { try Self.set(fence, of: partition, database) }
      return results
    }
    for row in rows where !row.isEmpty {
      adjustBacklog {
        $0.rows += 1
        $0.records += row.recordCount
        $0.bytes += row.byteCount
      }
    }
    return results
  }

  private static func append(
    _ batch: PartitionBatch, from holder: Principal, to row: inout LogRow, _ fences: inout FenceCache,
    _ database: Database
  ) throws -> StoreAnswer.PartitionResult {
    let stored = try fences.fence(of: batch.partition) { try fence(of: batch.partition, database) }
    let result: StoreAnswer.AppendResult
    switch PartitionFence.admission(batch, from: holder, stored: stored) {
    case .store(let skipping, let through):
      row.add(batch, skipping: skipping)
      fences.take(batch, through: through)
      result = .stored(through: through)
    case .stored(let through):
      fences.take(batch, through: through)
      result = .stored(through: through)
    case .fenced(let token): result = .fenced(by: token)
    case .gap(let sequence): result = .gap(stored: sequence)
    }
    return StoreAnswer.PartitionResult(partition: batch.partition, result: result)
  }

  /// Of all partitions that were ever opened, in order.
  public func fences() throws(StoreError) -> [StoredFence] {
    try reading { database in
      try Partition.all.compactMap { partition in
        try Self.fence(of: partition, database).map { StoredFence(partition, $0) }
      }
    }
  }

  static func fence(of partition: Partition, _ database: Database) throws -> PartitionFence? {
    let statement = try database.cachedStatement(
      sql: "SELECT term, counter, holder, incarnation, base, sequence, list, origin_term, origin_counter, "
        + "\(StoreTable.partitions.isWhole) FROM partitions WHERE partition = ?")
    guard let row = try Row.fetchOne(statement, arguments: [partition.number]) else { return nil }
    try StoreTable.partitions.check(row, 9, partition: Int64(partition.number))
    let base: Int64 = row[4]
    let sequence: Int64 = row[5]
    return PartitionFence(
      token: FencingToken(term: Term(UInt64(stored: row[0])), counter: UInt64(stored: row[1])),
      holder: try Principal(row[2] as String), incarnation: Incarnation(UInt64(stored: row[3])),
      base: UInt64(stored: base), sequence: UInt64(stored: sequence),
      inSync: try InSyncList.decode([UInt8](row[6] as Blob)),
      origin: FencingToken(term: Term(UInt64(stored: row[7])), counter: UInt64(stored: row[8])))
  }

  private static func set(_ fence: PartitionFence, of partition: Partition, _ database: Database) throws {
    let statement = try database.cachedStatement(sql: StoreTable.partitions.insertion)
    try statement.execute(arguments: [
      partition.number, fence.token.term.number.stored, fence.token.counter.stored, fence.holder.text,
      fence.incarnation.number.stored, fence.base.stored, fence.sequence.stored,
      Blob(fence.inSync.encoded()), fence.origin.term.number.stored, fence.origin.counter.stored,
    ])
  }
}

/// The fences that a transaction has read, and how far it has moved them: two batches of a partition may be in
/// one group commit.
private struct FenceCache {
  private var fences: [Partition: PartitionFence?] = [:]
  private var touched = PartitionSet()

  mutating func fence(of partition: Partition, read: () throws -> PartitionFence?) rethrows
    -> PartitionFence?
  {
    if let known = fences[partition] { return known }
    let fence = try read()
    fences[partition] = .some(fence)
    return fence
  }

  mutating func take(_ batch: PartitionBatch, through sequence: UInt64) {
    guard let before = fences[batch.partition] ?? nil else { return }
    var fence = before
    fence.take(batch, through: sequence)
    guard fence != before else { return }
    fences[batch.partition] = fence
    touched.insert(batch.partition)
  }

  /// In order of partition.
  var moved: [(Partition, PartitionFence)] {
    touched.compactMap { partition in fences[partition].flatMap { $0 }.map { (partition, $0) } }
  }
}
