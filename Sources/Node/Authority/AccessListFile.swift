import Cluster
import Glibc

/// The operator's access list on disk: read at the start, and looked at again from time to time.
struct AccessListFile: Sendable {
  static let key = "access"

  let path: String

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
