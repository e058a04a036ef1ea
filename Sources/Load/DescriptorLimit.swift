#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// How many file descriptors this process may have: most systems give 1,024 at first, and more when asked.
enum DescriptorLimit {
  /// For what is no connection of the load: standard streams, event loops, the client's own sessions.
  static let reserve: UInt64 = 64

  /// Raises the soft limit as far as so many connections need.
  /// - Throws: ``LoadError/badSize(_:)`` when the hard limit is lower.
  static func raise(for connections: Int) throws(LoadError) {
    let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    var limit = rlimit()
    guard getrlimit(resource, &limit) == 0 else { return }
    guard
      let wanted = try soft(
        for: connections, now: UInt64(limit.rlim_cur), hard: UInt64(limit.rlim_max))
    else { return }
    limit.rlim_cur = rlim_t(wanted)
    guard setrlimit(resource, &limit) == 0 else {
      throw .badSize("the limit of file descriptors cannot be raised to \(wanted): take fewer connections")
    }
  }

  /// What the soft limit has to become; nil when it is high enough.
  static func soft(for connections: Int, now: UInt64, hard: UInt64) throws(LoadError) -> UInt64? {
    let wanted = UInt64(max(0, connections)) + reserve
    guard now < wanted else { return nil }
    guard wanted <= hard else {
      throw .badSize(
        "\(connections) connections take \(wanted) file descriptors, and this process may have \(hard): "
          + "take fewer, or raise the hard limit (ulimit -Hn)")
    }
    return wanted
  }
}
