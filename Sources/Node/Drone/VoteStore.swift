import Cluster
import Drone
import Wire

/// The drone's promise on disk, durable when `store` returns.
struct VoteStore {
  private let file: DurableFile

  init(directory: String) { file = DurableFile(directory: directory, name: "promise") }

  /// What was stored last; `.none` when nothing was.
  /// - Throws: `NodeError.unusableFile` when the file is damaged. It is not guessed at: a drone that forgets
  ///   a promise could vote twice in a term.
  func load() throws(NodeError) -> VotePromise {
    guard let bytes = try file.load(maximum: 4096) else { return .none }
    do throws(CBORError) {
      return try VotePromise.decode(bytes)
    } catch {
      throw .unusableFile(
        path: file.path, key: nil, problem: "is damaged (\(error))",
        remedy:
          "Restore it from a backup. Or, when this drone has been down for a minute and the cluster has a "
          + "commander without it, delete the file.")
    }
  }

  func store(_ promise: VotePromise) throws(NodeError) {
    try file.store(promise.encoded(), need: "this drone cannot vote")
  }
}
