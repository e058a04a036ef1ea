import Glibc

/// What a node checks of the files and directories that its configuration names, before anything starts.
public enum NodeFiles {
  /// The bytes of a small file.
  /// - Parameters:
  ///   - key: the setting that names the file, for the sentence of an error.
  ///   - maximum: the longest file that is read, in bytes.
  /// - Throws: `NodeError.unusableFile`.
  public static func contents(of path: String, key: String?, maximum: Int) throws(NodeError) -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw unreadable(path, key) }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      let count = Glibc.read(descriptor, &chunk, chunk.count)
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw unreadable(path, key) }
      if count == 0 { return bytes }
      bytes.append(contentsOf: chunk[..<count])
      guard bytes.count <= maximum else {
        throw .unusableFile(
          path: path, key: key, problem: "is larger than \(maximum) bytes",
          remedy: "Name the file that is meant.")
      }
    }
  }

  /// Refuses a private key that is not a plain file of this user, closed to group and others.
  /// - Throws: `NodeError.unusableFile` with the command that mends it.
  public static func requirePrivate(_ path: String, key: String) throws(NodeError) {
    var status = stat()
    guard lstat(path, &status) == 0 else { throw unreadable(path, key) }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw .unusableFile(
        path: path, key: key, problem: "is no plain file", remedy: "Name the file itself, not a link.")
    }
    guard status.st_uid == geteuid() else {
      throw .unusableFile(
        path: path, key: key,
        problem: "belongs to user \(status.st_uid), and this process is user \(geteuid())",
        remedy: "Run as its owner, or type: chown \(geteuid()) \(path)")
    }
    guard status.st_mode & 0o077 == 0 else {
      throw .unusableFile(
        path: path, key: key,
        problem: "can be read by others (mode \(String(status.st_mode & 0o7777, radix: 8)))",
        remedy: "Type: chmod 600 \(path); if others may have read it, make a new key too.")
    }
  }

  /// Makes the data directory (0700) if it is not there, and refuses one that others may enter or that this
  /// user cannot write.
  /// - Throws: `NodeError.unusableFile`.
  public static func prepareDirectory(_ path: String, key: String) throws(NodeError) {
    if mkdir(path, 0o700) != 0 && errno != EEXIST {
      throw .unusableFile(
        path: path, key: key, problem: "cannot be made: \(reason(errno))",
        remedy: "Make its parent directory first, or name another.")
    }
    var status = stat()
    guard stat(path, &status) == 0 else { throw unreadable(path, key) }
    guard status.st_mode & S_IFMT == S_IFDIR else {
      throw .unusableFile(
        path: path, key: key, problem: "is no directory", remedy: "Name a directory for this node alone.")
    }
    guard status.st_uid == geteuid() else {
      throw .unusableFile(
        path: path, key: key,
        problem: "belongs to user \(status.st_uid), and this process is user \(geteuid())",
        remedy: "Run as its owner, or type: chown \(geteuid()) \(path)")
    }
    guard status.st_mode & 0o077 == 0 else {
      throw .unusableFile(
        path: path, key: key,
        problem: "can be entered by others (mode \(String(status.st_mode & 0o7777, radix: 8)))",
        remedy: "Type: chmod 700 \(path)")
    }
    guard access(path, W_OK | X_OK) == 0 else {
      throw .unusableFile(
        path: path, key: key, problem: "cannot be written: \(reason(errno))",
        remedy: "Type: chmod 700 \(path), or name a directory on a file system that is mounted for writing.")
    }
  }

  private static func unreadable(_ path: String, _ key: String?) -> NodeError {
    .unusableFile(
      path: path, key: key, problem: "cannot be read: \(reason(errno))",
      remedy: "Name a file that is there and that this user may read.")
  }

  static func reason(_ code: Int32) -> String { String(cString: strerror(code)) }
}
