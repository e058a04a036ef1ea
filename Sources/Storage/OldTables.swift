import Cluster
import GRDB
import StoreRules

/// The tables of before there were images: a row for each entry, and one for each client whose dropped writes are
/// remembered. When an older store is opened what they have is moved; what stays is what could not be read.
enum OldTables {
  typealias Place = (partition: DatabaseValue, key: DatabaseValue)

  private static let query =
    "SELECT partition, key, value, term, counter, sequence, \(StoreTable.entries.isWhole) FROM entries "
    + "WHERE (partition, key) > (?, ?) ORDER BY partition, key"
  /// Bytes of entries that a transaction moves.
  private static let portion = 16 << 20

  /// Moves all that can be read, in transactions of a bounded length. To be called before anybody uses the images.
  static func convert(_ database: Database) throws {
    // As they are, whatever a disk has made of them: behind what cannot be read there may be more that can.
    var last: Place? = (Int64.min.databaseValue, Blob().databaseValue)
    while let place = last {
      try database.inTransaction(.immediate) {
        last = try moveEntries(behind: place, portion: portion, database)
        return .commit
      }
    }
    for partition in Partition.all {
      try database.inTransaction(.immediate) {
        try moveForgotten(of: partition, database)
        return .commit
      }
    }
  }

  /// - Returns: the last row that was read; nil when there are no more.
  static func moveEntries(
    behind place: Place, portion: Int, _ database: Database
  ) throws -> Place? {
    var changes: [Partition: [KeyChange]] = [:]
    var length = 0
    var last: Place?
    let rows = try Row.fetchCursor(
      try database.cachedStatement(sql: query), arguments: [place.partition, place.key])
    while length < portion, let row = try rows.next() {
      last = (row[0], row[1])
      guard StoreTable.entries.isWhole(row, 6), let partition = Partition(row[0] as Int) else { continue }
      let fence = FencingToken(term: Term(UInt64(stored: row[3])), counter: UInt64(stored: row[4]))
      let version = Version(fence: fence, sequence: UInt64(stored: row[5]))
      let entry = StoredEntry(key: [UInt8](row[1] as Blob), value: [UInt8](row[2] as Blob), version: version)
      length += entry.approximateLength
      changes[partition, default: []].append(KeyChange(entry))
    }
    for (partition, own) in changes {
      var merge = ImageMerge(KeyChange.last(of: own), into: partition, generation: 0)
      var room = Int.max
      var target = SQLiteRows(database)
      try merge.run(&room, &target)
      try delete(own, of: partition, target)
    }
    return last
  }

  private static func moveForgotten(of partition: Partition, _ database: Database) throws {
    let table = StoreTable.forgotten
    let statement = try database.cachedStatement(
      sql: "SELECT high, low, write, sequence FROM forgotten WHERE partition = ? AND \(table.isWhole)")
    let rows = try Row.fetchAll(statement, arguments: [partition.number])
    guard !rows.isEmpty else { return }
    let target = SQLiteRows(database)
    var clients = try OutcomeKeeping().forgotten(of: partition, target)
    for row in rows {
      clients.add(
        client: ClientIncarnation(high: UInt64(stored: row[0]), low: UInt64(stored: row[1])),
        write: UInt64(stored: row[2]), sequence: UInt64(stored: row[3]))
    }
    try target.setForgottenClients(clients.packed, of: partition)
    try database.execute(
      sql: "DELETE FROM forgotten WHERE partition = ? AND \(table.isWhole)", arguments: [partition.number])
  }

  /// A partition of which something could not be read is handed out to nobody.
  static func requireNone(of partition: Partition, _ rows: SQLiteRows) throws {
    for table in [StoreTable.entries, .forgotten] where try table.hasAny(of: partition, rows) {
      throw table.damage(of: partition)
    }
  }

  /// What is put or deleted anew need not be read any more.
  static func replace(by changes: [KeyChange], of partition: Partition, _ rows: SQLiteRows) throws {
    guard try StoreTable.entries.hasAny(of: partition, rows) else { return }
    try delete(changes, of: partition, rows)
  }

  private static func delete(_ changes: [KeyChange], of partition: Partition, _ rows: SQLiteRows) throws {
    let statement = try rows.statement("DELETE FROM entries WHERE partition = ? AND key = ?")
    for change in changes {
      try statement.execute(arguments: [partition.number, Blob(change.place.key)])
    }
  }
}

extension StoreTable {
  fileprivate func hasAny(of partition: Partition, _ rows: SQLiteRows) throws -> Bool {
    try rows.fetchOne("SELECT 1 FROM \(rawValue) WHERE partition = ? LIMIT 1", [partition.number]) != nil
  }
}
