import Foundation
import Synchronization

/// A word about progress.
package func say(_ line: String) { FileHandle.standardError.write(Data("\(line)\n".utf8)) }

/// What runs, and has to be taken down however the run ends.
package enum Estate {
  private static let clusters = Mutex<[MeasuredCluster]>([])

  package static func cluster(
    in path: String, drones: Int, loops: Int? = nil, sessions: Int? = nil
  ) async throws -> MeasuredCluster {
    let own = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
    let cluster = try await MeasuredCluster(
      in: path, program: own.appending(path: "keyval").path, drones: drones, loops: loops, sessions: sessions)
    clusters.withLock { $0.append(cluster) }
    return cluster
  }

  /// Ends a cluster in order and starts it again.
  package static func restart(
    _ cluster: MeasuredCluster, in path: String, drones: Int, loops: Int? = nil
  ) async throws -> MeasuredCluster {
    clusters.withLock { $0.removeAll { $0 === cluster } }
    try cluster.stopInOrder()
    return try await self.cluster(in: path, drones: drones, loops: loops)
  }

  package static func stop(_ cluster: MeasuredCluster) throws {
    clusters.withLock { $0.removeAll { $0 === cluster } }
    try cluster.stop()
  }

  package static func takeDown() {
    clusters.withLock { clusters in
      for cluster in clusters {
        do { try cluster.stop() } catch { say("a cluster does not stop: \(error)") }
      }
      clusters = []
    }
    Program.endAll()
  }
}
