import Foundation
import Glibc
import LocalTrust
import Provisioning

/// `cluster.json` as it was written before it said as whom and what each process runs, so that a cluster that was started
/// then can be stopped now.
///
/// Number, start and boot are in it. What is missing is not taken from the process on trust: it must run as the user whom
/// the cluster has for it, and have been started with the words that such a process is started with.
struct EarlierRecord: Decodable {
  struct Process: Decodable {
    let role: ProcessRole
    let name: String
    let pid: Int32
    let address: String
    let startTime: UInt64
    let bootIdentifier: String
    let wasAsked: Bool?
    // What is known of it now: then it is no such list.
    private let user: UInt32?
    private let program: RunningProgram?

    var isEarlier: Bool { user == nil && program == nil }
  }

  private let cluster: String
  private let realm: String
  private let processes: [Process]

  /// Nil for a text that is no such list; one without a process is none.
  static func read(_ text: String) -> EarlierRecord? {
    guard let record = try? JSONDecoder().decode(EarlierRecord.self, from: Data(text.utf8)),
      !record.processes.isEmpty, record.processes.allSatisfy(\.isEarlier)
    else { return nil }
    return record
  }

  /// The same list with what it did not say.
  /// - Throws: `LocalClusterError`, which names the first process that is another than it should be.
  /// - Parameter owner: whose cluster it is, root's or this user's.
  func completed(
    in directory: ClusterDirectory, of owner: UInt32
  ) throws(LocalClusterError) -> ClusterRecord {
    var record = ClusterRecord(cluster: cluster, realm: realm)
    for process in processes {
      // Before the name is part of a path.
      try ClusterRecord.check(name: process.name, address: process.address, pid: process.pid, in: directory)
      var completed = ClusterRecord.Process(
        role: process.role, name: process.name, address: process.address,
        identity: try identity(of: process, in: directory, of: owner))
      completed.wasAsked = process.wasAsked
      record.processes.append(completed)
    }
    return record
  }

  private func identity(
    of process: Process, in directory: ClusterDirectory, of owner: UInt32
  ) throws(LocalClusterError) -> ProcessIdentity {
    guard let live = ProcessIdentity(pid: process.pid), live.startTime == process.startTime,
      live.bootIdentifier == process.bootIdentifier
    else {
      // As whom it ran does not matter any more.
      return .ended(process.pid, of: owner == 0 ? ClusterUsers.range.lowerBound : owner)
    }
    let found: String
    switch Self.user(of: process, in: directory, of: owner) {
    case nil: found = "has no directory there"
    case .some(live.user):
      if isWhatItShouldBe(process, in: directory) { return live }
      found = "runs something else, ‘\(live.program.name)’"
    case let user?: found = "runs as user \(live.user), not as user \(user)"
    }
    throw directory.foreignRecord(
      "process \(process.pid), said to be \(process.name), \(found)", "No process was sent a signal. ")
  }

  /// Whom the cluster has for it: root hands each process's directory to the process's user.
  private static func user(
    of process: Process, in directory: ClusterDirectory, of owner: UInt32
  ) -> UInt32? {
    guard owner == 0 else { return owner }
    let layout = RealmLayout(directory: directory.realm)
    let path =
      switch process.role {
      case .kdc, .kadmind: layout.kdcDirectory
      case .authority: layout.authorityDirectory
      case .database, .drone: directory.node(process.name)
      }
    var status = stat()
    return lstat(path, &status) == 0 ? status.st_uid : nil
  }

  private func isWhatItShouldBe(_ process: Process, in directory: ClusterDirectory) -> Bool {
    guard let words = ProcessTable.words(of: process.pid), let program = words.first else { return false }
    switch process.role {
    case .kdc, .kadmind:
      let name = process.role == .kdc ? RealmDaemon.kdc : .kadmind
      return program.split(separator: "/").last.map(String.init) == name.rawValue && words.last == realm
    case .authority, .database, .drone:
      return Array(words.dropFirst())
        == [process.role.rawValue, "--config", directory.configuration(of: process.name)]
    }
  }
}
