/// Milliseconds of a clock that never goes back and counts on while the machine sleeps (CLOCK_BOOTTIME).
public struct Instant: Hashable, Comparable, Sendable {
  public let milliseconds: Int64
  public init(milliseconds: Int64) { self.milliseconds = milliseconds }

  public static func < (left: Instant, right: Instant) -> Bool { left.milliseconds < right.milliseconds }
  public static func + (instant: Instant, milliseconds: Int64) -> Instant {
    Instant(milliseconds: instant.milliseconds &+ milliseconds)
  }
  public static func - (left: Instant, right: Instant) -> Int64 {
    left.milliseconds &- right.milliseconds
  }
}

/// The cluster's intervals in milliseconds. All scale with the heartbeat, so that a slot lease stays longer
/// than suspicion and an election together; every node of a cluster must have the same.
public struct Timing: Hashable, Sendable {
  /// A commander's heartbeat to each drone.
  public let heartbeat: Int64

  public init(heartbeat: Int64 = 250) { self.heartbeat = max(10, heartbeat) }

  /// How often a role looks at the time while something is under way.
  public var step: Int64 { max(2, heartbeat / 5) }
  /// Silence after which a commander is suspected; also how long a voter that answered it abstains, and how
  /// recent the heartbeats must be that a majority answered for slots to be renewed.
  public var suspicion: Int64 { heartbeat * 3 }
  /// A drone's lease on its partitions.
  public var lease: Int64 { heartbeat * 8 }
  /// How long one of several authorities is sure to be the active one, from before it last renewed that. As long
  /// as a drone's lease, so that the same drift is allowed for.
  public var tenure: Int64 { lease }
  /// What two clocks may drift apart within a lease.
  public var drift: Int64 { max(10, lease / 50) }
  /// A commander without a majority, or without the database that others reach, resigns after this.
  public var resignation: Int64 { heartbeat * 20 }
  /// How long a ballot or a question to voters waits for answers.
  public var ballot: Int64 { heartbeat * 2 }
  /// Between two looks at a file that the operator may change while the node runs.
  public var lookAtFiles: Int64 { heartbeat * 8 }
  /// Back-off after a failed candidacy is drawn from this range, so that two who tied differ.
  public var backOff: ClosedRange<Int64> { heartbeat / 2...heartbeat * 3 }
}
