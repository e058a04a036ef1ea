import Glibc
import Journal

/// A journal's memory: a file of the drone's directory, mapped. The system keeps what was stored to it when the process
/// dies. Its room on the disk is reserved before, so that no store finds the disk full.
final class JournalFile: JournalMemory {
  let directory: String
  let name: String
  private(set) var bytes = UnsafeMutableRawBufferPointer(start: nil, count: 0)
  private var descriptor: Int32 = -1
  /// Why it could not be made or replaced last.
  private(set) var failure: Int32 = 0

  init(directory: String, name: String) {
    self.directory = directory
    self.name = name
  }

  deinit { close() }

  var path: String { directory + "/" + name }

  func replace(count: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Void) -> Bool {
    let temporary = path + ".new"
    unlink(temporary)
    let next = JournalFile(directory: directory, name: name)
    guard next.map(temporary, count) else {
      failure = errno
      unlink(temporary)
      return false
    }
    fill(next.bytes)
    guard rename(temporary, path) == 0 else {
      failure = errno
      unlink(temporary)
      return false
    }
    // What this one had is closed with the other.
    swap(&bytes, &next.bytes)
    swap(&descriptor, &next.descriptor)
    return true
  }

  private func map(_ path: String, _ count: Int) -> Bool {
    descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { return false }
    let code = posix_fallocate(descriptor, 0, off_t(count))
    guard code == 0 else {
      errno = code
      return false
    }
    let address = mmap(nil, count, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)
    guard let address, address != MAP_FAILED else { return false }
    bytes = UnsafeMutableRawBufferPointer(start: address, count: count)
    return true
  }

  private func close() {
    if let start = bytes.baseAddress { munmap(start, bytes.count) }
    if descriptor >= 0 { Glibc.close(descriptor) }
  }

  /// Its pages are the process's no more until they are touched; what is in them stays where the system keeps files. Only
  /// for one that is idle: to touch them again costs more than to go on writing.
  func leaveMemory() {
    if let start = bytes.baseAddress { madvise(start, bytes.count, MADV_DONTNEED) }
  }

  /// Brings to the disk what is in the file now, and that it is in its directory. Blocks: to be performed elsewhere, also
  /// when the file has been replaced meanwhile.
  /// - Returns: nil where there are no descriptors left; else what says whether it has succeeded.
  func sync() -> (@Sendable () -> Bool)? {
    let (copy, directory) = (fcntl(descriptor, F_DUPFD_CLOEXEC, 0), directory)
    guard copy >= 0 else { return nil }
    return {
      defer { Glibc.close(copy) }
      guard fsync(copy) == 0 else { return false }
      let folder = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
      guard folder >= 0 else { return false }
      defer { Glibc.close(folder) }
      return fsync(folder) == 0
    }
  }
}
