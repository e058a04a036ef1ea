import Glibc

/// How many files this process may have open at once.
enum OpenFiles {
  /// An event loop, a connection, a credential cache and what the libraries open besides: with fewer, libraries that cannot
  /// go on without end the process.
  private static let needed: rlim_t = 32
  /// As many as most systems allow at first.
  private static let usual: rlim_t = 1024

  /// Raises the limit as far as this process may, where it is lower than usual.
  /// - Throws: `Failure` where that is not enough for anything.
  static func require() throws {
    let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    var limit = rlimit()
    guard getrlimit(resource, &limit) == 0, limit.rlim_cur < usual else { return }
    limit.rlim_cur = min(limit.rlim_max, usual)
    // If that is refused, the limit is what counts.
    _ = setrlimit(resource, &limit)
    _ = getrlimit(resource, &limit)
    guard limit.rlim_cur < needed else { return }
    throw Failure(
      status: .systemFailure,
      sentence:
        "this process may have \(limit.rlim_cur) files open at once, and needs \(needed); raise the limit (ulimit -n)"
    )
  }
}
