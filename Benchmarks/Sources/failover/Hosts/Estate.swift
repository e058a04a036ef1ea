import Glibc
import LocalCluster

/// What a trial's process that is killed leaves running. Hosts last as long as anything runs on them.
enum Estate: Codable, Sendable {
  /// A cluster of Keyval's, running or about to.
  case keyval(directory: String)
  case processes([ProcessIdentity])

  /// Ends it. One after whom it is has just ended himself, and may yet hold the lock of the cluster's directory.
  func end() async throws {
    switch self {
    case .keyval(let path):
      try await eventually("the cluster in \(path) is stopped", within: .seconds(10)) {
        try LocalCluster.stop(in: ClusterDirectory(existing: path), .force())
        return true
      }
    case .processes(let processes):
      for process in processes { process.send(signal: SIGKILL) }
    }
  }
}
