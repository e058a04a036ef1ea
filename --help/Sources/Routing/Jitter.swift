import Cluster

/// Pauses between attempts: they double, and are drawn at random from their upper half, so that clients that
/// failed together do not come back together.
struct Jitter: Sendable {
  private var random: SplitMix

  init(seed: UInt64) { random = SplitMix(seed: seed) }

  /// - Parameter attempts: how many have failed; 1 gives the shortest pause.
  mutating func pause(after attempts: Int, _ timing: ClientTiming) -> Int64 {
    let doublings = Int64(min(max(attempts - 1, 0), 16))
    let longest = min(timing.shortestPause << doublings, timing.longestPause)
    let half = longest / 2
    return half + random.next(in: 0...max(longest - half, 0))
  }

  mutating func next() -> UInt64 { random.next() }
}
