import Cluster
import Glibc

/// The operator's access list on disk: read at the start, and looked at again from time to time.
struct AccessListFile: Sendable {
  /// By what a change of the file is noticed without reading it.
  struct Stamp: Hashable, Sendable {
    let device: UInt64
    let inode: UInt64
    let size: Int64
    let modified: Int64
    let changed: Int64
    /// The clock of a file system ticks slowly: a right that was given within a tick is a change, too.
    let mode: UInt32
    let owner: UInt32
  }

  static let key = "access"

  let path: String

  /// Nil when there is no such file.
  var stamp: Stamp? {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    func nanoseconds(_ time: timespec) -> Int64 { Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec) }
    return Stamp(
      device: UInt64(status.st_dev), inode: UInt64(status.st_ino), size: Int64(status.st_size),
      modified: nanoseconds(status.st_mtim), changed: nanoseconds(status.st_ctim),
      mode: status.st_mode, owner: status.st_uid)
  }

  /// The text, once it is known to be a list and nobody but root and this user can have written it.
  /// - Throws: `NodeError.unusableFile`, with the line and column of a mistake.
  func read() throws(NodeError) -> [UInt8] {
    let text = try NodeFiles.contents(of: path, key: Self.key, maximum: AccessList.maximumLength)
    do throws(AccessListError) {
      _ = try AccessList(parsing: text)
    } catch {
      throw .unusableFile(
        path: path, key: Self.key,
        problem: "line \(error.line), column \(error.column): \(error.problem.sentence)",
        remedy: error.problem.remedy)
    }
    return text
  }
}
