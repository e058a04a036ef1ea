import Foundation
import Glibc
import LocalTrust

/// Where everything of a local cluster stands, below one directory:
///
///     cluster.json       the realm and the processes, for people, scripts and `stop`
///     client.json        KEYVAL_CONFIG of clients
///     access.acl         who may do what: alice everything, nobody else anything, until it is changed
///     lock               held while a start or a stop is going on
///     alice.ccache       the ticket of the first user
///     alice.password     for a `kinit alice` of your own
///     realm/             what the realm's daemons need (Provisioning says what)
///     nodes/NAME/        configuration, keytab and data of one node
///     log/NAME.log       standard output and error of one process
public struct ClusterDirectory: Sendable, Equatable {
  /// Absolute, without symbolic links on the way. Nobody but root and the user who runs this makes names in it, or
  /// can put another directory in its place.
  public let path: String

  public var record: String { "\(path)/cluster.json" }
  public var clientConfiguration: String { "\(path)/client.json" }
  public var accessList: String { "\(path)/access.acl" }
  public var lock: String { "\(path)/lock" }
  public var realm: String { "\(path)/realm" }
  public var logs: String { "\(path)/log" }
  public func log(of name: String) -> String { "\(logs)/\(name).log" }
  public var nodes: String { "\(path)/nodes" }
  public func node(_ name: String) -> String { "\(nodes)/\(name)" }
  public func configuration(of name: String) -> String { "\(node(name))/node.json" }
  public func keytab(of name: String) -> String { "\(node(name))/node.keytab" }
  public func data(of name: String) -> String { "\(node(name))/data" }
  /// What a drone says while it waits for its end.
  func ending(of name: String) -> String { "\(data(of: name))/ending" }
  public func cache(of user: String) -> String { "\(path)/\(user).ccache" }
  public func password(of user: String) -> String { "\(path)/\(user).password" }

  /// An existing directory.
  /// - Throws: `LocalClusterError` if there is none, and if somebody else made it or can change what is in it: whose the
  ///   directory is, rules the cluster.
  public init(existing path: String) throws(LocalClusterError) {
    guard let resolved = realpath(path, nil) else {
      throw .system("cannot use the directory \(path)", code: errno)
    }
    defer { free(resolved) }
    self.path = String(cString: resolved)
    do throws(TrustError) {
      // As it was named, with every link on the way, and then the place that it is from now on.
      for way in [path, self.path] { try TrustedPath.checkFolder(way, .kept) }
    } catch {
      throw LocalClusterError(.input, "cannot use the directory: \(error)")
    }
  }

  /// Makes the directory for its owner only, unless it exists; an existing one must be empty or a stopped cluster's.
  public init(creating path: String) throws(LocalClusterError) {
    do throws(TrustError) {
      // Before anything is made there.
      try TrustedPath.checkFolder(TrustedPath.folder(of: path), .passable)
    } catch {
      throw LocalClusterError(.input, "cannot use the directory \(path): its folder \(error)")
    }
    guard mkdir(path, 0o700) == 0 || errno == EEXIST else {
      throw .system("cannot make the directory \(path)", code: errno)
    }
    try self.init(existing: path)
  }

  /// A new directory for the time of a demonstration, in TMPDIR or /tmp.
  public init(temporaryIn parent: String) throws(LocalClusterError) {
    var template = Array("\(parent)/keyval-demo.XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else {
      throw .system("cannot make a directory in \(parent)", code: errno)
    }
    try self.init(existing: String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self))
  }

  func make(_ subdirectory: String, for user: ServiceUser) throws(LocalClusterError) {
    guard mkdir(subdirectory, 0o700) == 0 || errno == EEXIST else {
      throw .system("cannot make the directory \(subdirectory)", code: errno)
    }
    try user.own(subdirectory)
    do throws(TrustError) {
      try TrustedPath.checkFolder(subdirectory, .kept, owners: .rootAndSelf.and(user.uid))
    } catch {
      throw LocalClusterError(error)
    }
  }

  /// How many drones d1, d2, … the cluster in this directory had; nil if there was none.
  public var formerDrones: Int? {
    let count = ClusterPlan.droneRange.prefix { access(node("d\($0)"), F_OK) == 0 }.count
    return count > 0 ? count : nil
  }

  /// Whether the cluster in this directory had a standby authority.
  public var hadStandby: Bool { access(node(ClusterPlan.standbyName), F_OK) == 0 }

  /// The names in the directory, sorted.
  func contents() -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
  }

  func removeAll(_ paths: [String]) throws(LocalClusterError) {
    for path in paths where access(path, F_OK) == 0 {
      do {
        try FileManager.default.removeItem(atPath: path)
      } catch {
        throw LocalClusterError(.system, "cannot remove \(path): \(error)")
      }
    }
  }
}
