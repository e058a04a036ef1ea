/// When the requests of a fixed rate are due: every connection has its turn, none waits for another's answer.
///
/// A request is due whether or not those before it are answered, and its latency counts from then: what waits because
/// the server is slow is slow, too (no coordinated omission).
public struct RateSchedule: Sendable, Equatable {
  /// Nanoseconds of the clock at which the first is due.
  let start: UInt64
  /// Requests a second, of all connections.
  let rate: UInt64
  /// This connection's turn, and how many have one.
  let turn: UInt64
  let turns: UInt64

  public init(start: UInt64, rate: UInt64, turn: UInt64, turns: UInt64) {
    self.start = start
    self.rate = rate
    self.turn = turn
    self.turns = turns
  }

  /// When this connection's request of a number, from 0, is due.
  public func due(_ number: UInt64) -> UInt64 {
    let position = (number &* turns &+ turn).multipliedFullWidth(by: 1_000_000_000)
    return start &+ rate.dividingFullWidth(position).quotient
  }

  /// How many of this connection's are due before a time.
  public func count(before end: UInt64) -> UInt64 {
    guard end > start else { return 0 }
    let product = (end - start).multipliedFullWidth(by: rate)
    // Requests of all connections whose time has come.
    let (quotient, remainder) = UInt64(1_000_000_000).dividingFullWidth(product)
    let all = quotient + (remainder > 0 ? 1 : 0)
    return all > turn ? (all - turn - 1) / turns + 1 : 0
  }
}
