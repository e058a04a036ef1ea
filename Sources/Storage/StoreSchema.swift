import Cluster
import GRDB

/// The tables, and how an older file becomes a newer one.
///
/// Unsigned 64-bit numbers are stored as the signed ones of the same bits and compared in Swift only; sequence
/// numbers never exceed `Int64.max` and are ordered by SQLite too.
enum StoreSchema {
  /// ‘KeyV’, by which a file is known to be ours.
  static let applicationIdentifier: Int32 = 0x4b65_7956
  static var version: Int { migrations.count }

  /// Statements that lead from each version to the next; a released one is never changed.
  static let migrations: [String] = [
    """
    CREATE TABLE store (
      id INTEGER PRIMARY KEY CHECK (id = 1), cluster TEXT NOT NULL, term INTEGER NOT NULL) STRICT;
    CREATE TABLE sealing_keys (
      term INTEGER NOT NULL, identifier INTEGER NOT NULL, key BLOB NOT NULL,
      PRIMARY KEY (term, identifier)) STRICT, WITHOUT ROWID;
    CREATE TABLE partitions (
      partition INTEGER PRIMARY KEY, term INTEGER NOT NULL, counter INTEGER NOT NULL, holder TEXT NOT NULL,
      incarnation INTEGER NOT NULL, base INTEGER NOT NULL, sequence INTEGER NOT NULL, list BLOB NOT NULL,
      origin_term INTEGER NOT NULL, origin_counter INTEGER NOT NULL) STRICT;
    CREATE TABLE log (
      number INTEGER PRIMARY KEY, partitions BLOB NOT NULL, records INTEGER NOT NULL,
      batches BLOB NOT NULL) STRICT;
    CREATE TABLE entries (
      partition INTEGER NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, term INTEGER NOT NULL,
      counter INTEGER NOT NULL, sequence INTEGER NOT NULL,
      PRIMARY KEY (partition, key)) STRICT, WITHOUT ROWID;
    CREATE TABLE outcomes (
      partition INTEGER NOT NULL, sequence INTEGER NOT NULL, high INTEGER NOT NULL, low INTEGER NOT NULL,
      write INTEGER NOT NULL, existed INTEGER NOT NULL,
      PRIMARY KEY (partition, sequence)) STRICT, WITHOUT ROWID;
    CREATE TABLE forgotten (
      partition INTEGER NOT NULL, high INTEGER NOT NULL, low INTEGER NOT NULL, write INTEGER NOT NULL,
      sequence INTEGER NOT NULL, PRIMARY KEY (partition, high, low)) STRICT, WITHOUT ROWID;
    """,
    // Outcomes in runs. Those of the old table are remembered as dropped ones are: their retry is told that nobody
    // knows. Numbers of writes are unsigned, so a negative one is higher than every other.
    """
    CREATE TABLE outcome_runs (
      partition INTEGER NOT NULL, last INTEGER NOT NULL, outcomes BLOB NOT NULL,
      PRIMARY KEY (partition, last)) STRICT, WITHOUT ROWID;
    INSERT INTO forgotten (partition, high, low, write, sequence)
      SELECT partition, high, low,
        coalesce(max(CASE WHEN write < 0 THEN write END), max(write)), max(sequence)
      FROM outcomes WHERE true GROUP BY partition, high, low
      ON CONFLICT (partition, high, low) DO UPDATE SET
        write = CASE WHEN (write < 0) = (excluded.write < 0) THEN max(write, excluded.write)
          ELSE min(write, excluded.write) END,
        sequence = max(sequence, excluded.sequence);
    DROP TABLE outcomes;
    """,
    // Each row has a checksum. Before, nothing was known of what a disk has changed.
    StoreTable.unsummed.map(\.migration).joined(separator: "\n"),
    // Which store this is, and how many transactions have changed it.
    """
    CREATE TABLE progress (
      id INTEGER PRIMARY KEY CHECK (id = 1), identity BLOB NOT NULL, commit_number INTEGER NOT NULL,
      checksum INTEGER NOT NULL) STRICT;
    """,
    // By what it knows again what it has told drones.
    """
    CREATE TABLE receipt_key (
      id INTEGER PRIMARY KEY CHECK (id = 1), key BLOB NOT NULL, checksum INTEGER NOT NULL) STRICT;
    """,
    // How far partitions are written. What there is none for here is in the partition's own row.
    """
    CREATE TABLE heads (
      number INTEGER PRIMARY KEY, sequences BLOB NOT NULL, checksum INTEGER NOT NULL) STRICT;
    """,
    // Entries in images, how far the log is in them, and what is remembered of dropped writes in one row a partition.
    // What the old tables have is moved before the next version.
    """
    CREATE TABLE images (
      partition INTEGER NOT NULL, first BLOB NOT NULL, generation INTEGER NOT NULL, count INTEGER NOT NULL,
      entries BLOB NOT NULL, checksum INTEGER NOT NULL, PRIMARY KEY (partition, first)) STRICT, WITHOUT ROWID;
    CREATE TABLE folded (
      partition INTEGER PRIMARY KEY, sequence INTEGER NOT NULL, checksum INTEGER NOT NULL) STRICT;
    CREATE TABLE forgotten_clients (
      partition INTEGER PRIMARY KEY, clients BLOB NOT NULL, checksum INTEGER NOT NULL) STRICT;
    """,
    // It has been moved. What is left in the tables `entries` and `forgotten` could not be read.
    "",
  ]

  /// The version in which there may be something in the old tables.
  private static let conversion = 7

  /// Creates or upgrades the tables, and makes sure that the file is this cluster's. All of it is one transaction, but
  /// for what a store of before there were images has in its old tables: it is moved in many, which go on where they ended.
  static func prepare(_ database: Database, cluster: String, path: String) throws {
    let version = try Int.fetchOne(database, sql: "PRAGMA user_version") ?? 0
    if (1...conversion).contains(version) {
      try database.inTransaction(.immediate) {
        try SchemaMigration.run(
          migrations, through: conversion, of: applicationIdentifier, on: database, path: path)
        try claim(database, cluster: cluster, path: path)
        return .commit
      }
      try OldTables.convert(database)
    }
    try database.inTransaction(.immediate) {
      try SchemaMigration.run(migrations, of: applicationIdentifier, on: database, path: path)
      try claim(database, cluster: cluster, path: path)
      try identify(database)
      return .commit
    }
  }

  private static func claim(_ database: Database, cluster: String, path: String) throws {
    guard let found = try String.fetchOne(database, sql: "SELECT cluster FROM store") else {
      try database.execute(sql: StoreTable.store.insertion, arguments: [1, cluster, 0])
      return
    }
    guard found == cluster else {
      throw StoreError.otherCluster(path: path, found: found, expected: cluster)
    }
  }
}

extension StoreSchema {
  /// A new store, and one of before stores had identities, gets its own.
  private static func identify(_ database: Database) throws {
    var random = SystemRandomNumberGenerator()
    if try Int.fetchOne(database, sql: "SELECT count(*) FROM progress") == 0 {
      let identity = StoreIdentity(high: random.next(), low: random.next())
      try database.execute(sql: StoreTable.progress.insertion, arguments: [1, Blob(identity.bytes), 0])
    }
    if try Int.fetchOne(database, sql: "SELECT count(*) FROM receipt_key") == 0 {
      try database.execute(
        sql: StoreTable.receiptKey.insertion, arguments: [1, Blob(ReceiptKey.drawnBytes())])
    }
  }
}

/// The signed number of the same bits, as columns hold it.
extension UInt64 {
  var stored: Int64 { Int64(bitPattern: self) }
  init(stored: Int64) { self.init(bitPattern: stored) }
}
