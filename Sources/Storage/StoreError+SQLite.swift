import GRDB
import StoreRules

extension StoreError {
  /// Translates what SQLite, the rules or a decoder threw; SQL arguments never get into the sentence.
  ///
  /// What is not known here is no damage: it is tried again, and whoever reads the log decides.
  init(_ error: any Error, path: String) {
    switch error {
    case let error as StoreError: self = error
    case ReadingEnd.fenced(let partition, let token): self = .fenced(partition, by: token)
    case ReadingEnd.cancelled: self = .cancelled
    case let error as RowDamage:
      self = .rowDamaged(path: path, table: error.table, partition: error.partition)
    case let error as DatabaseError: self.init(sqlite: error, path: path)
    // It would name the row and what is in it.
    case is RowDecodingError:
      self = .damaged(path: path, detail: "a column holds something that never belongs there")
    default: self = .failed(path: path, detail: "an error of the kind \(type(of: error))")
    }
  }

  private init(sqlite error: DatabaseError, path: String) {
    let detail =
      "\(error.message ?? "no sentence"), SQLite's code \(error.extendedResultCode.rawValue)"
    switch error.extendedResultCode {
    case .SQLITE_IOERR_FSYNC, .SQLITE_IOERR_DIR_FSYNC:
      self = .unconfirmed(path: path, detail: detail)
    case .SQLITE_IOERR_NOMEM: self = .interrupted(path: path, detail: detail)
    case .SQLITE_IOERR_LOCK, .SQLITE_IOERR_RDLOCK, .SQLITE_IOERR_BLOCKED,
      .SQLITE_IOERR_CHECKRESERVEDLOCK, .SQLITE_IOERR_SHMLOCK:
      self = .locked(path: path, detail: detail)
    case .SQLITE_READONLY_DBMOVED: self = .replaced(path: path)
    default: self.init(primary: error.resultCode, path: path, detail)
    }
  }

  private init(primary code: ResultCode, path: String, _ detail: String) {
    switch code {
    case .SQLITE_BUSY, .SQLITE_LOCKED, .SQLITE_PROTOCOL: self = .locked(path: path, detail: detail)
    case .SQLITE_NOMEM, .SQLITE_INTERRUPT, .SQLITE_ABORT, .SQLITE_SCHEMA:
      self = .interrupted(path: path, detail: detail)
    case .SQLITE_FULL: self = .full(path: path)
    case .SQLITE_CORRUPT, .SQLITE_NOTADB, .SQLITE_FORMAT: self = .damaged(path: path, detail: detail)
    case .SQLITE_CANTOPEN, .SQLITE_PERM, .SQLITE_READONLY, .SQLITE_AUTH:
      self = .inaccessible(path: path, detail: detail)
    case .SQLITE_IOERR: self = .unreliable(path: path, detail: detail)
    default: self = .failed(path: path, detail: detail)
    }
  }
}
