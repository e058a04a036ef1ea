import Cluster
import GRDB

/// What a database starts from.
public struct StoreStanding: Sendable {
  public let term: Term
  /// Of the current and the previous term, in order of term and identifier.
  public let keys: [StoredSealingKey]
  public let receiptKey: ReceiptKey
}

/// What a partition's contents are followed by.
public struct PartitionTail: Hashable, Sendable {
  public let partition: Partition
  /// That of the last write.
  public let sequence: UInt64
  public let inSync: InSyncList
  /// The last writes' outcomes, in order of sequence.
  public let outcomes: [WriteOutcome]
  /// In order of client.
  public let forgotten: [ForgottenWrites]
}

extension StoreMark {
  static func stored(_ database: Database) throws -> StoreMark {
    let table = StoreTable.progress
    let row = try Row.fetchOne(
      database, sql: "SELECT identity, commit_number, \(table.isWhole) FROM progress")
    guard let row else { throw RowDamage(table: table.rawValue, partition: nil) }
    try table.check(row, 2)
    guard let identity = StoreIdentity(bytes: [UInt8](row[0] as Blob)) else {
      throw RowDamage(table: table.rawValue, partition: nil)
    }
    return StoreMark(identity: identity, commit: UInt64(stored: row[1]))
  }

  /// After one more transaction. A thousand a second would take longer than the sun lasts.
  var next: StoreMark { StoreMark(identity: identity, commit: commit &+ 1) }

  func store(_ database: Database) throws {
    try database.cachedStatement(sql: StoreTable.progress.insertion)
      .execute(arguments: [1, Blob(identity.bytes), commit.stored])
  }
}

extension ReceiptKey {
  static func stored(_ database: Database) throws -> ReceiptKey {
    let table = StoreTable.receiptKey
    let row = try Row.fetchOne(database, sql: "SELECT key, \(table.isWhole) FROM receipt_key")
    guard let row else { throw RowDamage(table: table.rawValue, partition: nil) }
    try table.check(row, 1)
    guard let key = ReceiptKey(bytes: [UInt8](row[0] as Blob)) else {
      throw RowDamage(table: table.rawValue, partition: nil)
    }
    return key
  }
}

extension StoreBacklog {
  /// `length` of a blob reads no more than the row's head.
  static func measured(_ database: Database) throws -> StoreBacklog {
    let row = try Row.fetchOne(
      database,
      sql: "SELECT count(*), coalesce(sum(records), 0), coalesce(sum(length(batches)), 0) FROM log")
    guard let row else { return StoreBacklog() }
    let table = try Int.fetchOne(database, sql: "SELECT coalesce(sum(length(entries)), 0) FROM images")
    return StoreBacklog(rows: row[0], records: row[1], bytes: row[2], table: table ?? 0)
  }
}

/// What is in the log. A fold may delete rows before whoever appended them has counted them.
struct BacklogCount {
  var total: StoreBacklog
  /// What the last pass could not fold, and no other will until somebody has mended the file.
  var stuck = StoreBacklog()
}

extension StoreBacklog {
  static func + (left: StoreBacklog, right: StoreBacklog) -> StoreBacklog {
    StoreBacklog(
      rows: left.rows + right.rows, records: left.records + right.records, bytes: left.bytes + right.bytes,
      table: left.table + right.table)
  }

  static func - (left: StoreBacklog, right: StoreBacklog) -> StoreBacklog {
    StoreBacklog(
      rows: left.rows - right.rows, records: left.records - right.records, bytes: left.bytes - right.bytes,
      table: left.table - right.table)
  }

  static func += (left: inout StoreBacklog, right: StoreBacklog) { left = left + right }
  static func -= (left: inout StoreBacklog, right: StoreBacklog) { left = left - right }
}
