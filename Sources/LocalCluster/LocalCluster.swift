import Glibc

/// A whole cluster on this machine, in one directory: what `keyval cluster` and `keyval demo` do.
public enum LocalCluster {
  /// Tells how far the cluster is: whether all slots are served. Throws while it cannot be asked.
  public typealias Probe = @Sendable () async throws -> Bool

  /// Starts a cluster and returns once it serves; one that was stopped comes back with its realm, keys and data, and of one
  /// that runs in part those processes are started again that have ended.
  ///
  /// Nothing is left running when this throws, also when the task was cancelled: then with the fault `interrupted`. But
  /// with the fault `unfinished` all is left running, for the operator to see to it.
  /// - Parameters:
  ///   - program: the `keyval` program.
  ///   - sites: where the processes run.
  ///   - isHurried: whether taking down what was begun shall not wait for drones any more.
  ///   - probe: asked again and again when all processes run.
  /// - Throws: `LocalClusterError`, `ProvisioningError`.
  @discardableResult
  public static func start(
    _ plan: ClusterPlan, in directory: ClusterDirectory, program: String,
    sites: any ClusterSites = Loopback(), reporter: StepReporter,
    isHurried: @escaping @Sendable () -> Bool = { false }, probe: Probe
  ) async throws -> ClusterRecord {
    let lock = try DirectoryLock(directory)
    defer { withExtendedLifetime(lock) {} }
    if ClusterRecord.isThere(in: directory) {
      let earlier = try ClusterRecord.load(from: directory)
      try earlier.requireOwnProcesses(in: directory)
      if earlier.processes.contains(where: \.identity.isRunning) {
        return try await ClusterRepair(
          plan, in: directory, program: program, sites: sites, reporter: reporter
        )
        .run(earlier, probe)
      }
    }
    let assembly = try ClusterAssembly(
      plan, in: directory, program: program, sites: sites, reporter: reporter)
    do {
      try await assembly.run(probe: probe)
      return assembly.record
    } catch let error as LocalClusterError where error.fault == .unfinished {
      throw error
    } catch {
      assembly.takeDown(isHurried: isHurried)
      throw error
    }
  }

  /// Ends the processes of the cluster in the directory, and only those. Returns those that had to be killed.
  /// - Throws: `LocalClusterError` when there is no cluster in the directory, or its list of processes is not to be
  ///   believed: then nobody was sent a signal; with the fault `unfinished` when drones
  ///   were left waiting for the database, and everything that they need with them.
  @discardableResult
  public static func stop(
    in directory: ClusterDirectory, _ manner: StopManner = StopManner()
  ) throws(LocalClusterError) -> [ClusterRecord.Process] {
    let lock = try DirectoryLock(directory)
    defer { withExtendedLifetime(lock) {} }
    var record = try ClusterRecord.load(from: directory)
    try record.requireOwnProcesses(in: directory)
    return try OrderlyStop(directory: directory, manner: manner).run(&record)
  }

  /// What a shell needs to be a client of the cluster.
  public static func environment(of directory: ClusterDirectory, user: String) -> [(
    name: String, value: String
  )] {
    [
      ("KRB5_CONFIG", "\(directory.realm)/krb5.conf"), ("KRB5CCNAME", "FILE:\(directory.cache(of: user))"),
      ("KEYVAL_CONFIG", directory.clientConfiguration),
    ]
  }
}
