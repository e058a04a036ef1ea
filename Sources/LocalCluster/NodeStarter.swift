import Kerberos
import Provisioning

/// Enrolls and starts the nodes of one cluster, each as a process of the nodes' user.
struct NodeStarter {
  let directory: ClusterDirectory
  let user: ServiceUser
  let program: NodeProgram
  let realm: Realm

  /// Gives a node its key, the way that any node comes by one: a one-time password from the operator, and
  /// `keyval enroll` on the node.
  func enroll(_ node: NodePlan) throws {
    let password = OneTimePassword.generate()
    switch node.role {
    case .database: try realm.addDatabase(node: node.name, oneTimePassword: password)
    default: try realm.addDrone(node: node.name, oneTimePassword: password)
    }
    for principal in node.principals { try enroll(node, principal, password) }
    // The authority does this for drones, at their first session; databases are the operator's.
    if node.role == .database { try realm.clearExpiry(of: node.principals) }
  }

  private func enroll(_ node: NodePlan, _ principal: String, _ password: String) throws {
    let log = directory.log(of: node.name)
    let status = try launcher.run(
      program.path, ["enroll", "\(principal)@\(realm.name)", "--keytab", directory.keytab(of: node.name)],
      log: log,
      input: password + "\n")
    guard status == 0 else {
      throw LocalClusterError(.process, "enrolling \(principal) failed. \(LogTail.sentence(log))")
    }
  }

  func write(_ file: NodeFile) throws(LocalClusterError) {
    try replaceFile(directory.configuration(of: file.name), with: prettyJSON(file), mode: 0o644)
  }

  /// Starts a node with the configuration that stands in its directory.
  func launch(_ role: ProcessRole, _ name: String) throws(LocalClusterError) -> ProcessIdentity {
    try launcher.launch(
      program.path, [role.rawValue, "--config", directory.configuration(of: name)],
      log: directory.log(of: name))
  }

  /// Nodes inherit nothing of ours: a variable KEYVAL_… of the caller would be a setting of theirs.
  private var launcher: ProcessLauncher {
    let usual = ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"]
    return ProcessLauncher(
      user: user,
      environment: usual.merging(realm.layout.clientEnvironment) { $1 }.merging(program.environment) { $1 })
  }
}
