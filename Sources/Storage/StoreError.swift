import Cluster
import GRDB

/// Why the store did not do what it was asked to; nothing of the operation is stored.
public enum StoreError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The file is not a readable SQLite database any more.
  case damaged(path: String, detail: String)
  /// A database, but not one of ours.
  case foreign(path: String)
  case newer(path: String, version: Int, supported: Int)
  case otherCluster(path: String, found: String, expected: String)
  /// Others than the owner may read or write it; it holds sealing keys and everybody's data.
  case exposed(path: String, mode: UInt32)
  case inUse(path: String)
  /// The disk, or the file's permitted size, is full.
  case full(path: String)
  /// It cannot be created or opened.
  case inaccessible(path: String, detail: String)
  case failed(path: String, detail: String)
  /// The partition went to a higher token while it was being read.
  case fenced(Partition, by: FencingToken)
  /// The receiver of the contents wants no more of them.
  case cancelled

  public var description: String {
    switch self {
    case .damaged(let path, let detail):
      "the store ‘\(path)’ is damaged (\(detail)); restore it from a backup"
    case .foreign(let path):
      "‘\(path)’ is not a store of Keyval; name another directory, or move the file away"
    case .newer(let path, let version, let supported):
      "the store ‘\(path)’ has schema version \(version), written by a newer Keyval; this one knows up to "
        + "\(supported): run the newer version"
    case .otherCluster(let path, let found, let expected):
      "the store ‘\(path)’ belongs to the cluster ‘\(found)’, not to ‘\(expected)’; correct the "
        + "configuration's cluster or directory"
    case .exposed(let path, let mode):
      "‘\(path)’ has mode \(String(mode, radix: 8)) and others may get at it; run chmod go= on it"
    case .inUse(let path): "another process has the store ‘\(path)’ open; stop that one first"
    case .full(let path): "no room is left for the store ‘\(path)’; free some disk space"
    case .inaccessible(let path, let detail): "the store ‘\(path)’ cannot be opened: \(detail)"
    case .failed(let path, let detail): "the store ‘\(path)’ failed: \(detail)"
    case .fenced(let partition, let token):
      "partition \(partition) has since been opened under token \(token)"
    case .cancelled: "the receiver wants no more"
    }
  }

  /// Whether the file itself is of no use any more, so that going on would help nobody.
  public var isFatal: Bool {
    switch self {
    case .damaged, .foreign, .newer: true
    default: false
    }
  }

  /// Translates what SQLite or a decoder threw; SQL arguments never get into the sentence.
  init(_ error: any Error, path: String) {
    switch error {
    case let error as StoreError: self = error
    case let error as DatabaseError:
      let detail = error.message ?? "SQLite error \(error.extendedResultCode.rawValue)"
      switch error.resultCode {
      case .SQLITE_FULL: self = .full(path: path)
      case .SQLITE_CORRUPT, .SQLITE_NOTADB: self = .damaged(path: path, detail: detail)
      case .SQLITE_CANTOPEN, .SQLITE_PERM, .SQLITE_READONLY, .SQLITE_AUTH:
        self = .inaccessible(path: path, detail: detail)
      default: self = .failed(path: path, detail: detail)
      }
    default: self = .damaged(path: path, detail: "\(error)")
    }
  }
}
