import GRDB

/// Where a scrub has got to.
struct ScrubPlace: Sendable {
  /// The position among the tables.
  fileprivate var table = 0
  /// The key of the last row that was read; nil before the first.
  fileprivate var last: [DatabaseValue]?
}

/// What one step of a scrub has found.
public struct ScrubStep: Sendable {
  public fileprivate(set) var rows = 0
  /// One for each row that is not as it was written.
  public fileprivate(set) var damages: [StoreError] = []
  /// The store has been read to its end; the next step begins anew.
  public fileprivate(set) var isLast = false
}

extension SQLiteStore {
  public func scrub() throws(StoreError) -> ScrubStep {
    // Held for as long as it takes: there is one scrub.
    try scrubPlace.withLock { place throws(StoreError) in try scrub(from: &place) }
  }

  /// Reads some rows and compares their checksums, so that what a disk has changed is found before somebody needs it.
  /// - Parameters:
  ///   - place: where to go on; moved behind what was read.
  ///   - time: the step ends with the row that takes it beyond.
  func scrub(
    from place: inout ScrubPlace, rows: Int = 2_000, time: Duration = .milliseconds(20)
  ) throws(StoreError) -> ScrubStep {
    let (table, last) = (StoreTable.allCases[place.table], place.last)
    let (path, limit) = (path, rows)
    let end = ContinuousClock.now + time
    let (step, reached) = try reading { _, rows in
      var step = ScrubStep()
      var reached: [DatabaseValue]?
      let cursor = try Row.fetchCursor(
        try rows.statement(table.scrubbing(isFirst: last == nil)),
        arguments: StatementArguments((last ?? []) + [limit.databaseValue]))
      while let row = try cursor.next() {
        step.rows += 1
        reached = (1...table.keyCount).map { row[$0] }
        if !table.isWhole(row, 0) {
          step.damages.append(
            .rowDamaged(path: path, table: table.rawValue, partition: table.partition(of: row)))
        }
        guard ContinuousClock.now < end else { return (step, reached) }
      }
      return (step, step.rows < limit ? nil : reached)
    }
    var done = step
    place.last = reached
    if reached == nil {
      place.table = (place.table + 1) % StoreTable.allCases.count
      done.isLast = place.table == 0
    }
    return done
  }
}

extension StoreTable {
  /// How many of the columns are the primary key.
  fileprivate var keyCount: Int {
    switch self {
    case .store, .partitions, .heads, .folded, .forgottenClients, .log, .progress, .receiptKey: 1
    case .sealingKeys, .images, .entries, .outcomeRuns: 2
    case .forgotten: 3
    }
  }

  /// That of a row in a scrub, as far as it can be read in a row that is damaged.
  fileprivate func partition(of row: Row) -> Int64? {
    columns[0] == "partition" ? Int64.fromDatabaseValue(row[1]) : nil
  }

  /// Whether each row is whole, and its key; takes the last key, unless it is to begin, and the number of rows.
  fileprivate func scrubbing(isFirst: Bool) -> String {
    let key = columns.prefix(keyCount).joined(separator: ", ")
    let places = (1...keyCount).map { "?\($0)" }.joined(separator: ", ")
    let behind = isFirst ? "" : "WHERE (\(key)) > (\(places)) "
    return "SELECT \(isWhole), \(key) FROM \(rawValue) \(behind)ORDER BY \(key) LIMIT ?"
  }
}
