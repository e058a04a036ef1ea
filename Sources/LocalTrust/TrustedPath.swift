import CLocalTrust
import Glibc

/// Who may own what stands on the way to a file, and the file.
public struct TrustedOwners: Hashable, Sendable {
  private let more: Set<UInt32>

  private init(_ more: Set<UInt32>) { self.more = more }

  /// Root, who can do everything anyhow, and the user that this process runs as.
  public static let rootAndSelf = TrustedOwners([])

  /// Also a user whom Keyval itself made and gave a folder to, such as a node's.
  public func and(_ user: UInt32) -> TrustedOwners { TrustedOwners(more.union([user])) }

  func contains(_ user: UInt32) -> Bool { user == 0 || containsOwnerOfSecrets(user) }

  /// Root's secrets are root's alone.
  func containsOwnerOfSecrets(_ user: UInt32) -> Bool { user == geteuid() || more.contains(user) }
}

/// Files that decide something: looked at before they are believed.
///
/// Each folder on the way from `/`, and each link, belongs to root or to this user; nobody else may write in a folder,
/// unless only owners can take names away there (the sticky bit, as in `/tmp`). So nobody else can exchange what is
/// found at the path, neither now nor later, and a library that is given the path afterwards (krb5, SQLite) finds the
/// same file. What is read here is read from the descriptor that was looked at.
public enum TrustedPath {
  public enum FileRule: Hashable, Sendable {
    /// Configuration, access list, certificate, public key: others may read it and not write it.
    case decisive
    /// Keytab, private key, database, vote: nobody but its owner may read it. It is named itself, never by a link.
    case secret
  }

  public enum FolderRule: Hashable, Sendable {
    /// As any folder on the way: one like `/tmp` too.
    case passable
    /// Nobody but its owner makes names in it.
    case kept
    /// It is this user's, and nobody else may even enter.
    case closed
  }

  /// Opens a file for reading, once everything on the way to it and itself are as they should be.
  /// - Throws: `TrustError`, which says what is wrong with which step, and what mends it.
  public static func open(
    _ path: String, _ rule: FileRule, owners: TrustedOwners = .rootAndSelf
  ) throws(TrustError) -> TrustedFile {
    let walk = Walk(path: path, owners: owners, followsLast: rule != .secret)
    let end = try walk.run()
    // Before it is opened, too: opening a device or a pipe may do something, or wait.
    try require(rule, end.status, end, walk)
    let file = Descriptor(
      openat(end.parent.number, end.name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC))
    guard file.number >= 0 else { throw walk.failure(path, .unreachable(errno)) }
    // What counts is what was opened.
    let status = try Walk.status(of: file, path, path)
    try require(rule, status, end, walk)
    return TrustedFile(path: path, descriptor: file, status: status)
  }

  /// As `open`, for a file that a library will open by its path.
  public static func check(
    _ path: String, _ rule: FileRule, owners: TrustedOwners = .rootAndSelf
  ) throws(TrustError) {
    let walk = Walk(path: path, owners: owners, followsLast: rule != .secret)
    let end = try walk.run()
    try require(rule, end.status, end, walk)
  }

  /// Whether there is something at the path; what it is does not matter.
  /// - Throws: `TrustError` when the way to it is not to be trusted, or its folder is not there.
  public static func exists(
    _ path: String, owners: TrustedOwners = .rootAndSelf
  ) throws(TrustError) -> Bool {
    do throws(TrustError) {
      _ = try Walk(path: path, owners: owners, followsLast: false).run()
      return true
    } catch {
      if error.fault == .unreachable(ENOENT), error.step == path { return false }
      throw error
    }
  }

  /// Looks at a folder and everything on the way to it.
  /// - Throws: `TrustError`.
  public static func checkFolder(
    _ path: String, _ rule: FolderRule, owners: TrustedOwners = .rootAndSelf
  ) throws(TrustError) {
    let walk = Walk(path: path, owners: owners, followsLast: true)
    let status = try walk.run().status
    guard status.st_mode & S_IFMT == S_IFDIR else { throw walk.failure(path, .noDirectory, isFolder: true) }
    let mode = status.st_mode & 0o7777
    if rule == .closed, status.st_uid != geteuid() {
      throw walk.failure(path, .foreignOwner(status.st_uid), isFolder: true)
    }
    try walk.requireOwner(status, path, isFolder: true)
    let isSticky = mode & keyval_sticky != 0
    if rule == .closed, mode & 0o077 != 0 { throw walk.failure(path, .readable(mode: mode), isFolder: true) }
    if mode & 0o022 != 0, rule == .kept || !isSticky {
      throw walk.failure(path, .writable(mode: mode), isFolder: true)
    }
  }

  /// The folder in which a file stands or will stand.
  public static func folder(of path: String) -> String {
    var path = path[...]
    while path.count > 1, path.last == "/" { path.removeLast() }
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  private static func require(
    _ rule: FileRule, _ status: stat, _ end: Walk.End, _ walk: Walk
  ) throws(TrustError) {
    switch status.st_mode & S_IFMT {
    case S_IFREG: break
    case S_IFLNK: throw walk.failure(walk.path, .link)
    default: throw walk.failure(walk.path, .noPlainFile)
    }
    try walk.requireOwner(status, walk.path)
    if rule == .secret, !walk.owners.containsOwnerOfSecrets(status.st_uid) {
      throw walk.failure(walk.path, .foreignOwner(status.st_uid))
    }
    let mode = status.st_mode & 0o7777
    if rule == .secret, mode & 0o077 != 0 { throw walk.failure(walk.path, .readable(mode: mode)) }
    if mode & 0o022 != 0 { throw walk.failure(walk.path, .writable(mode: mode)) }
    // Among strangers somebody may have given an older file of ours a name, where the kernel lets him.
    if end.isAmongStrangers, status.st_nlink > 1 { throw walk.failure(walk.path, .secondName) }
  }
}

/// A file that was looked at and is open: what is read is what was looked at.
public final class TrustedFile {
  public let path: String
  public let owner: UInt32
  private let descriptor: Descriptor

  init(path: String, descriptor: Descriptor, status: stat) {
    self.path = path
    self.descriptor = descriptor
    owner = status.st_uid
  }

  /// All of it.
  /// - Parameter maximum: the longest file that is read, in bytes.
  /// - Throws: `TrustError` when it is longer or cannot be read.
  public func read(maximum: Int) throws(TrustError) -> [UInt8] {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: min(maximum + 1, 64 << 10))
    // The file may be a key.
    defer { chunk.withUnsafeMutableBytes { explicit_bzero($0.baseAddress!, $0.count) } }
    while true {
      let count = Glibc.read(descriptor.number, &chunk, chunk.count)
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw TrustError(path: path, step: path, .unreachable(errno)) }
      if count == 0 { return bytes }
      bytes.append(contentsOf: chunk[..<count])
      guard bytes.count <= maximum else {
        throw TrustError(path: path, step: path, .tooLarge(limit: maximum))
      }
    }
  }

  /// The same as text; `nil` if it is none in UTF-8.
  public func text(maximum: Int) throws(TrustError) -> String? {
    String(validating: try read(maximum: maximum), as: UTF8.self)
  }
}
