import Glibc

/// Held while a start or a stop is going on, so that two of them do not work on one directory at once. The
/// kernel gives it back when the process ends, however it ends.
final class DirectoryLock {
  private let descriptor: Int32

  init(_ directory: ClusterDirectory) throws(LocalClusterError) {
    descriptor = open(directory.lock, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw .system("cannot use \(directory.lock)", code: errno) }
    // From here on deinit closes it, also when this throws.
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      throw LocalClusterError(
        .input, "another keyval is starting or stopping the cluster in \(directory.path)")
    }
  }

  deinit {
    guard descriptor >= 0 else { return }
    // Closing alone would leave it to a child that another thread has just made and that is no other program yet.
    flock(descriptor, LOCK_UN)
    close(descriptor)
  }
}
