import Foundation
import Provisioning

/// One process at a time, in a cluster that goes on running.
extension LocalCluster {
  /// Starts a process again that has ended, where it was and with the configuration it had.
  /// - Parameters:
  ///   - program: the `keyval` program.
  ///   - sites: where the cluster's processes run.
  /// - Throws: `LocalClusterError` when there is no such process or it still runs, `ProvisioningError`.
  @discardableResult
  public static func restart(
    _ name: String, in directory: ClusterDirectory, program: String, sites: any ClusterSites = Loopback()
  ) throws -> ClusterRecord.Process {
    let lock = try DirectoryLock(directory)
    defer { withExtendedLifetime(lock) {} }
    return try ClusterMembers(in: directory, program: program, sites: sites).start(name)
  }

  /// Ends a process, if it runs, and starts it again; returns once the cluster serves.
  /// - Parameters:
  ///   - program: the `keyval` program.
  ///   - manner: how long a drone is waited for that hands over what it has, and what then.
  ///   - probe: asked again and again when the process runs.
  /// - Throws: `LocalClusterError` when there is no such process; with the fault `unfinished` when a drone was left waiting;
  ///   `ProvisioningError`.
  public static func restart(
    _ name: String, in directory: ClusterDirectory, program: String, _ manner: StopManner,
    reporter: StepReporter, probe: Probe
  ) async throws {
    let lock = try DirectoryLock(directory)
    defer { withExtendedLifetime(lock) {} }
    let members = try ClusterMembers(in: directory, program: program, sites: Loopback())
    if try members.process(name).identity.isRunning {
      try await reporter.step("\(name) ended") {
        try OrderlyStop(directory: directory, manner: manner).end(name, &members.record)
      }
    }
    try await reporter.step("\(name) started again") { _ = try members.start(name) }
    try await reporter.step("all slots served") {
      // Others may be missing: that is not this order's matter.
      let running = members.record.processes.filter { $0.name == name }
      try await ServingWait(directory: directory).run(running, probe)
    }
  }

  /// Enrolls a further drone and starts it; returns when its process runs, not yet when it serves.
  /// - Parameters:
  ///   - name: of one component, and of no other node.
  ///   - program: the `keyval` program.
  ///   - sites: where the cluster's processes run.
  /// - Throws: `LocalClusterError`, `ProvisioningError`.
  @discardableResult
  public static func addDrone(
    _ name: String, in directory: ClusterDirectory, program: String, sites: any ClusterSites = Loopback()
  ) throws -> ClusterRecord.Process {
    let lock = try DirectoryLock(directory)
    defer { withExtendedLifetime(lock) {} }
    let members = try ClusterMembers(in: directory, program: program, sites: sites)
    guard !members.record.processes.contains(where: { $0.name == name }),
      let model = members.record.processes.first(where: { $0.role == .drone })
    else {
      throw LocalClusterError(
        .input, "the cluster in \(directory.path) has a \(name) already, or no drone to take after")
    }
    let modelUser = try members.starter.users.node(NodePlan(role: .drone, name: model.name))
    var file = try NodeFile.load(directory.configuration(of: model.name), below: modelUser.uid)
    let ports = FreePorts()
    file.name = name
    file.listen = "\(sites.address(of: name)):\(try ports.draw())"
    file.keytab = directory.keytab(of: name)
    file.directory = directory.data(of: name)
    let plan = NodePlan(role: .drone, name: name)
    try directory.make(directory.node(name), for: members.starter.users.node(plan))
    try members.starter.enroll([plan])
    try members.starter.write(file, for: plan)
    ports.release()
    let process = ClusterRecord.Process(
      role: .drone, name: name, address: file.listen, identity: try members.starter.launch(plan))
    members.record.processes.append(process)
    try members.record.save(to: directory)
    return process
  }
}
