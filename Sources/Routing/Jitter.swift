import Cluster

/// Pauses between attempts: they double, and are drawn at random from their upper half, so that clients that
/// failed together do not come back together.
struct Jitter: Sendable {
  private var state: UInt64

  /// The seed comes from outside: a core draws no randomness of its own.
  init(seed: UInt64) { state = seed }

  /// - Parameter attempts: how many have failed; 1 gives the shortest pause.
  mutating func pause(after attempts: Int, _ timing: ClientTiming) -> Int64 {
    let doublings = Int64(min(max(attempts - 1, 0), 16))
    let longest = min(timing.shortestPause << doublings, timing.longestPause)
    let half = longest / 2
    return half + Int64(next() % UInt64(max(longest - half, 0) + 1))
  }

  /// SplitMix64.
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var value = state
    value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
    value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
    return value ^ value >> 31
  }
}
