import Glibc
import LocalTrust
import Synchronization

/// The directory and the files of a store: made for the owner's eyes only, used by one process at a time.
///
/// The lock is the kernel's (`flock`), so that it goes with the process, however that ends.
final class StoreFiles: Sendable {
  let databasePath: String
  /// Nil once it has been given back.
  private let lock: Mutex<Int32?>

  /// Creates the directory (0700) and the database file (0600) when they are missing. What is there must be this
  /// user's alone, and on the way to it nobody but root and this user may decide what is found.
  /// - Throws: `exposed`, `untrusted`, `inUse`, `inaccessible`.
  init(directory: String) throws(StoreError) {
    databasePath = directory + "/keyval.sqlite"
    if mkdir(directory, 0o700) != 0, errno != EEXIST {
      throw .inaccessible(path: directory, detail: Self.reason(errno))
    }
    try Self.requirePrivateDirectory(directory)
    let descriptor = try Self.lock(directory + "/keyval.lock")
    lock = Mutex(descriptor)
    do throws(StoreError) {
      try Self.createPrivate(databasePath)
      for path in [databasePath, databasePath + "-wal", databasePath + "-shm"] {
        try Self.requirePrivate(path)
      }
    } catch {
      unlock()
      throw error
    }
  }

  deinit { unlock() }

  /// Lets others have the store.
  func unlock() {
    lock.withLock { lock in
      guard let descriptor = lock else { return }
      // Closing is not enough while a child process that has not yet exec'd has a duplicate.
      flock(descriptor, LOCK_UN)
      close(descriptor)
      lock = nil
    }
  }

  private static func lock(_ path: String) throws(StoreError) -> Int32 {
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { throw .inaccessible(path: path, detail: reason(errno)) }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      let code = errno
      close(descriptor)
      throw code == EWOULDBLOCK ? .inUse(path: path) : .inaccessible(path: path, detail: reason(code))
    }
    return descriptor
  }

  /// SQLite would create the file with the process's umask; its other files take this one's mode.
  static func createPrivate(_ path: String) throws(StoreError) {
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { throw .inaccessible(path: path, detail: reason(errno)) }
    close(descriptor)
  }

  /// One that is not there is made with the right mode; SQLite's side files come and go.
  static func requirePrivate(_ path: String) throws(StoreError) {
    do throws(TrustError) {
      try TrustedPath.check(path, .secret)
    } catch {
      if error.fault == .unreachable(ENOENT), error.step == path { return }
      throw StoreError(error)
    }
  }

  static func requirePrivateDirectory(_ path: String) throws(StoreError) {
    do throws(TrustError) {
      try TrustedPath.checkFolder(path, .closed)
    } catch {
      throw StoreError(error)
    }
  }

  private static func reason(_ code: Int32) -> String { String(cString: strerror(code)) }
}
