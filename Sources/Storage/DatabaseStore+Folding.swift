import Cluster
import GRDB

extension DatabaseStore {
  /// Folds the oldest rows of the log into the keyed table and deletes them, in one short transaction:
  /// appends and openings may have to wait for it.
  /// - Parameters:
  ///   - records: rows are taken until they have this many records, or
  ///   - bytes: this many bytes; always at least one row.
  /// - Returns: what is left.
  @discardableResult
  public func fold(records: Int = 2048, bytes: Int = 1 << 18) throws(StoreError) -> StoreBacklog {
    var folded = StoreBacklog()
    try writing(isCounted: false) { database in
      folded = StoreBacklog()
      var changes = FoldedChanges()
      var last: Int64?
      let rows = try Row.fetchCursor(
        database, sql: "SELECT number, records, batches, \(StoreTable.log.isWhole) FROM log ORDER BY number")
      while folded.records < records, folded.bytes < bytes, let row = try rows.next() {
        try StoreTable.log.check(row, 3)
        let batches: Blob = row[2]
        try LogRow.forEachBatch(in: batches, of: .all) { changes.add($0) }
        last = row[0]
        folded.rows += 1
        folded.records += row[1] as Int
        folded.bytes += batches.count
      }
      guard let last else { return }
      try changes.store(database)
      try database.execute(sql: "DELETE FROM log WHERE number <= ?", arguments: [last])
    }
    adjustBacklog {
      $0.rows -= folded.rows
      $0.records -= folded.records
      $0.bytes -= folded.bytes
    }
    return backlog
  }
}

/// What a stretch of the log comes to: the last change of each key, and the outcomes.
private struct FoldedChanges {
  private struct Place: Hashable, Comparable {
    let partition: Partition
    let key: [UInt8]

    static func < (left: Place, right: Place) -> Bool {
      guard left.partition == right.partition else { return left.partition < right.partition }
      return left.key.lexicographicallyPrecedes(right.key)
    }
  }

  private var entries: [Place: LogChange] = [:]
  private var outcomes: [Partition: [WriteOutcome]] = [:]

  mutating func add(_ batch: PartitionBatch) {
    batch.forEachChange { record, version in
      if let change = LogChange(record, version) {
        entries[Place(partition: batch.partition, key: record.key)] = change
      }
      outcomes[batch.partition, default: []].append(WriteOutcome(record, version))
    }
  }

  /// In the table's order, which touches each of its pages once.
  func store(_ database: Database) throws {
    let put = try database.cachedStatement(sql: StoreTable.entries.insertion)
    let delete = try database.cachedStatement(sql: "DELETE FROM entries WHERE partition = ? AND key = ?")
    for (place, change) in entries.sorted(by: { $0.key < $1.key }) {
      switch change.change {
      case .put(let value):
        try put.execute(arguments: [
          place.partition.number, Blob(place.key), Blob(value), change.version.fence.term.number.stored,
          change.version.fence.counter.stored, change.version.sequence.stored,
        ])
      case .delete:
        try delete.execute(arguments: [place.partition.number, Blob(place.key)])
      case .nothing: break
      }
    }
    for partition in outcomes.keys.sorted() {
      try OutcomeTable.add(outcomes[partition] ?? [], to: partition, database)
    }
  }
}

/// The last change of a key that is not folded yet.
struct LogChange {
  let change: LogRecord.Change
  let version: Version

  /// Nil for a record that changes nothing.
  init?(_ record: LogRecord, _ version: Version) {
    guard record.change != .nothing else { return nil }
    change = record.change
    self.version = version
  }
}

extension PartitionBatch {
  /// Each record with the version that it gave its key. Sequence numbers were checked when they were stored.
  func forEachChange(_ body: (LogRecord, Version) -> Void) {
    var sequence = firstSequence
    for record in records {
      body(record, Version(fence: origin, sequence: sequence))
      sequence &+= 1
    }
  }
}

extension WriteOutcome {
  init(_ record: LogRecord, _ version: Version) {
    self.init(record, sequence: version.sequence)
  }
}
