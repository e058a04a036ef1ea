import Glibc
import Journal

/// A journal's memory: a file of the drone's directory, mapped. The system keeps what was stored to it when the process
/// dies. Its room on the disk is reserved before, so that no store finds the disk full.
final class JournalFile: JournalMemory {
  let directory: String
  let name: String
  private(set) var bytes = UnsafeMutableRawBufferPointer(start: nil, count: 0)
  /// Why it could not be made or replaced last.
  private(set) var failure: Int32 = 0

  init(directory: String, name: String) {
    self.directory = directory
    self.name = name
  }

  deinit { unmap(bytes) }

  var path: String { directory + "/" + name }

  func replace(count: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Void) -> Bool {
    let temporary = path + ".new"
    unlink(temporary)
    guard let next = Self.map(temporary, count) else {
      failure = errno
      unlink(temporary)
      return false
    }
    fill(next)
    guard rename(temporary, path) == 0 else {
      failure = errno
      unmap(next)
      unlink(temporary)
      return false
    }
    unmap(bytes)
    bytes = next
    return true
  }

  private static func map(_ path: String, _ count: Int) -> UnsafeMutableRawBufferPointer? {
    let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { return nil }
    // The mapping stays.
    defer { close(descriptor) }
    let code = posix_fallocate(descriptor, 0, off_t(count))
    guard code == 0 else {
      errno = code
      return nil
    }
    let address = mmap(nil, count, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)
    guard let address, address != MAP_FAILED else { return nil }
    return UnsafeMutableRawBufferPointer(start: address, count: count)
  }

  private func unmap(_ bytes: UnsafeMutableRawBufferPointer) {
    if let start = bytes.baseAddress { munmap(start, bytes.count) }
  }
}
