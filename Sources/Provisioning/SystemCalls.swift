import Glibc

func systemMessage(_ code: Int32) -> String { String(cString: strerror(code)) }

/// Small files of a realm, written and read whole.
enum RealmFile {
  /// Writes a file so that a reader sees the old contents or the new, never half, and hands it to its owner.
  static func write(
    _ text: String, to path: String, mode: UInt32, owner: UnixUser
  ) throws(ProvisioningError) {
    try write(Array(text.utf8), to: path, mode: mode, owner: owner)
  }

  static func write(
    _ bytes: [UInt8], to path: String, mode: UInt32, owner: UnixUser
  ) throws(ProvisioningError) {
    let draft = "\(path).new"
    unlink(draft)
    let file = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode)
    guard file >= 0 else { throw .system("\(path) cannot be written", errno) }
    defer { close(file) }
    try writeAll(bytes, to: file, path)
    guard fchmod(file, mode) == 0 else { throw .system("\(path) cannot be written", errno) }
    try owner.own(draft)
    guard rename(draft, path) == 0 else { throw .system("\(path) cannot be written", errno) }
  }

  /// Moves a file within a file system, and hands it to its owner before it is there.
  static func move(_ path: String, to target: String, owner: UnixUser) throws(ProvisioningError) {
    // Also back from another user to root.
    guard geteuid() != 0 || lchown(path, owner.uid, owner.gid) == 0 else {
      throw .system("\(path) cannot be handed to user \(owner.uid)", errno)
    }
    guard rename(path, target) == 0 else { throw .system("\(target) cannot be written", errno) }
  }

  static func writeAll(_ bytes: [UInt8], to file: Int32, _ path: String) throws(ProvisioningError) {
    var written = 0
    while written < bytes.count {
      let count = bytes.withUnsafeBytes { Glibc.write(file, $0.baseAddress! + written, $0.count - written) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw .system("\(path) cannot be written", errno) }
      written += count
    }
  }

  static func read(_ path: String) throws(ProvisioningError) -> String {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { throw .system("\(path) cannot be read", errno) }
    defer { close(file) }
    return try read(file, path)
  }

  static func read(_ file: Int32, _ path: String, limit: Int = 1 << 22) throws(ProvisioningError) -> String {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 14)
    while bytes.count < limit {
      let count = Glibc.read(file, &chunk, chunk.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw .system("\(path) cannot be read", errno) }
      if count == 0 { break }
      bytes += chunk[..<count]
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Makes a directory for its owner, unless it is there.
  static func makeDirectory(_ path: String, mode: UInt32, owner: UnixUser) throws(ProvisioningError) {
    guard mkdir(path, mode) == 0 || errno == EEXIST else {
      throw .system("The directory \(path) cannot be made", errno)
    }
    guard chmod(path, mode) == 0 else { throw .system("The directory \(path) cannot be set up", errno) }
    try owner.own(path)
  }
}
