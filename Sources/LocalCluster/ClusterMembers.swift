import Provisioning

/// The processes of a cluster that was started, one at a time. To be used under the directory's lock.
final class ClusterMembers {
  let starter: NodeStarter
  var record: ClusterRecord
  private let directory: ClusterDirectory

  convenience init(in directory: ClusterDirectory, program: String, sites: any ClusterSites) throws {
    let record = try ClusterRecord.load(from: directory)
    try record.requireOwnProcesses(in: directory)
    try self.init(record, in: directory, program: program, sites: sites)
  }

  init(
    _ record: ClusterRecord, in directory: ClusterDirectory, program: String, sites: any ClusterSites
  ) throws {
    self.record = record
    self.directory = directory
    let users = try ClusterUsers(of: directory)
    starter = NodeStarter(
      directory: directory, users: users,
      program: try NodeProgram.prepare(program, for: users.daemons, in: directory),
      realm: try Realm.open(directory: directory.realm, owner: users.daemons.unix), sites: sites)
  }

  func process(_ name: String) throws(LocalClusterError) -> ClusterRecord.Process {
    if let process = record.processes.first(where: { $0.name == name }) { return process }
    let names = record.processes.map(\.name).joined(separator: ", ")
    throw LocalClusterError(
      .input,
      "there is no process \(name) in the cluster in \(directory.path); "
        + (names.isEmpty ? "it is stopped" : "there are \(names)"))
  }

  /// Starts one again that has ended, where it was and with the configuration it had.
  @discardableResult
  func start(_ name: String) throws -> ClusterRecord.Process {
    let former = try process(name)
    former.identity.reap()
    guard !former.identity.isRunning else {
      throw LocalClusterError(.input, "\(name) still runs; end it before it is started again")
    }
    let identity: ProcessIdentity =
      switch former.role {
      case .kdc: try starter.start(.kdc)
      case .kadmind: try starter.start(.kadmind)
      default: try starter.launch(NodePlan(role: former.role, name: name))
      }
    let process = ClusterRecord.Process(
      role: former.role, name: name, address: former.address, identity: identity)
    record.processes = record.processes.map { $0.name == name ? process : $0 }
    try record.save(to: directory)
    return process
  }
}
