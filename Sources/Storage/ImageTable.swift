import Cluster
import GRDB

/// The keyed table: the entries of a partition, in order of their places, in images of about the same length. An image
/// has the places from its first one up to the next image's.
enum ImageTable {
  struct Image {
    let first: Blob
    let entries: Blob
  }

  private static let columns = "first, entries, \(StoreTable.images.isWhole)"
  private static let allQuery =
    "SELECT \(columns) FROM images WHERE partition = ? ORDER BY first"
  private static let nearestQuery =
    "SELECT \(columns) FROM images WHERE partition = ? AND first <= ? ORDER BY first DESC LIMIT 1"
  private static let lowestQuery =
    "SELECT \(columns) FROM images WHERE partition = ? ORDER BY first LIMIT 1"
  private static let exactQuery = "SELECT \(columns) FROM images WHERE partition = ? AND first = ?"
  private static let followingQuery =
    "SELECT first FROM images WHERE partition = ? AND first > ? ORDER BY first LIMIT 1"

  /// Calls `body` with each entry of a partition, in order of place.
  static func forEachEntry(
    of partition: Partition, _ database: Database, _ body: (ImageEntry) throws -> Void
  ) throws {
    let rows = try Row.fetchCursor(
      try database.cachedStatement(sql: allQuery), arguments: [partition.number])
    while let row = try rows.next() {
      try forEachEntry(of: try image(row, partition), partition, body)
    }
  }

  static func forEachEntry(
    of image: Image, _ partition: Partition, _ body: (ImageEntry) throws -> Void
  ) throws {
    do {
      try image.entries.withUnsafeBytes { bytes in
        var reader = ImageReader(bytes)
        while let entry = try reader.next() { try body(entry) }
      }
    } catch is ImageDamage {
      throw RowDamage(table: StoreTable.images.rawValue, partition: Int64(partition.number))
    }
  }

  /// The one that a place belongs to; nil when the partition has none at all.
  static func image(at place: KeyPlace, of partition: Partition, _ database: Database) throws -> Image? {
    try fetch(nearestQuery, [partition.number, Blob(place.bytes)], partition, database)
      ?? fetch(lowestQuery, [partition.number], partition, database)
  }

  static func image(from first: KeyPlace, of partition: Partition, _ database: Database) throws -> Image? {
    try fetch(exactQuery, [partition.number, Blob(first.bytes)], partition, database)
  }

  /// Where the image behind one begins; nil behind the last.
  static func first(after image: Image, of partition: Partition, _ database: Database) throws -> KeyPlace? {
    let found = try Blob.fetchOne(
      try database.cachedStatement(sql: followingQuery), arguments: [partition.number, image.first])
    guard let found else { return nil }
    guard let place = KeyPlace(bytes: found) else {
      throw RowDamage(table: StoreTable.images.rawValue, partition: Int64(partition.number))
    }
    return place
  }

  static func delete(_ image: Image, of partition: Partition, _ database: Database) throws {
    try database.cachedStatement(sql: "DELETE FROM images WHERE partition = ? AND first = ?")
      .execute(arguments: [partition.number, image.first])
  }

  /// - Parameter generation: the sequence number through which the log is in it, where nothing else is said.
  static func insert(
    _ image: NewImage, generation: UInt64, of partition: Partition, _ database: Database
  ) throws {
    try database.cachedStatement(sql: StoreTable.images.insertion).execute(arguments: [
      partition.number, Blob(image.first), generation.stored, image.count, Blob(image.entries),
    ])
  }

  private static func fetch(
    _ query: String, _ arguments: StatementArguments, _ partition: Partition, _ database: Database
  ) throws -> Image? {
    try Row.fetchOne(try database.cachedStatement(sql: query), arguments: arguments)
      .map { try image($0, partition) }
  }

  private static func image(_ row: Row, _ partition: Partition) throws -> Image {
    try StoreTable.images.check(row, 2, partition: Int64(partition.number))
    return Image(first: row[0], entries: row[1])
  }

  // MARK: Through where the log is in it

  private static let foldedQuery =
    "SELECT sequence, \(StoreTable.folded.isWhole) FROM folded WHERE partition = ?"

  /// All records of a partition up to this number are in its images. What follows may be in some already.
  static func folded(of partition: Partition, _ database: Database) throws -> UInt64 {
    let row = try Row.fetchOne(
      try database.cachedStatement(sql: foldedQuery), arguments: [partition.number])
    guard let row else { return 0 }
    try StoreTable.folded.check(row, 1, partition: Int64(partition.number))
    return UInt64(stored: row[0])
  }

  static func setFolded(_ sequence: UInt64, of partition: Partition, _ database: Database) throws {
    try database.cachedStatement(sql: StoreTable.folded.insertion)
      .execute(arguments: [partition.number, sequence.stored])
  }
}
