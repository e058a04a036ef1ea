import Glibc
import LocalTrust

/// One small file of a node's own directory, replaced as a whole: what stands there is what was stored last, all of
/// it, whatever happens meanwhile.
struct DurableFile {
  let directory: String
  let name: String
  var path: String { directory + "/" + name }

  /// Nil when nothing was ever stored. What somebody else can have put there, or read, is refused.
  func load(maximum: Int) throws(NodeError) -> [UInt8]? {
    do throws(TrustError) {
      return try TrustedPath.open(path, .secret).read(maximum: maximum)
    } catch {
      if error.fault == .unreachable(ENOENT), error.step == path { return nil }
      throw NodeError(error, key: nil)
    }
  }

  /// Writes a new file beside the old one, syncs it, puts it in the old one's place, syncs the directory.
  /// - Parameter need: what the node cannot do without it.
  func store(_ bytes: [UInt8], need: String) throws(NodeError) {
    let temporary = path + ".new"
    unlink(temporary)
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw failure(temporary, need) }
    let isWritten = Self.write(bytes, to: descriptor) && fsync(descriptor) == 0
    let code = errno
    Glibc.close(descriptor)
    guard isWritten else { throw failure(temporary, need, code) }
    guard rename(temporary, path) == 0 else { throw failure(path, need) }
    let folder = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard folder >= 0 else { throw failure(directory, need) }
    defer { Glibc.close(folder) }
    guard fsync(folder) == 0 else { throw failure(directory, need) }
  }

  private static func write(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { return false }
      rest = rest.dropFirst(count)
    }
    return true
  }

  private func failure(_ path: String, _ need: String, _ code: Int32 = errno) -> NodeError {
    .unusableFile(
      path: path, key: "directory", problem: "cannot be written: \(NodeFiles.reason(code))",
      remedy: "Make room, or see to its permissions: without it \(need).")
  }
}
