import Glibc
import LocalTrust

/// What a node checks of the files and directories that its configuration names, before anything starts.
///
/// They decide what the node is and whom it believes: nobody but root and the node's user may be able to change them,
/// or a folder on the way to them.
public enum NodeFiles {
  /// The bytes of a small file.
  /// - Parameters:
  ///   - key: the setting that names the file, for the sentence of an error.
  ///   - rule: who may read it.
  ///   - maximum: the longest file that is read, in bytes.
  /// - Throws: `NodeError.unusableFile`, with the command that mends it.
  public static func contents(
    of path: String, key: String?, _ rule: TrustedPath.FileRule = .decisive, maximum: Int
  ) throws(NodeError) -> [UInt8] {
    do throws(TrustError) {
      return try TrustedPath.open(path, rule).read(maximum: maximum)
    } catch {
      throw NodeError(error, key: key)
    }
  }

  /// The bytes of a small file that decides nothing here: whoever may have written it, wherever it stands.
  /// - Throws: `NodeError.unusableFile`.
  public static func unexaminedContents(of path: String, maximum: Int) throws(NodeError) -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw unreadable(path) }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      let count = Glibc.read(descriptor, &chunk, chunk.count)
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw unreadable(path) }
      if count == 0 { return bytes }
      bytes.append(contentsOf: chunk[..<count])
      guard bytes.count <= maximum else {
        throw .unusableFile(
          path: path, key: nil, problem: "is larger than \(maximum) bytes",
          remedy: "Name the file that is meant.")
      }
    }
  }

  /// Refuses a file that is not to be believed.
  /// - Throws: `NodeError.unusableFile`, with the command that mends it.
  static func require(_ path: String, key: String, _ rule: TrustedPath.FileRule) throws(NodeError) {
    do throws(TrustError) {
      _ = try TrustedPath.open(path, rule)
    } catch {
      throw NodeError(error, key: key)
    }
  }

  /// Refuses a krb5.conf that somebody else can have written: it names the KDC, and libraries that are loaded. (What it
  /// includes is not looked at.)
  /// - Throws: `NodeError.unusableFile`.
  static func requireKerberosConfiguration(_ environment: [String: String]) throws(NodeError) {
    let named = environment["KRB5_CONFIG"] ?? "/etc/krb5.conf"
    for path in named.split(separator: ":").map(String.init) {
      do throws(TrustError) {
        try TrustedPath.check(path, .decisive)
      } catch {
        // The library goes on without one that is not there.
        if error.fault == .unreachable(ENOENT) { continue }
        throw NodeError(error, key: environment["KRB5_CONFIG"] == nil ? nil : "KRB5_CONFIG")
      }
    }
  }

  /// Makes the data directory (0700) if it is not there, and refuses one that others may enter or that this
  /// user cannot write.
  /// - Throws: `NodeError.unusableFile`.
  public static func prepareDirectory(_ path: String, key: String) throws(NodeError) {
    do throws(TrustError) {
      // Before anything is made there.
      try TrustedPath.checkFolder(TrustedPath.folder(of: path), .passable)
    } catch {
      // Of one that is not there the next step complains.
      if error.fault != .unreachable(ENOENT) { throw NodeError(error, key: key, named: path) }
    }
    if mkdir(path, 0o700) != 0 && errno != EEXIST {
      throw .unusableFile(
        path: path, key: key, problem: "cannot be made: \(reason(errno))",
        remedy: "Make its parent directory first, or name another.")
    }
    do throws(TrustError) {
      try TrustedPath.checkFolder(path, .closed)
    } catch {
      throw NodeError(error, key: key)
    }
    guard access(path, W_OK | X_OK) == 0 else {
      throw .unusableFile(
        path: path, key: key, problem: "cannot be written: \(reason(errno))",
        remedy: "Type: chmod 700 \(path), or name a directory on a file system that is mounted for writing.")
    }
  }

  private static func unreadable(_ path: String) -> NodeError {
    .unusableFile(
      path: path, key: nil, problem: "cannot be read: \(reason(errno))",
      remedy: "Name a file that is there and that this user may read.")
  }

  static func reason(_ code: Int32) -> String { String(cString: strerror(code)) }
}
