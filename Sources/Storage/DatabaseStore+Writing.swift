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
          opened: [], refused: opening.partitions.map { .init(partition: $0, error: error) })
      }
      var opened = PartitionSet()
      var refused: [OpeningResult.Refusal] = []
      for partition in opening.partitions {
        let decision = PartitionFence.opening(
          try Self.fence(of: partition, database), token: opening.token, holder: opening.holder,
          incarnation: opening.incarnation)
        switch decision {
        case .raised(let fence):
          try Self.set(fence, of: partition, database)
          opened.insert(partition)
        case .repeated:
          opened.insert(partition)
        case .fenced(let token):
          refused.append(.init(partition: partition, error: .fenced(partition, current: token)))
        }
      }
      return OpeningResult(opened: opened, refused: refused)
    }
  }

  /// Appends the batches of several drones to the log: one transaction, one row.
  ///
  /// A batch that is fenced off, or that does not follow, is left out and hinders no other.
  /// - Returns: for each group, a result for each of its batches in their order.
  public func append(_ groups: [AppendGroup]) throws(StoreError) -> [[StoreAnswer.PartitionResult]] {
    var row = LogRow()
    let results = try writing { database in
      row = LogRow()
      var fences = FenceCache()
      let results = try groups.map { group in
        try group.batches.map { batch in
          try Self.append(batch, from: group.holder, to: &row, &fences, database)
        }
      }
      try row.insert(database)
      for (partition, sequence) in fences.moved {
        try database.cachedStatement(sql: "UPDATE partitions SET sequence = ? WHERE partition = ?")
          .execute(arguments: [Int64(sequence), partition.number])
      }
      return results
    }
    if !row.isEmpty {
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
      fences.move(batch.partition, to: through)
      result = .stored(through: through)
    case .stored(let through): result = .stored(through: through)
    case .fenced(let token): result = .fenced(by: token)
    case .gap(let sequence): result = .gap(stored: sequence)
    }
    return StoreAnswer.PartitionResult(partition: batch.partition, result: result)
  }

  static func fence(of partition: Partition, _ database: Database) throws -> PartitionFence? {
    let statement = try database.cachedStatement(
      sql: "SELECT term, counter, holder, incarnation, base, sequence FROM partitions WHERE partition = ?")
    guard let row = try Row.fetchOne(statement, arguments: [partition.number]) else { return nil }
    let base: Int64 = row[4]
    let sequence: Int64 = row[5]
    return PartitionFence(
      token: FencingToken(term: Term(UInt64(stored: row[0])), counter: UInt64(stored: row[1])),
      holder: try Principal(row[2] as String), incarnation: Incarnation(UInt64(stored: row[3])),
      base: UInt64(stored: base), sequence: UInt64(stored: sequence))
  }

  private static func set(_ fence: PartitionFence, of partition: Partition, _ database: Database) throws {
    let statement = try database.cachedStatement(
      sql:
        "INSERT OR REPLACE INTO partitions (partition, term, counter, holder, incarnation, base, sequence) "
        + "VALUES (?, ?, ?, ?, ?, ?, ?)")
    try statement.execute(arguments: [
      partition.number, fence.token.term.number.stored, fence.token.counter.stored, fence.holder.text,
      fence.incarnation.number.stored, fence.base.stored, fence.sequence.stored,
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

  mutating func move(_ partition: Partition, to sequence: UInt64) {
    fences[partition]??.sequence = sequence
    touched.insert(partition)
  }

  /// In order of partition.
  var moved: [(Partition, UInt64)] {
    touched.compactMap { partition in
      fences[partition].flatMap { $0 }.map { (partition, $0.sequence) }
    }
  }
}
