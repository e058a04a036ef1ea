import Glibc
import Provisioning

/// Who one process of a local cluster runs as. Root hands its privileges away; anybody else keeps being himself.
public struct ServiceUser: Sendable, Equatable {
  public let uid: uid_t
  public let gid: gid_t
  /// Whether starting a process means changing to this user first.
  public let isOther: Bool

  /// Who this process runs as.
  public static var own: ServiceUser { ServiceUser(uid: geteuid(), gid: getegid(), isOther: false) }

  /// As the realm's owner.
  var unix: UnixUser { UnixUser(uid: uid, gid: gid) }

  static func requireSetpriv() throws(LocalClusterError) {
    guard access(setpriv, X_OK) == 0 else {
      throw LocalClusterError(.input, "started as root, the nodes need \(setpriv) (package util-linux)")
    }
  }

  /// The words that run the given words as this user. `setpriv` replaces itself, so the number of the process
  /// stays.
  func wrapped(_ words: [String]) -> [String] {
    guard isOther else { return words }
    return [
      Self.setpriv, "--reuid=\(uid)", "--regid=\(gid)", "--clear-groups", "--inh-caps=-all", "--no-new-privs",
      "--",
    ] + words
  }

  /// Makes a file or directory this user's.
  func own(_ path: String) throws(LocalClusterError) {
    guard isOther else { return }
    guard lchown(path, uid, gid) == 0 else {
      throw .system("cannot hand \(path) to user \(uid)", code: errno)
    }
  }

  private static let setpriv = "/usr/bin/\(setprivName)"
  /// As which a process shows until it is the program that it is to run.
  static let setprivName = "setpriv"
}
