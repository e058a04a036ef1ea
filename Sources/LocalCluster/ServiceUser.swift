import Glibc

/// Who the daemons and nodes of a local cluster run as. Root hands its privileges away; anybody else keeps
/// being himself.
public struct ServiceUser: Sendable, Equatable {
  public let uid: uid_t
  public let gid: gid_t
  /// Whether starting a process means changing to this user first.
  public let isOther: Bool

  /// Throws if we are root and the system knows no `nobody`, or has no `setpriv` (util-linux).
  public static func current() throws(LocalClusterError) -> ServiceUser {
    guard geteuid() == 0 else { return ServiceUser(uid: geteuid(), gid: getegid(), isOther: false) }
    guard let entry = getpwnam("nobody") else {
      throw LocalClusterError(
        .input, "started as root, the nodes run as the user nobody, and there is none here")
    }
    guard access(setpriv, X_OK) == 0 else {
      throw LocalClusterError(.input, "started as root, the nodes need \(setpriv) (package util-linux)")
    }
    return ServiceUser(uid: entry.pointee.pw_uid, gid: entry.pointee.pw_gid, isOther: true)
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

  private static let setpriv = "/usr/bin/setpriv"
}
