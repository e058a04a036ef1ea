import Cluster
import GRDB

/// A stretch of the log on its way into the keyed table: its rows are gathered, then one partition after the other gets
/// its changes, and when all have theirs the rows are deleted. It goes on from fold to fold, each of them a transaction
/// of its own that takes a few milliseconds.
///
/// Nothing is lost with it: until its rows are deleted all is in the log, which everybody reads beside the images and by
/// which the next pass does the same again.
struct FoldPass: Sendable {
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
  private var deleted: Int64 = .min
  private var last: Int64?
  private var rows: [Blob] = []
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
  mutating func step(_ room: Int, _ database: Database) throws -> Step {
    var step = Step()
    var room = room
    while room > 0, !step.isOver {
      switch stage {
      case .gathering: try gather(&room, database)
      case .folding: try fold(&room, &step, database)
      case .deleting: try delete(&room, &step, database)
      }
    }
    return step
  }

  // MARK: Gathering

  private static let gatheringQuery =
    "SELECT number, records, batches, \(StoreTable.log.isWhole) FROM log WHERE number > ? ORDER BY number"

  private mutating func gather(_ room: inout Int, _ database: Database) throws {
    let cursor = try Row.fetchCursor(
      try database.cachedStatement(sql: Self.gatheringQuery), arguments: [last ?? Int64.min])
    while room > 0 {
      guard gathered.records < records, gathered.bytes < bytes, let row = try cursor.next() else {
        waiting = batches.keys.sorted(by: >)
        stage = .folding
        return
      }
      try StoreTable.log.check(row, 3)
      let blob: Blob = row[2]
      let index = rows.count
      try LogRow.forEachItem(in: blob) { batches[$0, default: []].append((index, $1)) }
      rows.append(blob)
      last = row[0]
      gathered.rows += 1
      gathered.records += row[1] as Int
      gathered.bytes += blob.count
      room -= blob.count
    }
  }

  // MARK: Folding

  private mutating func fold(_ room: inout Int, _ step: inout Step, _ database: Database) throws {
    guard let partition = current?.partition ?? waiting.popLast() else {
      // What was gathered is of no more use.
      (rows, batches) = ([], [:])
      stage = .deleting
      return
    }
    var fold = current
    current = nil
    do {
      try database.inSavepoint {
        var begun = try fold ?? begin(partition, database)
        try begun.run(&room, database)
        fold = begun
        return .commit
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

  private func begin(_ partition: Partition, _ database: Database) throws -> PartitionFold {
    let folded = try ImageTable.folded(of: partition, database)
    var fold = PartitionFoldBuilder(partition: partition, folded: folded)
    for (row, range) in batches[partition] ?? [] {
      try rows[row].withUnsafeBytes { bytes in
        fold.add(try PartitionBatch.decode(UnsafeRawBufferPointer(rebasing: bytes[range])))
      }
    }
    return fold.made
  }

  // MARK: Deleting

  private static let deletingQuery =
    "SELECT number, records, length(batches) FROM log WHERE number > ? AND number <= ? ORDER BY number"

  /// Rows in their order, and a few at a time: to free the pages of megabytes takes a while too.
  private mutating func delete(_ room: inout Int, _ step: inout Step, _ database: Database) throws {
    guard let last else {
      step.isOver = true
      return
    }
    let cursor = try Row.fetchCursor(
      try database.cachedStatement(sql: Self.deletingQuery), arguments: [deleted, last])
    var reached = deleted
    step.isOver = true
    while let row = try cursor.next() {
      guard room > 0 else {
        step.isOver = false
        break
      }
      reached = row[0]
      step.freed += StoreBacklog(rows: 1, records: row[1], bytes: row[2])
      room -= (row[2] as Int) / 4
    }
    if !stuck.isEmpty {
      let added = try keepStuck(through: reached, database)
      step.freed -= added
      kept += added
    }
    try database.execute(
      sql: "DELETE FROM log WHERE number > ? AND number <= ?", arguments: [deleted, reached])
    deleted = reached
    if step.isOver { step.kept = kept }
  }

  /// What partitions that cannot be folded have in rows that are about to be deleted gets rows of its own. Nobody goes by
  /// the order of rows.
  private func keepStuck(through reached: Int64, _ database: Database) throws -> StoreBacklog {
    let rows = try Blob.fetchCursor(
      database, sql: "SELECT batches FROM log WHERE number > ? AND number <= ? ORDER BY number",
      arguments: [deleted, reached])
    var kept: [LogRow] = []
    while let blob = try rows.next() {
      var row = LogRow()
      try LogRow.forEachBatch(in: blob, of: stuck) { row.add($0, skipping: 0) }
      if !row.isEmpty { kept.append(row) }
    }
    for row in kept { try row.insert(database) }
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

  mutating func run(_ room: inout Int, _ database: Database) throws {
    try OldTables.replace(by: merge.changes, of: partition, database)
    try merge.run(&room, database)
    guard merge.isOver else { return }
    if !outcomes.isEmpty {
      try OutcomeTable.add(outcomes, to: partition, database)
      try ImageTable.setFolded(through, of: partition, database)
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
      if let change = KeyChange(record, version) { changes.append(change) }
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
