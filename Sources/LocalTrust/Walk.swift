import CLocalTrust
import Glibc

/// A descriptor that is closed with its last owner.
final class Descriptor {
  let number: Int32
  init(_ number: Int32) { self.number = number }
  deinit { close(number) }
}

/// One way from `/` to a file or folder, each step held by a descriptor while the next is taken: nobody can put
/// something else in the place of what was looked at.
///
/// Links are followed, when whoever made them is to be trusted: the folder in which a link stands is a step on the way
/// like any other, and so are the folders that it leads to.
struct Walk {
  /// As the kernel does.
  static let maximumLinks = 40

  /// What stands at the end.
  struct End {
    /// The folder in which it stands; for `/` itself.
    let parent: Descriptor
    let name: String
    /// Neither read nor followed.
    let place: Descriptor
    let status: stat
    /// Whether everybody may make names in `parent` (as in `/tmp`).
    let isAmongStrangers: Bool
  }

  let path: String
  let owners: TrustedOwners
  /// Whether a link at the very end is followed.
  let followsLast: Bool

  func run() throws(TrustError) -> End {
    let start = path.hasPrefix("/") ? path : "\(try workingDirectory())/\(path)"
    var rest = Self.components(start)
    var shown = ""
    var (folder, folderStatus) = try root()
    var end = End(parent: folder, name: ".", place: folder, status: folderStatus, isAmongStrangers: false)
    var links = 0
    while let name = rest.popLast() {
      let step = "\(shown)/\(name)"
      let place = Descriptor(
        openat(folder.number, name, keyval_path_only | O_NOFOLLOW | O_CLOEXEC))
      guard place.number >= 0 else { throw failure(rest.isEmpty ? path : step, .unreachable(errno)) }
      let status = try Self.status(of: place, step, path)
      let kind = status.st_mode & S_IFMT
      if kind == S_IFLNK, !rest.isEmpty || followsLast {
        try requireOwner(status, step)
        links += 1
        guard links <= Self.maximumLinks else { throw failure(step, .tooManyLinks) }
        let target = try Self.target(of: place, step, path)
        rest += Self.components(target)
        if target.hasPrefix("/") {
          (folder, folderStatus) = try root()
          shown = ""
        }
        continue
      }
      end = End(
        parent: folder, name: name, place: place, status: status,
        isAmongStrangers: folderStatus.st_mode & 0o022 != 0)
      guard !rest.isEmpty else { break }
      guard kind == S_IFDIR else { throw failure(step, .unreachable(ENOTDIR)) }
      try requirePassable(status, step)
      (folder, folderStatus, shown) = (place, status, step)
    }
    return end
  }

  /// A folder on the way: its owner is trusted, and nobody else can exchange what is in it. In one like `/tmp`, where
  /// everybody may make names, only their owners can take them away (the sticky bit); whose the next step is, is looked
  /// at with that.
  private func requirePassable(_ status: stat, _ step: String) throws(TrustError) {
    try requireOwner(status, step, isFolder: true)
    guard status.st_mode & 0o022 == 0 || status.st_mode & keyval_sticky != 0 else {
      throw failure(step, .writable(mode: status.st_mode & 0o7777), isFolder: true)
    }
  }

  func requireOwner(_ status: stat, _ step: String, isFolder: Bool = false) throws(TrustError) {
    guard owners.contains(status.st_uid) else {
      throw failure(step, .foreignOwner(status.st_uid), isFolder: isFolder)
    }
  }

  func failure(_ step: String, _ fault: TrustError.Fault, isFolder: Bool = false) -> TrustError {
    TrustError(path: path, step: step, isFolder: isFolder, fault)
  }

  private func root() throws(TrustError) -> (Descriptor, stat) {
    let root = Descriptor(open("/", keyval_path_only | O_DIRECTORY | O_CLOEXEC))
    guard root.number >= 0 else { throw failure("/", .unreachable(errno)) }
    let status = try Self.status(of: root, "/", path)
    try requirePassable(status, "/")
    return (root, status)
  }

  private func workingDirectory() throws(TrustError) -> String {
    guard let text = getcwd(nil, 0) else { throw failure(path, .unreachable(errno)) }
    defer { free(text) }
    return String(cString: text)
  }

  /// In the order in which they are popped off.
  private static func components(_ path: String) -> [String] {
    path.split(separator: "/").filter { $0 != "." }.map(String.init).reversed()
  }

  static func status(of place: Descriptor, _ step: String, _ path: String) throws(TrustError) -> stat {
    var status = stat()
    guard fstat(place.number, &status) == 0 else {
      throw TrustError(path: path, step: step, .unreachable(errno))
    }
    return status
  }

  private static func target(of link: Descriptor, _ step: String, _ path: String) throws(TrustError) -> String
  {
    var bytes = [UInt8](repeating: 0, count: Int(PATH_MAX))
    let count = bytes.withUnsafeMutableBytes { readlinkat(link.number, "", $0.baseAddress!, $0.count) }
    guard count > 0, count < bytes.count else {
      throw TrustError(path: path, step: step, .unreachable(count < 0 ? errno : ENAMETOOLONG))
    }
    guard let text = String(validating: bytes[..<count], as: UTF8.self) else {
      throw TrustError(path: path, step: step, .unreachable(EILSEQ))
    }
    return text
  }
}
