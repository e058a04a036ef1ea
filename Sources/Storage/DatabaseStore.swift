import Cluster
import GRDB
import Synchronization

/// A database's data at rest, in SQLite: terms and sealing keys, the fences, the log, and the keyed table (images of a
/// partition's entries) that the log is folded into.
///
/// Every operation blocks: call the ones that write on one thread kept for them, `contents` on others. Each
/// is one transaction that is on the disk when it returns (`synchronous = FULL`), and has changed nothing when
/// it throws.
public final class DatabaseStore: Sendable {
  let files: StoreFiles
  let pool: DatabasePool
  private let backlogCount: Mutex<BacklogCount>
  private let markState: Mutex<StoreMark>
  /// The one that is under way.
  let foldPass = Mutex<FoldPass?>(nil)
  private let fenceMemory = Mutex(FenceMemory())

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
      self.pool = pool
      backlogCount = Mutex(BacklogCount(total: try pool.read { try StoreBacklog.measured($0) }))
      markState = Mutex(try pool.read { try StoreMark.stored($0) })
    } catch {
      throw StoreError(error, path: files.databasePath)
    }
  }

  /// What of the log waits to be folded.
  public var backlog: StoreBacklog { backlogCount.withLock { $0.total - $0.stuck } }

  /// Which store this is, and how many transactions have changed it.
  public var mark: StoreMark { markState.withLock { $0 } }

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
    try reading { database in
      let term = try Self.term(database)
      let table = StoreTable.sealingKeys
      let rows = try Row.fetchAll(
        database, sql: "SELECT term, identifier, key, \(table.isWhole) FROM sealing_keys")
      let keys = try rows.map { row in
        try table.check(row, 3)
        guard let key = SealingKey(identifier: UInt64(stored: row[1]), key: [UInt8](row[2] as Blob)) else {
          throw StoreError.damaged(path: self.path, detail: "a sealing key of a wrong length")
        }
        return StoredSealingKey(term: Term(UInt64(stored: row[0])), key: key)
      }
      return StoreStanding(
        term: term, keys: keys.sorted { ($0.term, $0.key.identifier) < ($1.term, $1.key.identifier) },
        receiptKey: try ReceiptKey.stored(database))
    }
  }

  /// Performs what a database's core asks for.
  public func perform(_ job: StoreJob) throws(StoreError) -> StoreJobResult {
    switch job {
    case .raiseTerm(let term): return .termRaised(try raiseTerm(to: term))
    case .storeKey(let key): return .keyStored(try store(key))
    case .open(let opening): return .opened(try open(opening))
    case .readFences: return .fences(try fences())
    case .append(let groups): return .appended(try append(groups))
    case .fold:
      try fold()
      return .folded
    case .advance(let commit):
      try advance(to: commit)
      return .advanced
    }
  }

  /// Counts on from there, if that is more than was counted.
  private func advance(to commit: UInt64) throws(StoreError) {
    let advanced = StoreMark(identity: mark.identity, commit: max(mark.commit, commit))
    try writing(isCounted: false) { try advanced.store($0) }
    markState.withLock { $0 = advanced }
  }

  /// Stores a term unless it is lower than the one that is stored.
  /// - Returns: the term that is stored now.
  public func raiseTerm(to term: Term) throws(StoreError) -> Term {
    try writing { database in
      let stored = try Self.term(database)
      guard term > stored else { return stored }
      try Self.set(term, database)
      return term
    }
  }

  /// Stores a sealing key of a term, and raises the stored term to it: a key comes from a commander whose
  /// office the KDC vouched for. Keys of other terms than this and the one before are deleted.
  public func store(_ stored: StoredSealingKey) throws(StoreError) -> KeyStorage {
    let (term, key) = (stored.term, stored.key)
    return try writing { database in
      let stored = try Self.term(database)
      guard term >= stored else { return .oldTerm(stored: stored) }
      let known = try Blob.fetchOne(
        database, sql: "SELECT key FROM sealing_keys WHERE term = ? AND identifier = ?",
        arguments: [term.number.stored, key.identifier.stored])
      if let known { return [UInt8](known) == key.key ? .stored : .conflict }
      if term > stored { try Self.set(term, database) }
      // A commander draws one key for its term; what comes after it takes the place of the one before.
      try database.execute(
        sql: "DELETE FROM sealing_keys WHERE term = ?", arguments: [term.number.stored])
      try database.execute(
        sql: StoreTable.sealingKeys.insertion,
        arguments: [term.number.stored, key.identifier.stored, Blob(key.key)])
      try Self.dropOldKeys(database, current: term)
      return .stored
    }
  }

  /// Terms are unsigned and SQLite's numbers are not, so the terms to keep are chosen here.
  private static func dropOldKeys(_ database: Database, current: Term) throws {
    let terms = try Int64.fetchAll(database, sql: "SELECT DISTINCT term FROM sealing_keys")
    let kept = terms.map(UInt64.init(stored:)).filter { $0 < current.number }.max() ?? current.number
    for term in terms where UInt64(stored: term) < kept {
      try database.execute(sql: "DELETE FROM sealing_keys WHERE term = ?", arguments: [term])
    }
  }

  private static let termQuery = "SELECT term, \(StoreTable.store.isWhole) FROM store"

  static func term(_ database: Database) throws -> Term {
    let statement = try database.cachedStatement(sql: termQuery)
    guard let row = try Row.fetchOne(statement) else { return .none }
    try StoreTable.store.check(row, 1)
    return Term(UInt64(stored: row[0]))
  }

  private static func set(_ term: Term, _ database: Database) throws {
    try database.execute(
      sql: "UPDATE store SET term = ?1, checksum = row_checksum('store', id, cluster, ?1)",
      arguments: [term.number.stored])
  }

  // MARK: Transactions

  /// Runs a transaction that has the only right to write from its beginning (`BEGIN IMMEDIATE`).
  /// - Parameter isCounted: whether it changes what the store says, and not only where it has it.
  func writing<Value>(isCounted: Bool = true, _ body: (Database) throws -> Value) throws(StoreError) -> Value
  {
    try fencing(isCounted: isCounted) { database, _ in try body(database) }
  }

  /// The same, of a body that reads fences and changes them. What it has changed of them is written behind it.
  func fencing<Value>(
    isCounted: Bool = true, _ body: (Database, inout FenceTable) throws -> Value
  ) throws(StoreError) -> Value {
    do {
      return try pool.writeWithoutTransaction { database in
        var value: Value?
        var mark = self.mark
        var fences = FenceTable()
        try database.inTransaction(.immediate) {
          fences = try fenceMemory.withLock { try $0.take(database) }
          let changes = database.totalChangesCount
          value = try body(database, &fences)
          try fences.store(database)
          if isCounted, database.totalChangesCount != changes {
            mark = mark.next
            try mark.store(database)
          }
          return .commit
        }
        fenceMemory.withLock { $0.put(fences, database) }
        markState.withLock { $0 = mark }
        guard let value else { throw StoreError.failed(path: path, detail: "no transaction was run") }
        return value
      }
    } catch {
      throw StoreError(error, path: path)
    }
  }

  /// Runs reads of one snapshot.
  func reading<Value>(_ body: (Database) throws -> Value) throws(StoreError) -> Value {
    do {
      return try pool.read(body)
    } catch {
      throw StoreError(error, path: path)
    }
  }

  func count(_ change: (inout BacklogCount) -> Void) { backlogCount.withLock { change(&$0) } }
}
