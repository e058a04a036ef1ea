import Glibc
import LocalTrust

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
    try owner.own(file, path)
    guard rename(draft, path) == 0 else { throw .system("\(path) cannot be written", errno) }
  }

  /// Moves a secret out of another user's folder, where nobody but its new owner may read it (0600).
  ///
  /// That user may put anything in its place meanwhile, and may keep open what was there: so what is taken over are the
  /// bytes of one plain file of his with no other name, held by a descriptor, and neither root's nor a link; they go to a
  /// new file, which he never had.
  static func move(
    _ path: String, of former: UnixUser, to target: String, owner: UnixUser
  ) throws(ProvisioningError) {
    let file = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
    guard file >= 0 else { throw .system("\(path) cannot be read", errno) }
    defer { close(file) }
    var status = stat()
    guard fstat(file, &status) == 0 else { throw .system("\(path) cannot be read", errno) }
    guard status.st_mode & S_IFMT == S_IFREG, status.st_nlink == 1, status.st_uid == former.uid else {
      throw ProvisioningError(
        .input,
        "\(path) is not what was written there: it is no plain file of user \(former.uid) with one name. Remove it, "
          + "and see what runs as that user.")
    }
    var bytes = try readBytes(file, path)
    defer { bytes.withUnsafeMutableBytes { explicit_bzero($0.baseAddress!, $0.count) } }
    guard bytes.count == status.st_size else {
      throw ProvisioningError(.input, "\(path) was written to while it was moved: remove it, and try again.")
    }
    try write(bytes, to: target, mode: 0o600, owner: owner)
    guard unlink(path) == 0 else { throw .system("\(path) cannot be removed", errno) }
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

  /// A file that decides something: nobody but root and this user may be able to change it.
  static func readTrusted(_ path: String) throws(ProvisioningError) -> String {
    do throws(TrustError) {
      let bytes = try TrustedPath.open(path, .decisive).read(maximum: 1 << 20)
      return String(decoding: bytes, as: UTF8.self)
    } catch {
      throw ProvisioningError(error)
    }
  }

  static func read(_ path: String) throws(ProvisioningError) -> String {
    let file = open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC)
    guard file >= 0 else { throw .system("\(path) cannot be read", errno) }
    defer { close(file) }
    return try read(file, path)
  }

  static func read(_ file: Int32, _ path: String) throws(ProvisioningError) -> String {
    String(decoding: try readBytes(file, path), as: UTF8.self)
  }

  private static func readBytes(
    _ file: Int32, _ path: String, limit: Int = 1 << 22
  ) throws(ProvisioningError) -> [UInt8] {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 14)
    while bytes.count < limit {
      let count = Glibc.read(file, &chunk, chunk.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw .system("\(path) cannot be read", errno) }
      if count == 0 { break }
      bytes += chunk[..<count]
    }
    return bytes
  }

  /// Makes a directory for its owner, unless it is there. Its parent is nobody's but this process's user's or root's, and a
  /// link is no directory: what is opened up and handed over is what stands there itself.
  static func makeDirectory(_ path: String, mode: UInt32, owner: UnixUser) throws(ProvisioningError) {
    guard mkdir(path, mode) == 0 || errno == EEXIST else {
      throw .system("The directory \(path) cannot be made", errno)
    }
    let directory = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    guard directory >= 0 else {
      // Both say that it is a link or a file.
      guard errno == ENOTDIR || errno == ELOOP else {
        throw .system("The directory \(path) cannot be set up", errno)
      }
      throw ProvisioningError(
        .input, "\(path) is no directory itself: name one that is new or empty, and no link.")
    }
    defer { close(directory) }
    guard fchmod(directory, mode) == 0 else {
      throw .system("The directory \(path) cannot be set up", errno)
    }
    try owner.own(directory, path)
  }
}
