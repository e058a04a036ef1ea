import Glibc

/// Whose the realm's files and daemons are. Root hands its privileges away with `setpriv` (util-linux);
/// anybody else stays who they are.
public struct UnixUser: Sendable, Equatable {
  public let uid: UInt32
  public let gid: UInt32

  public init(uid: UInt32, gid: UInt32) {
    self.uid = uid
    self.gid = gid
  }

  /// - Parameter text: a name from the system's table of users, or a number, which needs no entry there.
  /// - Throws: `ProvisioningError` when it is neither.
  public init(_ text: String) throws(ProvisioningError) {
    if let number = UInt32(text), number < .max {
      self.init(uid: number, gid: getpwuid(number)?.pointee.pw_gid ?? number)
    } else if let entry = getpwnam(text) {
      self.init(uid: entry.pointee.pw_uid, gid: entry.pointee.pw_gid)
    } else {
      throw ProvisioningError(
        .input, "There is no user “\(text)” here: give a name that exists, or a number.")
    }
  }

  /// This process's user.
  public static var current: UnixUser { UnixUser(uid: geteuid(), gid: getegid()) }

  var isOther: Bool { uid != geteuid() }

  /// As which a process of this user shows until it is the program that it is to run; nil where it is that at once.
  var changerName: String? { isOther ? Self.changer : nil }
  private static let changer = "setpriv"

  /// The words that run the given words as this user, in the same process.
  func wrapped(_ words: [String]) throws(ProvisioningError) -> [String] {
    guard isOther else { return words }
    let setpriv = try Programs.find(Self.changer, package: "util-linux")
    return [
      setpriv, "--reuid=\(uid)", "--regid=\(gid)", "--clear-groups", "--inh-caps=-all", "--no-new-privs",
      "--",
    ] + words
  }

  /// Makes an open file or directory this user's; the path is for the sentence of an error.
  func own(_ file: Int32, _ path: String) throws(ProvisioningError) {
    guard isOther else { return }
    guard fchown(file, uid, gid) == 0 else {
      throw .system("\(path) cannot be handed to user \(uid)", errno)
    }
  }
}
