import Provisioning

/// A start of a cluster of which some processes run: those that have ended are started again, each where it was.
struct ClusterRepair {
  private let plan: ClusterPlan
  private let directory: ClusterDirectory
  private let program: String
  private let sites: any ClusterSites
  private let reporter: StepReporter

  init(
    _ plan: ClusterPlan, in directory: ClusterDirectory, program: String, sites: any ClusterSites,
    reporter: StepReporter
  ) {
    (self.plan, self.directory, self.program) = (plan, directory, program)
    (self.sites, self.reporter) = (sites, reporter)
  }

  /// - Throws: `LocalClusterError` when nothing is missing, or so much that the cluster has to be stopped first; what runs is
  ///   left running in any case.
  func run(_ record: ClusterRecord, _ probe: LocalCluster.Probe) async throws -> ClusterRecord {
    try requireWhole(record)
    try requireStaying(record)
    let ended = record.processes.filter { !$0.identity.isRunning }
    guard !ended.isEmpty else {
      throw LocalClusterError(
        .input,
        "a cluster runs in \(directory.path) already, and nothing of it is missing; "
          + "keyval cluster stop --directory \(directory.path) ends it")
    }
    let members = try ClusterMembers(record, in: directory, program: program, sites: sites)
    // What others need comes first.
    for role in ProcessRole.allCases {
      for process in ended where process.role == role {
        try ServingWait.checkCancelled()
        try await reporter.step("\(process.name) started again") { _ = try members.start(process.name) }
      }
    }
    try await reporter.step("all slots served") {
      try await ServingWait(directory: directory).run(members.record.processes, probe)
    }
    return members.record
  }

  /// What a stop has left waiting goes as soon as it can.
  private func requireStaying(_ record: ClusterRecord) throws(LocalClusterError) {
    let ending = record.processes.filter { $0.wasAsked == true && $0.identity.isRunning }.map(\.name)
    guard !ending.isEmpty else { return }
    throw LocalClusterError(
      .input,
      "\(ending.joined(separator: ", ")) had to end by an earlier stop, and \(ending.count == 1 ? "waits" : "wait") to hand "
        + "over what is only there. A database that is missing is started by keyval cluster restart; let keyval cluster "
        + "stop --directory \(directory.path) come to its end then, and start the cluster again")
  }

  /// A start that was cut short has left less than a cluster, and other options are for one that is stopped.
  private func requireWhole(_ record: ClusterRecord) throws(LocalClusterError) {
    let stop = "keyval cluster stop --directory \(directory.path)"
    for role in ProcessRole.allCases where !record.processes.contains(where: { $0.role == role }) {
      throw LocalClusterError(
        .input,
        "what runs in \(directory.path) was never a whole cluster: it has no \(role.rawValue). Type \(stop), and start it "
          + "again")
    }
    let names = Set(record.processes.map(\.name))
    let missing = ([plan.authority] + plan.others + [plan.standby].compactMap { $0 }).filter {
      !names.contains($0.name)
    }
    guard let first = missing.first else { return }
    throw LocalClusterError(
      .input,
      "a cluster runs in \(directory.path) already, without \(first.name): type \(stop), and start it again with that many "
        + "nodes")
  }
}
