import Glibc
import LocalTrust
import Provisioning

/// Who the processes of a local cluster run as.
///
/// Started as root, the cluster's daemons (KDC and kadmind), the authority and each node have a user of their own:
/// a drone that was taken over can read neither the election CA's key nor the KDC's database nor another node's
/// keytab. Started as anybody else, all of them are that person.
///
/// The users are numbers that need no entry in the system's table, from the range that systemd gives to dynamic
/// users. Whose a directory is, is what a cluster remembers of them: it keeps its users when it is stopped, started,
/// or given another node.
public final class ClusterUsers {
  /// systemd's, for users that exist only as long as something runs as them (systemd.io/UIDS-GIDS).
  public static let range: ClosedRange<uid_t> = 61_184...65_519

  /// Of krb5kdc and kadmind, and of what they keep.
  public let daemons: ServiceUser
  /// The election CA's key is this user's.
  public let authority: ServiceUser
  private let directory: ClusterDirectory
  private var drawing: Drawing?
  private var nodes: [String: ServiceUser] = [:]

  /// - Throws: `LocalClusterError` if we are root and there is no `setpriv` (util-linux), or no number is free.
  public init(of directory: ClusterDirectory) throws(LocalClusterError) {
    self.directory = directory
    let layout = RealmLayout(directory: directory.realm)
    guard geteuid() == 0 else {
      (daemons, authority) = (.own, .own)
      return
    }
    try ServiceUser.requireSetpriv()
    var drawing = Drawing(below: directory.nodes)
    daemons = try drawing.user(of: layout.kdcDirectory)
    authority = try drawing.user(of: layout.authorityDirectory)
    self.drawing = drawing
  }

  /// Who a node runs as; the first time that a name is asked for, a user nobody else is.
  public func node(_ plan: NodePlan) throws(LocalClusterError) -> ServiceUser {
    if plan.role == .authority { return authority }
    return try node(named: plan.name)
  }

  private func node(named name: String) throws(LocalClusterError) -> ServiceUser {
    guard var drawing else { return daemons }
    if let known = nodes[name] { return known }
    let user = try drawing.user(of: directory.node(name))
    self.drawing = drawing
    nodes[name] = user
    return user
  }
}

/// Numbers for users, each given once.
private struct Drawing {
  private var taken: Set<uid_t>

  /// - Parameter nodes: the directory of directories that have owners already.
  init(below nodes: String) {
    taken = Set(Self.namesIn("/proc").compactMap { Int32($0) }.compactMap(ProcessTable.user(of:)))
      .union(Self.owners(in: nodes))
  }

  /// The owner of a directory, if it was handed to one; else a number that is free.
  /// - Throws: `LocalClusterError` when it belongs to somebody whom we did not make.
  mutating func user(of path: String) throws(LocalClusterError) -> ServiceUser {
    var status = stat()
    let uid = lstat(path, &status) == 0 && status.st_uid != 0 ? status.st_uid : try draw()
    guard ClusterUsers.range.contains(uid) else {
      throw LocalClusterError(
        .input,
        "\(path) belongs to user \(uid), who is none of a cluster's that root started (\(ClusterUsers.range.lowerBound) to "
          + "\(ClusterUsers.range.upperBound)); if you know what is in it, type: chown -R 0 \(path)")
    }
    taken.insert(uid)
    return ServiceUser(uid: uid, gid: uid == status.st_uid ? status.st_gid : uid, isOther: true)
  }

  /// No process of this system runs as it, and no table names it.
  private func draw() throws(LocalClusterError) -> uid_t {
    for _ in 0..<1_000 {
      let uid = uid_t.random(in: ClusterUsers.range)
      if !taken.contains(uid), getpwuid(uid) == nil, getgrgid(uid) == nil { return uid }
    }
    throw LocalClusterError(
      .system,
      "found no user number for a node from \(ClusterUsers.range.lowerBound) to \(ClusterUsers.range.upperBound) "
        + "that nobody uses")
  }

  private static func owners(in path: String) -> [uid_t] {
    namesIn(path).compactMap { name in
      var status = stat()
      return lstat("\(path)/\(name)", &status) == 0 ? status.st_uid : nil
    }
  }

  private static func namesIn(_ path: String) -> [String] {
    guard let directory = opendir(path) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".." { names.append(name) }
    }
    return names
  }
}
