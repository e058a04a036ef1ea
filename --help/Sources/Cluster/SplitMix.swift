/// SplitMix64 (Steele, Lea and Flood 2014): a seed in, the same numbers out, on every machine. For what decides nothing
/// secret: pauses, and the keys of a load.
public struct SplitMix: Sendable {
  @usableFromInline var state: UInt64

  /// The seed comes from outside: a core draws no randomness of its own.
  @inlinable
  public init(seed: UInt64) { state = seed }

  @inlinable
  public mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var value = state
    value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
    value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
    return value ^ (value >> 31)
  }

  public mutating func next(in range: ClosedRange<Int64>) -> Int64 {
    range.lowerBound + Int64(next() % UInt64(range.upperBound - range.lowerBound + 1))
  }

  /// Below a bound, by multiplication: a division would cost more than the rest.
  @inlinable
  public mutating func next(below bound: Int) -> Int {
    Int(truncatingIfNeeded: next().multipliedFullWidth(by: UInt64(bound)).high)
  }

  /// From 0 up to, and without, 1.
  @inlinable
  public mutating func nextFraction() -> Double { Double(next() >> 11) * 0x1p-53 }
}
