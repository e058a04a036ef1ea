import Glibc
import LocalTrust

func reason(_ code: Int32) -> String { String(cString: strerror(code)) }

/// A small file as text, nil if it cannot be read. For /proc, whose files have no size, and for what is only shown:
/// logs, and what a node says. Nothing is waited for, and a link is nothing of ours.
func readSmallFile(_ path: String, limit: Int = 1 << 20) -> String? {
  let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC)
  guard descriptor >= 0 else { return nil }
  defer { close(descriptor) }
  var bytes: [UInt8] = []
  var chunk = [UInt8](repeating: 0, count: 1 << 14)
  while bytes.count < limit {
    let count = read(descriptor, &chunk, chunk.count)
    if count < 0 && errno == EINTR { continue }
    guard count >= 0 else { return nil }
    if count == 0 { break }
    bytes += chunk[..<count]
  }
  return String(validating: bytes, as: UTF8.self)
}

/// A file of ours that decides something, as text.
/// - Throws: `LocalClusterError` when somebody else can have written it, or it cannot be read.
func readTrustedFile(
  _ path: String, _ rule: TrustedPath.FileRule = .decisive
) throws(LocalClusterError) -> String {
  try readOwnedFile(path, rule).text
}

/// The same, and whose it is: root's or this user's.
func readOwnedFile(
  _ path: String, _ rule: TrustedPath.FileRule = .decisive
) throws(LocalClusterError) -> (text: String, owner: UInt32) {
  do throws(TrustError) {
    let file = try TrustedPath.open(path, rule)
    if let text = try file.text(maximum: 1 << 20) { return (text, file.owner) }
  } catch {
    throw LocalClusterError(error)
  }
  throw LocalClusterError(.input, "\(path) is not what keyval wrote there: it is no text")
}

/// Writes a file so that a reader sees the old contents or the new, never half.
func replaceFile(_ path: String, with text: String, mode: mode_t) throws(LocalClusterError) {
  let temporary = path + ".new"
  unlink(temporary)
  let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode)
  guard descriptor >= 0 else { throw .system("cannot write \(temporary)", code: errno) }
  let bytes = Array(text.utf8)
  var written = 0
  while written < bytes.count {
    let count = bytes.withUnsafeBytes {
      write(descriptor, $0.baseAddress?.advanced(by: written), bytes.count - written)
    }
    if count < 0 && errno == EINTR { continue }
    guard count > 0 else {
      let code = errno
      close(descriptor)
      throw .system("cannot write \(temporary)", code: code)
    }
    written += count
  }
  // The umask may have taken away what the mode grants.
  _ = fchmod(descriptor, mode)
  close(descriptor)
  guard rename(temporary, path) == 0 else { throw .system("cannot write \(path)", code: errno) }
}
