import Cluster

/// How far partitions are written, where the row that says so is damaged. It says nothing that is not elsewhere: each
/// record of a partition is in its images or in the log, and has a number.
enum HeadRestoration {
  /// - Throws: `RowDamage` when what it would have to be found in is damaged too.
  static func head(of partitions: [Partition], _ rows: some StoreSnapshot) throws -> [UInt64] {
    var ends: [Partition: UInt64] = [:]
    for partition in partitions { ends[partition] = try rows.folded(of: partition) }
    let wanted = PartitionSet(partitions)
    try rows.forEachLogRow(behind: nil, of: wanted) { row in
      try row.forEachBatch(of: wanted) { batch in
        // Sequence numbers were checked when they were stored.
        let end = batch.firstSequence &+ UInt64(batch.records.count) &- 1
        ends[batch.partition] = max(ends[batch.partition] ?? 0, end)
      }
      return true
    }
    return partitions.map { ends[$0] ?? 0 }
  }
}
