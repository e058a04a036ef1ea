import Glibc
import Logging
import Sessions

/// The file descriptors that this process may have: each session, file and connection takes one.
enum Descriptors {
  /// More than any limit of sessions asks for, and as many as Linux gives a process unless told otherwise.
  static let most = 1 << 20

  /// Raises the soft limit of file descriptors to the hard one, and fits limits of sessions to it.
  static func fitted(_ usual: SessionLimits, _ logger: Logger) -> SessionLimits {
    let descriptors = raise(logger)
    let limits = usual.fitting(descriptors: descriptors)
    if limits.sessions < usual.sessions {
      logger.warning(
        "few file descriptors, so few sessions: raise the hard limit (LimitNOFILE= of systemd, ulimit -Hn)",
        metadata: [
          "descriptors": "\(descriptors)", "sessions": "\(limits.sessions)",
          "of-a-principal": "\(limits.sessionsPerPrincipal)",
          "from-an-address": "\(limits.sessionsPerSource)",
        ])
    }
    return limits
  }

  /// - Returns: the soft limit now.
  private static func raise(_ logger: Logger) -> Int {
    let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    var limit = rlimit()
    guard getrlimit(resource, &limit) == 0 else {
      logger.warning(
        "the limit of file descriptors is not known", metadata: [NodeLogging.Key.reason: "\(errno)"])
      return 1024
    }
    let wanted = min(limit.rlim_max, rlim_t(most))
    if limit.rlim_cur < wanted {
      var raised = limit
      raised.rlim_cur = wanted
      if setrlimit(resource, &raised) == 0 {
        limit = raised
      } else {
        logger.warning(
          "the limit of file descriptors cannot be raised",
          metadata: ["descriptors": "\(limit.rlim_cur)", NodeLogging.Key.reason: "\(errno)"])
      }
    }
    return Int(clamping: min(limit.rlim_cur, rlim_t(most)))
  }
}
