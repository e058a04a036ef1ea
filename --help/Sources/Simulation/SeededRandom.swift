/// xoshiro256** (Blackman, Vigna 2018), seeded by SplitMix64: the same numbers from the same seed everywhere.
public struct SeededRandom: RandomNumberGenerator, Sendable {
  private var state: (UInt64, UInt64, UInt64, UInt64)

  public init(seed: UInt64) {
    var splitMix = seed
    func next() -> UInt64 {
      splitMix &+= 0x9e37_79b9_7f4a_7c15
      var value = splitMix
      value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
      value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
      return value ^ (value >> 31)
    }
    state = (next(), next(), next(), next())
  }

  /// Numbers of their own for a part of a run, so that what another part draws does not shift them.
  public init(seed: UInt64, stream: UInt64) {
    self.init(seed: seed ^ (stream &* 0xd1b5_4a32_d192_ed03) &+ stream)
  }

  public mutating func next() -> UInt64 {
    let product = state.1 &* 5
    let result = (product << 7 | product >> 57) &* 9
    let shifted = state.1 << 17
    state.2 ^= state.0
    state.3 ^= state.1
    state.1 ^= state.2
    state.0 ^= state.3
    state.2 ^= shifted
    state.3 = state.3 << 45 | state.3 >> 19
    return result
  }

  public mutating func number(_ range: ClosedRange<Int64>) -> Int64 {
    range.lowerBound + Int64(next() % UInt64(range.upperBound - range.lowerBound + 1))
  }

  public mutating func index(_ count: Int) -> Int { Int(next() % UInt64(max(1, count))) }

  /// True so many times in a million.
  public mutating func chance(_ perMillion: Int) -> Bool {
    perMillion > 0 && next() % 1_000_000 < UInt64(perMillion)
  }

  public mutating func bytes(_ count: Int) -> [UInt8] {
    (0..<count).map { _ in UInt8(truncatingIfNeeded: next() >> 32) }
  }
}
