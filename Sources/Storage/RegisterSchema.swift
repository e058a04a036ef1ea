import GRDB

/// The register's tables.
enum RegisterSchema {
  /// ‘KeyA’, by which a file is known to be a register.
  static let applicationIdentifier: Int32 = 0x4b65_7941

  /// Statements that lead from each version to the next; a released one is never changed.
  private static let migrations: [String] = [
    """
    CREATE TABLE office (
      id INTEGER PRIMARY KEY CHECK (id = 1), cluster TEXT NOT NULL, revision INTEGER NOT NULL,
      term INTEGER NOT NULL, state INTEGER NOT NULL, winner TEXT, key BLOB, certificate BLOB,
      issued_at INTEGER) STRICT;
    CREATE TABLE nodes (
      principal TEXT PRIMARY KEY, address TEXT NOT NULL, expiry_cleared INTEGER NOT NULL)
      STRICT, WITHOUT ROWID;
    """,
    // The access list that was read last: its number, and by what it is known.
    """
    CREATE TABLE access (
      id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL, digest BLOB NOT NULL) STRICT;
    """,
    // Which of the authority's processes is active; without a holder, none.
    """
    CREATE TABLE tenure (
      id INTEGER PRIMARY KEY CHECK (id = 1), holder INTEGER, counter INTEGER NOT NULL) STRICT;
    INSERT INTO tenure (id, holder, counter) VALUES (1, NULL, 0);
    """,
    // Who was there before versions were counted has been a member since version 1. A commander of that time
    // does not speak the protocol of today, so none of them is in office who might count fewer.
    """
    CREATE TABLE membership (
      version INTEGER NOT NULL, principal TEXT NOT NULL, change INTEGER NOT NULL,
      PRIMARY KEY (version, principal)) STRICT, WITHOUT ROWID;
    CREATE TABLE revoked (principal TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
    ALTER TABLE office ADD COLUMN counted INTEGER NOT NULL DEFAULT 0;
    INSERT INTO membership SELECT 1, principal, 1 FROM nodes;
    UPDATE office SET counted = (SELECT count(*) > 0 FROM nodes);
    """,
    // The store of each database, by its identity and the highest number of a transaction that it was known to have.
    """
    CREATE TABLE stores (
      database TEXT PRIMARY KEY, identity BLOB NOT NULL, commit_number INTEGER NOT NULL, seen_at INTEGER NOT NULL)
      STRICT, WITHOUT ROWID;
    """,
  ]

  /// Creates or upgrades the tables in one transaction, and makes sure that the file is this cluster's.
  static func prepare(_ database: Database, cluster: String, path: String) throws {
    try database.inTransaction(.immediate) {
      try SchemaMigration.run(migrations, of: applicationIdentifier, on: database, path: path)
      guard let owner = try String.fetchOne(database, sql: "SELECT cluster FROM office") else {
        try database.execute(
          sql: "INSERT INTO office (id, cluster, revision, term, state) VALUES (1, ?, 0, 0, 0)",
          arguments: [cluster])
        return .commit
      }
      guard owner == cluster else {
        throw StoreError.otherCluster(path: path, found: owner, expected: cluster)
      }
      return .commit
    }
  }
}
