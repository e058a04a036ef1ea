import Cluster
import Glibc

/// The operator's access list on disk: read at the start, and looked at again from time to time.
struct AccessListFile: Sendable {
  static let key = "access"

  let path: String

  /// The text, once it is known to be a list and nobody but its owner can have written it.
  /// - Throws: `NodeError.unusableFile`, with the line and column of a mistake.
  func read() throws(NodeError) -> [UInt8] {
    var status = stat()
    if stat(path, &status) == 0, status.st_mode & 0o022 != 0 {
      throw .unusableFile(
        path: path, key: Self.key,
        problem: "can be written by others (mode \(String(status.st_mode & 0o7777, radix: 8)))",
        remedy: "Look through it, then type: chmod go-w \(path)")
    }
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
