import Glibc

/// The end of a cluster's processes.
public enum ProcessRoster {
  /// Ends exactly these processes: those that depend on others first, each asked by SIGTERM and, if it is still there
  /// after `patience`, killed. Returns those that had to be killed. A number that belongs to another process
  /// by now is left alone.
  ///
  /// Blocks, on purpose: a task that was cancelled has to take its processes down all the same.
  @discardableResult
  public static func stop(
    _ processes: [ClusterRecord.Process], patience: Duration = .seconds(5)
  ) -> [ClusterRecord.Process] {
    var killed: [ClusterRecord.Process] = []
    for role in ProcessRole.allCases.reversed() {
      let group = processes.filter { $0.role == role }
      for process in group { process.identity.send(signal: SIGTERM) }
      killed += kill(waitUntilGone(group, for: patience))
    }
    return killed
  }

  /// Kills those that still run, and returns them.
  static func kill(_ processes: [ClusterRecord.Process]) -> [ClusterRecord.Process] {
    let stubborn = processes.filter { $0.identity.send(signal: SIGKILL) }
    waitUntilGone(stubborn, for: .seconds(5))
    return stubborn
  }

  /// - Returns: those that are still there.
  @discardableResult
  static func waitUntilGone(
    _ processes: [ClusterRecord.Process], for patience: Duration
  ) -> [ClusterRecord.Process] {
    let deadline = ContinuousClock.now + patience
    var rest = processes
    while true {
      rest.removeAll { process in
        guard !process.identity.isRunning else { return false }
        // Only now: one that ended after a look for its status would stay behind as a zombie.
        process.identity.reap()
        return true
      }
      if rest.isEmpty || ContinuousClock.now >= deadline { return rest }
      usleep(10_000)
    }
  }
}
