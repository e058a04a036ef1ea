import Cluster
import Drone
import Glibc
import Wire

/// The drone's promise on disk: one small file, replaced as a whole, durable when `store` returns.
struct VoteStore {
  private let directory: String
  private var path: String { directory + "/promise" }

  init(directory: String) { self.directory = directory }

  /// What was stored last; `.none` when nothing was.
  /// - Throws: `NodeError.unusableFile` when the file is damaged. It is not guessed at: a drone that forgets
  ///   a promise could vote twice in a term.
  func load() throws(NodeError) -> VotePromise {
    guard access(path, F_OK) == 0 else { return .none }
    let bytes = try NodeFiles.contents(of: path, key: nil, maximum: 4096)
    do throws(CBORError) {
      return try VotePromise.decode(bytes)
    } catch {
      throw .unusableFile(
        path: path, key: nil, problem: "is damaged (\(error))",
        remedy:
          "Restore it from a backup. Or, when this drone has been down for a minute and the cluster has a "
          + "commander without it, delete the file.")
    }
  }

  /// Writes a new file beside the old one, syncs it, puts it in the old one's place, syncs the directory.
  func store(_ promise: VotePromise) throws(NodeError) {
    let temporary = path + ".new"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw failure(temporary) }
    let bytes = promise.encoded()
    let isWritten = write(descriptor, bytes, bytes.count) == bytes.count && fsync(descriptor) == 0
    let code = errno
    Glibc.close(descriptor)
    guard isWritten else { throw failure(temporary, code) }
    guard rename(temporary, path) == 0 else { throw failure(path) }
    let folder = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard folder >= 0 else { throw failure(directory) }
    defer { Glibc.close(folder) }
    guard fsync(folder) == 0 else { throw failure(directory) }
  }

  private func failure(_ path: String, _ code: Int32 = errno) -> NodeError {
    .unusableFile(
      path: path, key: "directory", problem: "cannot be written: \(NodeFiles.reason(code))",
      remedy: "Make room, or see to its permissions: without it this drone cannot vote.")
  }
}
