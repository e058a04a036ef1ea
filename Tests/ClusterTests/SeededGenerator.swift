import Glibc

/// SplitMix64: a failing seed, which the tests print, replays exactly with `KEYVAL_SEED=N`.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var value = state
    value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
    value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
    return value ^ value >> 31
  }

  /// The seed of `KEYVAL_SEED`, else a random one; it is printed.
  static func printedSeed(_ test: String) -> UInt64 {
    let chosen = getenv("KEYVAL_SEED").flatMap { UInt64(String(cString: $0)) }
    let seed = chosen ?? UInt64.random(in: .min ... .max)
    print("\(test): KEYVAL_SEED=\(seed)")
    return seed
  }
}
