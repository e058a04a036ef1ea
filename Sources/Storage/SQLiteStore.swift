import Cluster
import GRDB
import StoreRules
import Synchronization

/// A database's data at rest, in SQLite: terms and sealing keys, the fences, the log, and the keyed table (images of a
/// partition's entries) that the log is folded into.
///
/// Every operation blocks: call the ones that write on one thread kept for them, `contents` on others. Each
/// is one transaction that is on the disk when it returns (`synchronous = FULL`), and has changed nothing when
/// it throws.
public final class SQLiteStore: Store {
  let files: StoreFiles
  let backend: SQLiteBackend
  var pool: DatabasePool { backend.pool }
  /// Held by who writes, from the beginning of a transaction to its end.
  private let books: Mutex<StoreBooks>
  private let rules = StoreRules()
  /// Where the scrub goes on.
  let scrubPlace = Mutex(ScrubPlace())

  public var path: String { files.databasePath }

  /// Opens the store in a directory, creating both when they are missing.
  /// - Parameters:
  ///   - cluster: must be the one that the store was created for.
  ///   - readers: how many `contents` may run at a time.
  ///   - maximumPages: the size in pages of 4 KiB beyond which the file does not grow; nil for as large as the
  ///     disk has room.
  /// - Throws: `StoreError`, every case but `fenced` and `cancelled`.
  public init(
    directory: String, cluster: String, readers: Int = 4, maximumPages: Int? = nil
  ) throws(StoreError) {
    let files = try StoreFiles(directory: directory)
    var configuration = Configuration()
    configuration.maximumReaderCount = max(1, readers)
    configuration.label = "keyval.store"
    configuration.prepareDatabase(StoreTable.addChecksum)
    do {
      let pool = try DatabasePool(path: files.databasePath, configuration: configuration)
      // The pool has set NORMAL on its way into WAL mode: then a commit could be lost with the power.
      try pool.writeWithoutTransaction { database in
        try database.execute(sql: "PRAGMA synchronous = FULL")
        // A fold rewrites so much in a transaction; what does not fit in the cache is written twice.
        try database.execute(sql: "PRAGMA cache_size = -16384")
        // Distributions have SQLite overwrite each page that it frees, and so write all that is folded once more. It never
        // was a promise: the write-ahead log has the same bytes for longer. Within a page they are still overwritten.
        try database.execute(sql: "PRAGMA secure_delete = FAST")
        if let maximumPages { try database.execute(sql: "PRAGMA max_page_count = \(maximumPages)") }
        try StoreSchema.prepare(database, cluster: cluster, path: files.databasePath)
      }
      self.files = files
      backend = SQLiteBackend(pool: pool)
      let rules = rules
      books = Mutex(try backend.read { try StoreBooks(of: $0, rules: rules) })
    } catch {
      throw StoreError(error, path: files.databasePath)
    }
  }

  /// What of the log waits to be folded.
  public var backlog: StoreBacklog { books.withLock { $0.backlog } }

  /// Which store this is, and how many transactions have changed it.
  public var mark: StoreMark { books.withLock { $0.mark } }

  /// Moves the write-ahead log into the file, so that the file alone is all of it, closes, and lets
  /// others have it; the store is of no use afterwards. Nothing depends on it: a process may end without.
  public func close() throws(StoreError) {
    do {
      _ = try pool.writeWithoutTransaction { try $0.checkpoint(.truncate) }
      try pool.close()
      files.unlock()
    } catch {
      throw StoreError(error, path: path)
    }
  }

  /// The highest term that was stored, and the sealing keys of the current and the previous term, in order of
  /// term and identifier.
  public func standing() throws(StoreError) -> StoreStanding {
    try reading { _, rows in
      StoreStanding(
        term: try rows.term(),
        keys: try rows.sealingKeys().sorted { ($0.term, $0.key.identifier) < ($1.term, $1.key.identifier) },
        receiptKey: try rows.receiptKey())
    }
  }

  /// Performs what a database's core asks for.
  public func perform(_ job: StoreJob) throws(StoreError) -> StoreJobResult {
    try withBooks { try $0.perform(job, on: $1) }
  }

  // MARK: Transactions

  /// Runs a transaction of the rules.
  func transact<Value: Sendable>(
    _ body: (StoreRules, inout FenceTable, inout SQLiteRows) throws -> Value
  ) throws(StoreError) -> Value {
    try withBooks { try $0.transact(on: $1, body) }
  }

  func withBooks<Value: Sendable>(
    _ body: (inout StoreBooks, SQLiteBackend) throws -> Value
  ) throws(StoreError) -> Value {
    do {
      return try books.withLock { try body(&$0, backend) }
    } catch {
      throw StoreError(error, path: path)
    }
  }

  /// Runs reads of one snapshot.
  func reading<Value>(_ body: (StoreRules, SQLiteRows) throws -> Value) throws(StoreError) -> Value {
    do {
      return try backend.read { try body(rules, $0) }
    } catch {
      throw StoreError(error, path: path)
    }
  }
}
