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
    let members = try Members(directory, program: program, sites: sites)
    guard let index = members.record.processes.firstIndex(where: { $0.name == name }) else {
      throw LocalClusterError(.input, "there is no process \(name) in the cluster in \(directory.path)")
    }
    let former = members.record.processes[index]
    former.identity.reap()
    guard !former.identity.isRunning else {
      throw LocalClusterError(.input, "\(name) still runs; end it before it is started again")
    }
    let identity: ProcessIdentity =
      switch former.role {
      case .kdc: try members.starter.start(.kdc)
      case .kadmind: try members.starter.start(.kadmind)
      default: try members.starter.launch(NodePlan(role: former.role, name: name))
      }
    let process = ClusterRecord.Process(
      role: former.role, name: name, address: former.address, identity: identity)
    members.record.processes[index] = process
    try members.record.save(to: directory)
    return process
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
    let members = try Members(directory, program: program, sites: sites)
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

  /// A running cluster, held against other starts and stops.
  private final class Members {
    let starter: NodeStarter
    var record: ClusterRecord
    private let lock: DirectoryLock

    init(_ directory: ClusterDirectory, program: String, sites: any ClusterSites) throws {
      lock = try DirectoryLock(directory)
      record = try ClusterRecord.load(from: directory)
      try record.requireOwnProcesses(in: directory)
      let users = try ClusterUsers(of: directory)
      starter = NodeStarter(
        directory: directory, users: users,
        program: try NodeProgram.prepare(program, for: users.daemons, in: directory),
        realm: try Realm.open(directory: directory.realm, owner: users.daemons.unix), sites: sites)
    }
  }
}
