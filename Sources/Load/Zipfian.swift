import Cluster

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Ranks of which the first is drawn most, the n-th 1/n^0.99 times as often: as YCSB draws them (Gray et al., SIGMOD
/// 1994).
struct Zipfian: Sendable {
  let count: Int
  private static let exponent = 0.99
  private let zeta: Double
  private let eta: Double
  private let second: Double
  private static let power = 1 / (1 - exponent)

  /// - Parameter count: at least 1. Takes some time for each rank, once.
  init(count: Int) {
    self.count = max(1, count)
    var sum = 0.0
    for rank in 1...self.count { sum += pow(1 / Double(rank), Self.exponent) }
    zeta = sum
    second = 1 + pow(0.5, Self.exponent)
    let rest = pow(2 / Double(self.count), 1 - Self.exponent)
    eta = self.count > 2 ? (1 - rest) / (1 - second / sum) : 0
  }

  /// From 0 up to, and without, the count.
  func draw(_ random: inout SplitMix) -> Int {
    let fraction = random.nextFraction()
    let share = fraction * zeta
    if share < 1 || count == 1 { return 0 }
    if share < second || count == 2 { return 1 }
    let rank = Double(count) * pow(eta * fraction - eta + 1, Self.power)
    return min(count - 1, max(0, Int(rank)))
  }
}
