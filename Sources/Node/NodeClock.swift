import Cluster
import Glibc

/// The two clocks of a node. Leases and time-outs count on the first, certificates on the second; the two are
/// never compared with each other.
public enum NodeClock {
  /// Milliseconds since the machine started, on a clock that is never set and counts on while it sleeps.
  public static func now() -> Instant {
    let time = read(CLOCK_BOOTTIME)
    return Instant(milliseconds: Int64(time.tv_sec) &* 1000 &+ Int64(time.tv_nsec) / 1_000_000)
  }

  /// Seconds since 1970, as far as this machine knows.
  public static func wallSeconds() -> Int64 { Int64(read(CLOCK_REALTIME).tv_sec) }

  /// Milliseconds since 1970, as far as this machine knows.
  static func wallMilliseconds() -> Int64 {
    let time = read(CLOCK_REALTIME)
    return Int64(time.tv_sec) &* 1_000 &+ Int64(time.tv_nsec) / 1_000_000
  }

  static func read(_ clock: clockid_t) -> timespec {
    var time = timespec()
    // Both clocks exist on every Linux that Swift runs on, and the pointer is good: it cannot fail.
    clock_gettime(clock, &time)
    return time
  }
}
