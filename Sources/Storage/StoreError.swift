import Cluster
import GRDB
import Glibc
import LocalTrust
import StoreRules

/// Why the store did not do what it was asked to; nothing of the operation is stored.
public enum StoreError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The file is not a readable SQLite database any more.
  case damaged(path: String, detail: String)
  /// A row is not as it was written: something has changed bits of it. Others can be read all the same.
  case rowDamaged(path: String, table: String, partition: Int64?)
  /// A database, but not one of ours.
  case foreign(path: String)
  case newer(path: String, version: Int, supported: Int)
  case otherCluster(path: String, found: String, expected: String)
  /// Others than the owner may read or write it; it holds sealing keys and everybody's data.
  case exposed(path: String, mode: UInt32)
  /// It, or a folder on the way to it, is in somebody else's hands, who could put another store in its place.
  case untrusted(path: String, problem: String, remedy: String)
  case inUse(path: String)
  /// The disk, or the file's permitted size, is full.
  case full(path: String)
  /// It cannot be created or opened.
  case inaccessible(path: String, detail: String)
  case failed(path: String, detail: String)
  /// The disk did not confirm a flush. What the kernel then holds is anybody's guess, and a second flush may
  /// succeed without having written it: only a restart reads what is really there.
  case unconfirmed(path: String, detail: String)
  /// Another authority has taken over the register.
  case superseded(path: String)
  /// The partition went to a higher token while it was being read.
  case fenced(Partition, by: FencingToken)
  /// The receiver of the contents wants no more of them.
  case cancelled

  public var description: String {
    let end = remedy.isEmpty ? "" : "; \(remedy)"
    return path.map { "the store ‘\($0)’ \(problem)\(end)" } ?? problem + end
  }

  /// The file that it is about, if it is about one.
  public var path: String? {
    switch self {
    case .damaged(let path, _), .rowDamaged(let path, _, _), .foreign(let path), .newer(let path, _, _),
      .otherCluster(let path, _, _),
      .exposed(let path, _), .inUse(let path), .full(let path), .inaccessible(let path, _),
      .untrusted(let path, _, _), .failed(let path, _), .unconfirmed(let path, _), .superseded(let path):
      path
    case .fenced, .cancelled: nil
    }
  }

  /// What is wrong with it.
  public var problem: String {
    switch self {
    case .damaged(_, let detail): "is damaged (\(detail))"
    case .rowDamaged(_, let table, let partition):
      "has a row of the table ‘\(table)’" + (partition.map { ", of partition \($0)," } ?? "")
        + " that is not as it was written: its checksum differs"
    case .foreign: "is a database, but not one of Keyval's"
    case .newer(_, let version, let supported):
      "has schema version \(version) of a newer Keyval, and this one knows up to \(supported)"
    case .otherCluster(_, let found, let expected):
      "belongs to the cluster ‘\(found)’, not to ‘\(expected)’"
    case .exposed(_, let mode): "has mode \(String(mode, radix: 8)): others may get at it"
    case .untrusted(_, let problem, _): problem
    case .inUse: "is in use by another process"
    case .full: "has no room left"
    case .inaccessible(_, let detail): "cannot be opened: \(detail)"
    case .failed(_, let detail): "failed: \(detail)"
    case .unconfirmed(_, let detail): "could not be flushed to the disk: \(detail)"
    case .superseded: "is kept by another authority by now"
    case .fenced(let partition, let token):
      "partition \(partition) has since been opened under token \(token)"
    case .cancelled: "the receiver wants no more"
    }
  }

  /// What is told to whoever waits for it, a drone or an administrator: neither the file nor what the disk or SQLite said,
  /// which are in the log of the node whose store it is.
  public var told: String {
    switch self {
    case .fenced, .cancelled, .superseded: problem
    case .full: "no room is left on its disk"
    case .damaged, .rowDamaged, .foreign, .newer, .otherCluster, .exposed, .untrusted, .inUse, .inaccessible,
      .failed, .unconfirmed:
      "its store failed; its log has the reason"
    }
  }

  /// What to do about it; empty when there is nothing but to try again.
  public var remedy: String {
    switch self {
    case .damaged: "restore it from a backup"
    case .rowDamaged: "check the disk; what the row had is to be restored from a backup"
    case .foreign: "name another directory, or move the file away"
    case .newer: "run the newer version"
    case .otherCluster: "correct the configuration's cluster or directory"
    case .exposed(let path, _): "type: chmod go= \(path)"
    case .untrusted(_, _, let remedy): remedy
    case .inUse: "stop the other process first"
    case .full: "free some disk space"
    case .inaccessible: "make it readable and writable for this user"
    case .unconfirmed: "check the disk, then start again: what was acknowledged is there"
    case .failed, .superseded, .fenced, .cancelled: ""
    }
  }

  init(_ error: TrustError) {
    switch error.fault {
    case .readable(let mode) where error.step == error.path: self = .exposed(path: error.path, mode: mode)
    case .unreachable(let code):
      self = .inaccessible(path: error.path, detail: String(cString: strerror(code)))
    default: self = .untrusted(path: error.path, problem: error.problem, remedy: error.remedy)
    }
  }

  /// Whether going on with this file as it is open now would help nobody.
  public var isFatal: Bool {
    switch self {
    case .damaged, .foreign, .newer, .unconfirmed: true
    default: false
    }
  }

  /// Translates what SQLite or a decoder threw; SQL arguments never get into the sentence.
  init(_ error: any Error, path: String) {
    switch error {
    case let error as StoreError: self = error
    case ReadingEnd.fenced(let partition, let token): self = .fenced(partition, by: token)
    case ReadingEnd.cancelled: self = .cancelled
    case let error as RowDamage:
      self = .rowDamaged(path: path, table: error.table, partition: error.partition)
    case let error as DatabaseError:
      let flushes: [ResultCode] = [.SQLITE_IOERR_FSYNC, .SQLITE_IOERR_DIR_FSYNC]
      let detail = error.message ?? "SQLite error \(error.extendedResultCode.rawValue)"
      switch error.resultCode {
      case .SQLITE_FULL: self = .full(path: path)
      case .SQLITE_CORRUPT, .SQLITE_NOTADB: self = .damaged(path: path, detail: detail)
      case .SQLITE_CANTOPEN, .SQLITE_PERM, .SQLITE_READONLY, .SQLITE_AUTH:
        self = .inaccessible(path: path, detail: detail)
      case .SQLITE_IOERR where flushes.contains(error.extendedResultCode):
        self = .unconfirmed(path: path, detail: detail)
      default: self = .failed(path: path, detail: detail)
      }
    // It would name the row and what is in it.
    case is RowDecodingError:
      self = .damaged(path: path, detail: "a column holds something that never belongs there")
    default: self = .damaged(path: path, detail: "\(error)")
    }
  }
}
