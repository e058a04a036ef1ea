import Cluster
import Wire

/// A stretch of the log on its way into the keyed table: its rows are gathered, then one partition after the other gets
/// its changes, and when all have theirs the rows are deleted. It goes on from fold to fold, each of them a transaction
/// of its own that takes a few milliseconds.
///
/// Nothing is lost with it: until its rows are deleted all is in the log, which everybody reads beside the images and by
/// which the next pass does the same again.
package struct FoldPass: Sendable {
  /// Records and bytes of the log that a pass has at the most; the bytes are what it holds in memory.
  let records: Int
  let bytes: Int

  private enum Stage {
    case gathering
    case folding
    case deleting
  }

  private var stage = Stage.gathering
  private var gathered = StoreBacklog()
  /// The number of the first row is above this; of the last.
  private var deleted: Int64?
  private var last: Int64?
  private var gatheredRows: [[UInt8]] = []
  private var batches: [Partition: [(row: Int, range: Range<Int>)]] = [:]
  private var waiting: [Partition] = []
  private var current: PartitionFold?
  /// Of which something cannot be read: what the log has of them stays in it.
  private var stuck = PartitionSet()
  private var kept = StoreBacklog()

  init(records: Int, bytes: Int) { (self.records, self.bytes) = (records, bytes) }

  /// What a step has changed.
  struct Step {
    var isOver = false
    /// By how much the log is shorter.
    var freed = StoreBacklog()
    /// When the pass is over: what stays in the log, since it cannot be folded.
    var kept: StoreBacklog?
    /// How many bytes the keyed table has gained.
    var growth = 0
  }

  /// - Parameter room: how many bytes are read and merged, about, before it ends.
  mutating func step(
    _ room: Int, _ rules: StoreRules, _ rows: inout some StoreTransaction
  ) throws -> Step {
    var step = Step()
    var room = room
    while room > 0, !step.isOver {
      switch stage {
      case .gathering: try gather(&room, rows)
      case .folding: try fold(&room, &step, rules, &rows)
      case .deleting: try delete(&room, &step, &rows)
      }
    }
    return step
  }

  // MARK: Gathering

  private mutating func gather(_ room: inout Int, _ rows: some StoreSnapshot) throws {
    var isInterrupted = false
    try rows.forEachLogRow(behind: last, of: .all) { row in
      try gather(row)
      room -= row.batches.count
      let hasRoom = gathered.records < records && gathered.bytes < bytes
      isInterrupted = hasRoom && room <= 0
      return hasRoom && room > 0
    }
    guard !isInterrupted else { return }
    waiting = batches.keys.sorted(by: >)
    stage = .folding
  }

  private mutating func gather(_ row: StoredLogRow) throws {
    let index = gatheredRows.count
    do {
      try LogRow.forEachItem(in: row.batches) { batches[$0, default: []].append((index, $1)) }
    } catch is CBORError {
      throw RowDamage(table: RowDamage.log, partition: nil)
    }
    gatheredRows.append(row.batches)
    last = row.number
    gathered += StoreBacklog(rows: 1, records: row.records, bytes: row.batches.count)
  }

  // MARK: Folding

  private mutating func fold(
    _ room: inout Int, _ step: inout Step, _ rules: StoreRules, _ rows: inout some StoreTransaction
  ) throws {
    guard let partition = current?.partition ?? waiting.popLast() else {
      // What was gathered is of no more use.
      (gatheredRows, batches) = ([], [:])
      stage = .deleting
      return
    }
    var fold = current
    current = nil
    do {
      try rows.nested { rows in
        var begun = try fold ?? begin(partition, rows)
        try begun.run(&room, rules, &rows)
        fold = begun
      }
    } catch let damage as RowDamage where damage.partition == Int64(partition.number) {
      // Others are not to wait for it. Whoever asks for this one is told; so is the log, by the scrub.
      stuck.insert(partition)
      return
    }
    guard let fold else { return }
    step.growth += fold.growthSinceLast
    current = fold.isOver ? nil : fold.continued
  }

  private func begin(_ partition: Partition, _ rows: some StoreSnapshot) throws -> PartitionFold {
    let folded = try rows.folded(of: partition)
    var fold = PartitionFoldBuilder(partition: partition, folded: folded)
    for (row, range) in batches[partition] ?? [] {
      do {
        try gatheredRows[row].withUnsafeBytes { bytes in
          fold.add(try PartitionBatch.decode(UnsafeRawBufferPointer(rebasing: bytes[range])))
        }
      } catch is CBORError {
        throw RowDamage(table: RowDamage.log, partition: nil)
      }
    }
    return fold.made
  }

  // MARK: Deleting

  /// Rows in their order, and a few at a time: to free the pages of megabytes takes a while too.
  private mutating func delete(
    _ room: inout Int, _ step: inout Step, _ rows: inout some StoreTransaction
  ) throws {
    var reached: Int64?
    var isOver = true
    var freed = StoreBacklog()
    if let last {
      try rows.forEachLogLength(behind: deleted, through: last) { number, length in
        guard room > 0 else {
          isOver = false
          return false
        }
        reached = number
        freed += length
        room -= length.bytes / 4
        return true
      }
    }
    if let reached {
      if !stuck.isEmpty {
        let added = try keepStuck(through: reached, &rows)
        freed -= added
        kept += added
      }
      try rows.deleteLog(behind: deleted, through: reached)
      deleted = reached
    }
    step.freed += freed
    step.isOver = isOver
    if isOver { step.kept = kept }
  }

  /// What partitions that cannot be folded have in rows that are about to be deleted gets rows of its own. Nobody goes by
  /// the order of rows.
  private func keepStuck(
    through reached: Int64, _ rows: inout some StoreTransaction
  ) throws -> StoreBacklog {
    var kept: [LogRow] = []
    try rows.forEachLogRow(behind: deleted, of: stuck) { stored in
      guard stored.number <= reached else { return false }
      var row = LogRow()
      try stored.forEachBatch(of: stuck) { row.add($0, skipping: 0) }
      if !row.isEmpty { kept.append(row) }
      return true
    }
    for row in kept { try rows.append(row) }
    return kept.reduce(StoreBacklog()) { $0 + $1.backlog }
  }
}

/// One partition's part of a pass.
private struct PartitionFold: Sendable {
  let partition: Partition
  let through: UInt64
  let outcomes: [WriteOutcome]
  var merge: ImageMerge
  private(set) var isOver = false
  private var told = 0

  init(_ partition: Partition, through: UInt64, _ outcomes: [WriteOutcome], _ merge: ImageMerge) {
    (self.partition, self.through, self.outcomes, self.merge) = (partition, through, outcomes, merge)
  }

  var growthSinceLast: Int { merge.growth - told }

  var continued: PartitionFold {
    var fold = self
    fold.told = merge.growth
    return fold
  }

  mutating func run(
    _ room: inout Int, _ rules: StoreRules, _ rows: inout some StoreTransaction
  ) throws {
    try rows.supersede(merge.changes, of: partition)
    try merge.run(&room, &rows)
    guard merge.isOver else { return }
    if !outcomes.isEmpty {
      try rules.outcomes.add(outcomes, to: partition, &rows)
      try rows.setFolded(through, of: partition)
    }
    // Statements take time too, where there is next to nothing to merge.
    room -= 1 << 14
    isOver = true
  }
}

private struct PartitionFoldBuilder {
  let partition: Partition
  let folded: UInt64
  private var through: UInt64
  private var changes: [KeyChange] = []
  private var outcomes: [WriteOutcome] = []

  init(partition: Partition, folded: UInt64) {
    (self.partition, self.folded, through) = (partition, folded, folded)
  }

  mutating func add(_ batch: PartitionBatch) {
    batch.forEachChange { record, version in
      guard version.sequence > folded else { return }
      if let change = KeyChange(record, version) {
        changes.append(change)
      }
      outcomes.append(WriteOutcome(record, version))
      through = max(through, version.sequence)
    }
  }

  var made: PartitionFold {
    PartitionFold(
      partition, through: through, outcomes.sorted { $0.sequence < $1.sequence },
      ImageMerge(KeyChange.last(of: changes), into: partition, generation: through))
  }
}
