import GRDB

/// Brings the tables of a file up to date, whichever kind of file it is.
enum SchemaMigration {
  /// To be called in a transaction.
  ///
  /// - Parameters:
  ///   - migrations: statements that lead from each version to the next.
  ///   - through: the version that it leads to; nil for the last.
  ///   - kind: SQLite's application identifier, by which a file is known.
  /// - Throws: `StoreError.foreign` when the file is of another kind, `StoreError.newer` when a later program has
  ///   changed it.
  static func run(
    _ migrations: [String], through: Int? = nil, of kind: Int32, on database: Database, path: String
  ) throws {
    let identifier = try Int32.fetchOne(database, sql: "PRAGMA application_id") ?? 0
    let found = try Int.fetchOne(database, sql: "PRAGMA user_version") ?? 0
    if identifier != kind {
      let tables = try Int.fetchOne(database, sql: "SELECT count(*) FROM sqlite_schema") ?? 0
      guard identifier == 0, found == 0, tables == 0 else { throw StoreError.foreign(path: path) }
    }
    guard (0...migrations.count).contains(found) else {
      throw StoreError.newer(path: path, version: found, supported: migrations.count)
    }
    let wanted = through ?? migrations.count
    if found < wanted {
      for migration in migrations[found..<wanted] { try database.execute(sql: migration) }
      try database.execute(sql: "PRAGMA application_id = \(kind)")
      try database.execute(sql: "PRAGMA user_version = \(wanted)")
    }
  }
}
