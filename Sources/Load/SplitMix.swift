/// SplitMix64 (Steele, Lea, Flood 2014), as drones use it: a few instructions a number, which decides nothing secret.
public struct SplitMix: Sendable {
  private var state: UInt64
  public init(seed: UInt64) { state = seed }

  public mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var value = state
    value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
    value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
    return value ^ (value >> 31)
  }

  /// Below a bound, by multiplication: a division would cost more than the rest.
  public mutating func next(below bound: Int) -> Int {
    Int(truncatingIfNeeded: next().multipliedFullWidth(by: UInt64(bound)).high)
  }

  /// From 0 up to, and without, 1.
  mutating func nextFraction() -> Double { Double(next() >> 11) * 0x1p-53 }
}
