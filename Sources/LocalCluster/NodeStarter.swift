import Kerberos
import Provisioning

/// Enrolls and starts the nodes of one cluster, each as a process of the node's own user.
struct NodeStarter {
  let directory: ClusterDirectory
  let users: ClusterUsers
  let program: NodeProgram
  let realm: Realm
  let sites: any ClusterSites

  /// Gives nodes their keys, the way that any node comes by one: a one-time password from the operator, and
  /// `keyval enroll` on the node.
  func enroll(_ nodes: [NodePlan]) throws {
    var passwords: [String] = []
    for node in nodes {
      let password = OneTimePassword.generate()
      switch node.role {
      case .database: try realm.addDatabase(node: node.name, oneTimePassword: password)
      default: try realm.addDrone(node: node.name, oneTimePassword: password)
      }
      passwords.append(password)
    }
    try complete(Array(zip(nodes, passwords)))
    // The authority does this for drones, at their first session; databases are the operator's.
    for node in nodes where node.role == .database { try realm.clearExpiry(of: node.principals) }
  }

  /// The nodes' side of it: all nodes at once, the principals of one node one after the other into its keytab.
  private func complete(_ nodes: [(node: NodePlan, password: String)]) throws {
    let rounds = nodes.map(\.node.principals.count).max() ?? 0
    for round in 0..<rounds {
      let running = try nodes.filter { round < $0.node.principals.count }.map { node, password in
        let principal = "\(node.principals[round])@\(realm.name)"
        let process = try sites.at(node.name) {
          try launcher(of: node).launch(
            program.path, ["enroll", principal, "--keytab", directory.keytab(of: node.name)],
            log: directory.log(of: node.name), reading: password + "\n")
        }
        return (principal: principal, log: directory.log(of: node.name), process: process)
      }
      // All of them are waited for before any is complained about.
      let failed = running.filter { $0.process.wait() != 0 }
      guard let first = failed.first else { continue }
      throw LocalClusterError(.process, "enrolling \(first.principal) failed. \(LogTail.sentence(first.log))")
    }
  }

  /// - Parameter node: whose process will read it.
  func write(_ file: NodeFile, for node: NodePlan) throws(LocalClusterError) {
    try replaceFile(directory.configuration(of: node.name), with: prettyJSON(file), mode: 0o644)
  }

  /// Starts a node with the configuration that stands in its directory.
  func launch(_ node: NodePlan) throws -> ProcessIdentity {
    try sites.at(node.name) {
      try launcher(of: node).launch(
        program.path, [node.role.rawValue, "--config", directory.configuration(of: node.name)],
        log: directory.log(of: node.name))
    }
  }

  /// Starts one of the realm's daemons again, and returns the process when it answers.
  func start(_ daemon: RealmDaemon) throws -> ProcessIdentity {
    try sites.at(RealmDaemon.kdc.rawValue) { try realm.start(daemon) }
  }

  /// Nodes inherit nothing of ours: a variable KEYVAL_… of the caller would be a setting of theirs.
  private func launcher(of node: NodePlan) throws(LocalClusterError) -> ProcessLauncher {
    let usual = ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"]
    return ProcessLauncher(
      user: try users.node(node),
      environment: usual.merging(realm.layout.clientEnvironment) { $1 }.merging(program.environment) { $1 })
  }
}
