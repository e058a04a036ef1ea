/// The wait for a cluster whose processes run, until it serves.
struct ServingWait {
  let directory: ClusterDirectory
  private static let patience = Duration.seconds(60)

  /// - Throws: `LocalClusterError`: when a process has ended meanwhile, with what it said last; after a minute, with what is
  ///   wrong as far as it is known; when the task was cancelled, with the fault `interrupted`.
  func run(_ processes: [ClusterRecord.Process], _ probe: LocalCluster.Probe) async throws {
    let deadline = ContinuousClock.now + Self.patience
    var latest = "nobody answered"
    while ContinuousClock.now < deadline {
      try Self.checkCancelled()
      try requireRunning(processes)
      do {
        if try await probe() { return }
        latest = "not all slots are served yet"
      } catch let error as LocalClusterError where error.fault == .unfinished {
        throw error
      } catch {
        latest = "\(error)"
      }
      try? await Task.sleep(for: .milliseconds(20))
    }
    throw LocalClusterError(
      .process, "the cluster does not serve after a minute: \(latest). The logs are in \(directory.logs).")
  }

  private func requireRunning(_ processes: [ClusterRecord.Process]) throws(LocalClusterError) {
    for process in processes where !process.identity.isRunning {
      throw LocalClusterError(
        .process,
        "\(process.role.rawValue) \(process.name) ended. \(LogTail.sentence(directory.log(of: process.name)))"
      )
    }
  }

  static func checkCancelled() throws(LocalClusterError) {
    if Task.isCancelled { throw LocalClusterError(.interrupted, "interrupted") }
  }
}
