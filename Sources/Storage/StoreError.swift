import Cluster
import Glibc
import LocalTrust

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
  /// Another process has locked it.
  case locked(path: String, detail: String)
  /// There was no memory, or something came in between: nothing is wrong with the file.
  case interrupted(path: String, detail: String)
  /// The disk did not read or write what it was asked to.
  case unreliable(path: String, detail: String)
  /// Another file is in its place, or none: what was written now would be gone with the process.
  case replaced(path: String)
  /// It cannot be created or opened.
  case inaccessible(path: String, detail: String)
  /// Nobody knows why.
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
      .locked(let path, _), .interrupted(let path, _), .unreliable(let path, _), .replaced(let path),
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
    case .locked(_, let detail): "is locked by another process: \(detail)"
    case .interrupted(_, let detail): "could not do it just now: \(detail)"
    case .unreliable(_, let detail): "cannot be read or written: \(detail)"
    case .replaced: "is not in its place any more: it was moved or removed while it was open"
    case .inaccessible(_, let detail): "cannot be opened or written: \(detail)"
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
    case .full: "no room is left on its disk; it goes on by itself when there is"
    case .locked, .interrupted: "its store is held up; it goes on by itself"
    case .unreliable, .inaccessible, .failed:
      "its store fails; its log has the reason, and it goes on by itself when that is mended"
    case .rowDamaged: "a part of its store cannot be read; its log has the reason"
    case .damaged, .foreign, .newer, .otherCluster, .exposed, .untrusted, .inUse, .unconfirmed, .replaced:
      "its store cannot be used, and it ends; its log has the reason"
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
    case .locked: "end the program that has it open"
    case .unreliable: "check the disk"
    case .replaced: "put it back, then start again"
    case .inaccessible: "make it readable and writable for this user"
    case .unconfirmed: "check the disk, then start again: what was acknowledged is there"
    case .interrupted, .failed, .superseded, .fenced, .cancelled: ""
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

  /// What it asks of whoever uses the store.
  public var trouble: StoreTrouble {
    switch self {
    case .locked, .interrupted: .passing
    case .full, .unreliable, .inaccessible, .failed, .exposed, .untrusted, .inUse: .waiting
    case .rowDamaged, .superseded, .fenced, .cancelled: .partial
    case .damaged, .foreign, .newer, .otherCluster, .unconfirmed, .replaced: .final
    }
  }

  /// The same, and what is told of it.
  public var failure: StoreFailure { StoreFailure(trouble, told: told) }
}
