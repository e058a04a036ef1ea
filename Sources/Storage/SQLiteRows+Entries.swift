import Cluster
import GRDB
import StoreRules
import Wire

/// The keyed table, and what is remembered of writes.
extension SQLiteRows {
  private static let foldedQuery =
    "SELECT sequence, \(StoreTable.folded.isWhole) FROM folded WHERE partition = ?"

  func folded(of partition: Partition) throws -> UInt64 {
    guard let row = try fetchOne(Self.foldedQuery, [partition.number]) else { return 0 }
    try StoreTable.folded.check(row, 1, partition: Int64(partition.number))
    return UInt64(stored: row[0])
  }

  func setFolded(_ sequence: UInt64, of partition: Partition) throws {
    try execute(StoreTable.folded.insertion, [partition.number, sequence.stored])
  }

  // MARK: Images

  /// The checksum is looked at here: SQLite would read the entries, which are many pages, once more for it.
  private static let imageColumns = "first, generation, count, entries, checksum"
  private static let allQuery = "SELECT \(imageColumns) FROM images WHERE partition = ? ORDER BY first"
  private static let nearestQuery =
    "SELECT \(imageColumns) FROM images WHERE partition = ? AND first <= ? ORDER BY first DESC LIMIT 1"
  private static let lowestQuery = allQuery + " LIMIT 1"
  private static let followingQuery =
    "SELECT first FROM images WHERE partition = ? AND first > ? ORDER BY first LIMIT 1"

  func forEachImage(of partition: Partition, _ body: (StoredImage) throws -> Void) throws {
    let rows = try Row.fetchCursor(try statement(Self.allQuery), arguments: [partition.number])
    while let row = try rows.next() { try body(try image(row, partition)) }
  }

  func image(at place: KeyPlace, of partition: Partition) throws -> StoredImage? {
    try fetchOne(Self.nearestQuery, [partition.number, Blob(place.bytes)]).map { try image($0, partition) }
  }

  func firstImage(of partition: Partition) throws -> StoredImage? {
    try fetchOne(Self.lowestQuery, [partition.number]).map { try image($0, partition) }
  }

  private func image(_ row: Row, _ partition: Partition) throws -> StoredImage {
    let image = StoredImage(first: row.bytes(0), entries: row.bytes(3))
    guard case .int64(let generation) = row.storage(1), case .int64(let count) = row.storage(2),
      case .int64(let checksum) = row.storage(4)
    else { throw StoreTable.images.damage(of: partition) }
    var sum = Checksum.ofRow
    sum.add(StoreTable.images.rawValue)
    sum.add(Int64(partition.number))
    image.first.withUnsafeBytes { sum.add($0) }
    sum.add(generation)
    sum.add(count)
    image.entries.withUnsafeBytes { sum.add($0) }
    guard sum.column == checksum else { throw StoreTable.images.damage(of: partition) }
    return image
  }

  func placeOfImage(behind first: [UInt8], of partition: Partition) throws -> [UInt8]? {
    try fetchOne(Self.followingQuery, [partition.number, Blob(first)])?.bytes(0)
  }

  func insert(_ image: NewImage, generation: UInt64, of partition: Partition) throws {
    try execute(
      StoreTable.images.insertion,
      [partition.number, Blob(image.first), generation.stored, image.count, Blob(image.entries)])
  }

  func deleteImage(from first: [UInt8], of partition: Partition) throws {
    try execute("DELETE FROM images WHERE partition = ? AND first = ?", [partition.number, Blob(first)])
  }

  /// A partition of which something could not be moved from the tables of an older store is handed out to nobody.
  func requireReadable(_ partition: Partition) throws { try OldTables.requireNone(of: partition, self) }

  func supersede(_ changes: [KeyChange], of partition: Partition) throws {
    try OldTables.replace(by: changes, of: partition, self)
  }

  // MARK: What is remembered of writes

  private static let outcomesQuery =
    "SELECT outcomes, \(StoreTable.outcomeRuns.isWhole) FROM outcome_runs "
    + "WHERE partition = ? AND last <= ? ORDER BY last"

  func outcomeRuns(of partition: Partition, through last: UInt64) throws -> [[UInt8]] {
    let rows = try Row.fetchCursor(
      try statement(Self.outcomesQuery), arguments: [partition.number, Int64(clamping: last)])
    var runs: [[UInt8]] = []
    while let row = try rows.next() {
      try StoreTable.outcomeRuns.check(row, 1, partition: Int64(partition.number))
      runs.append(row.bytes(0))
    }
    return runs
  }

  func insertOutcomes(_ run: [UInt8], last: UInt64, of partition: Partition) throws {
    try execute(StoreTable.outcomeRuns.insertion, [partition.number, last.stored, Blob(run)])
  }

  func deleteOutcomes(of partition: Partition, through last: UInt64) throws {
    try execute(
      "DELETE FROM outcome_runs WHERE partition = ? AND last <= ?",
      [partition.number, Int64(clamping: last)])
  }

  private static let forgottenQuery =
    "SELECT clients, \(StoreTable.forgottenClients.isWhole) FROM forgotten_clients WHERE partition = ?"

  func forgottenClients(of partition: Partition) throws -> [UInt8]? {
    guard let row = try fetchOne(Self.forgottenQuery, [partition.number]) else { return nil }
    try StoreTable.forgottenClients.check(row, 1, partition: Int64(partition.number))
    return row.bytes(0)
  }

  func setForgottenClients(_ clients: [UInt8], of partition: Partition) throws {
    try execute(StoreTable.forgottenClients.insertion, [partition.number, Blob(clients)])
  }
}
