import Cluster
import GRDB
import StoreRules

/// The rows of a store in SQLite, as a connection sees them in its transaction.
///
/// Unsigned numbers are stored as the signed ones of the same bits, but for the sequence numbers by which rows are in
/// order: they never exceed `Int64.max`.
struct SQLiteRows: StoreTransaction {
  let database: Database

  init(_ database: Database) { self.database = database }

  func statement(_ sql: String) throws -> Statement { try database.cachedStatement(sql: sql) }

  func fetchOne(_ sql: String, _ arguments: StatementArguments = []) throws -> Row? {
    try Row.fetchOne(try statement(sql), arguments: arguments)
  }

  func execute(_ sql: String, _ arguments: StatementArguments) throws {
    try statement(sql).execute(arguments: arguments)
  }

  mutating func nested(_ body: (inout SQLiteRows) throws -> Void) throws {
    try database.inSavepoint {
      try body(&self)
      return .commit
    }
  }

  var changeCount: Int { database.totalChangesCount }

  func foreignChanges() throws -> Int {
    try Int.fetchOne(try statement("PRAGMA data_version")) ?? 0
  }

  // MARK: What is known of the store itself

  func mark() throws -> StoreMark {
    let table = StoreTable.progress
    guard let row = try fetchOne("SELECT identity, commit_number, \(table.isWhole) FROM progress") else {
      throw table.damage()
    }
    try table.check(row, 2)
    guard let identity = StoreIdentity(bytes: row.bytes(0)) else { throw table.damage() }
    return StoreMark(identity: identity, commit: UInt64(stored: row[1]))
  }

  func set(_ mark: StoreMark) throws {
    try execute(StoreTable.progress.insertion, [1, Blob(mark.identity.bytes), mark.commit.stored])
  }

  /// `length` of a blob reads no more than the row's head.
  func backlog() throws -> StoreBacklog {
    let row = try fetchOne(
      "SELECT count(*), coalesce(sum(records), 0), coalesce(sum(length(batches)), 0) FROM log")
    guard let row else { return StoreBacklog() }
    let table = try Int.fetchOne(try statement("SELECT coalesce(sum(length(entries)), 0) FROM images"))
    return StoreBacklog(rows: row[0], records: row[1], bytes: row[2], table: table ?? 0)
  }

  func receiptKey() throws -> ReceiptKey {
    let table = StoreTable.receiptKey
    guard let row = try fetchOne("SELECT key, \(table.isWhole) FROM receipt_key") else {
      throw table.damage()
    }
    try table.check(row, 1)
    guard let key = ReceiptKey(bytes: row.bytes(0)) else { throw table.damage() }
    return key
  }

  // MARK: Who commands

  private static let termQuery = "SELECT term, \(StoreTable.store.isWhole) FROM store"

  func term() throws -> Term {
    guard let row = try fetchOne(Self.termQuery) else { return .none }
    try StoreTable.store.check(row, 1)
    return Term(UInt64(stored: row[0]))
  }

  func set(_ term: Term) throws {
    try execute(
      "UPDATE store SET term = ?1, checksum = row_checksum('store', id, cluster, ?1)", [term.number.stored])
  }

  private static let keyColumns = "term, identifier, key, \(StoreTable.sealingKeys.isWhole)"

  func sealingKeys() throws -> [StoredSealingKey] {
    try Row.fetchAll(try statement("SELECT \(Self.keyColumns) FROM sealing_keys")).map(sealingKey)
  }

  func sealingKey(of term: Term, identifier: UInt64) throws -> StoredSealingKey? {
    try fetchOne(
      "SELECT \(Self.keyColumns) FROM sealing_keys WHERE term = ? AND identifier = ?",
      [term.number.stored, identifier.stored]
    ).map(sealingKey)
  }

  private func sealingKey(_ row: Row) throws -> StoredSealingKey {
    try StoreTable.sealingKeys.check(row, 3)
    guard let key = SealingKey(identifier: UInt64(stored: row[1]), key: row.bytes(2)) else {
      throw StoreTable.sealingKeys.damage()
    }
    return StoredSealingKey(term: Term(UInt64(stored: row[0])), key: key)
  }

  func sealingTerms() throws -> [Term] {
    try Int64.fetchAll(try statement("SELECT DISTINCT term FROM sealing_keys"))
      .map { Term(UInt64(stored: $0)) }
  }

  func insert(_ key: StoredSealingKey) throws {
    try execute(
      StoreTable.sealingKeys.insertion,
      [key.term.number.stored, key.key.identifier.stored, Blob(key.key.key)])
  }

  func deleteSealingKeys(of term: Term) throws {
    try execute("DELETE FROM sealing_keys WHERE term = ?", [term.number.stored])
  }
}

/// The file, and who writes it and reads it.
struct SQLiteBackend: StoreBackend {
  let pool: DatabasePool

  /// A transaction that has the only right to write from its beginning (`BEGIN IMMEDIATE`).
  func write<Value>(_ body: (inout SQLiteRows) throws -> Value) throws -> Value {
    try pool.writeWithoutTransaction { database in
      var value: Value?
      try database.inTransaction(.immediate) {
        var rows = SQLiteRows(database)
        value = try body(&rows)
        return .commit
      }
      guard let value else { throw NoTransaction() }
      return value
    }
  }

  func read<Value>(_ body: (SQLiteRows) throws -> Value) throws -> Value {
    try pool.read { try body(SQLiteRows($0)) }
  }

  private struct NoTransaction: Error {}
}

extension Row {
  /// The bytes of a column, copied once. None where there is something else: the checksum has told that there is not.
  func bytes(_ index: Int) -> [UInt8] {
    (try? withUnsafeData(atIndex: index) { $0.map { [UInt8]($0) } }) ?? []
  }

  /// As SQLite holds a column.
  func storage(_ index: Int) -> DatabaseValue.Storage { (self[index] as DatabaseValue).storage }
}
