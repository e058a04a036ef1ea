import CKerberos
import Glibc

/// A file that is on no disk and closes on exec. Programs and libraries reach it by its path under /proc.
package struct MemoryFile: ~Copyable {
  package let descriptor: Int32
  package var path: String { "/proc/self/fd/\(descriptor)" }

  /// - Parameters:
  ///   - text: what the file holds; the position is at its start.
  ///   - name: for error messages.
  package init(_ text: String, named name: String) throws(KerberosError) {
    try self.init(Array(text.utf8), named: name)
  }

  /// - Parameter bytes: what the file holds. Nothing of it stays here.
  package init(_ bytes: [UInt8], named name: String) throws(KerberosError) {
    descriptor = keyval_memory_file(name)
    guard descriptor >= 0 else { throw Self.failure(name) }
    var written = 0
    while written < bytes.count {
      let count = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress! + written, $0.count - written) }
      guard count > 0 else { throw Self.failure(name) }
      written += count
    }
    lseek(descriptor, 0, SEEK_SET)
  }

  deinit { close(descriptor) }

  private static func failure(_ name: String) -> KerberosError {
    let code = errno
    return KerberosError(
      .unusableFile, code: code, "There is no memory for the \(name): \(String(cString: strerror(code))).")
  }
}
