import Cluster

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The client's two clocks: intervals count on one that never goes back, certificates on the other.
enum ClientClock {
  static func now() -> Instant {
    let time = read(CLOCK_BOOTTIME)
    return Instant(milliseconds: Int64(time.tv_sec) &* 1000 &+ Int64(time.tv_nsec) / 1_000_000)
  }

  /// Seconds since 1970.
  static func seconds() -> Int64 { Int64(read(CLOCK_REALTIME).tv_sec) }

  private static func read(_ clock: clockid_t) -> timespec {
    var time = timespec()
    clock_gettime(clock, &time)
    return time
  }
}
