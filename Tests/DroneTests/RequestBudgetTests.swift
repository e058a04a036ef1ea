import Cluster
import Testing

@testable import Drone

@Suite("Requests a second") struct RequestBudgetTests {
  private static let limit = RequestLimit(line: 1, perSecond: 10)
  private static let start = Instant(milliseconds: 5_000)

  @Test("a second's worth at once, then as many as the line says, over any time")
  func rate() {
    var budget = RequestBudget()
    var taken = 0
    for millisecond in 0..<10_000 {
      for _ in 0..<3 where budget.consume(Self.limit, of: "a", Self.start + Int64(millisecond)) == nil {
        taken += 1
      }
    }
    #expect((108...110).contains(taken), "\(taken)")
  }

  @Test(
    "who comes back when he was told is served, and many who were turned away are not told the same moment")
  func waits() {
    var budget = RequestBudget()
    for _ in 0..<10 { #expect(budget.consume(Self.limit, of: "a", Self.start) == nil) }
    let waits = (0..<50).compactMap { _ in budget.consume(Self.limit, of: "a", Self.start) }
    #expect(waits == (1...50).map { Int64($0) * 100 })
    for wait in waits { #expect(budget.consume(Self.limit, of: "a", Self.start + wait) == nil) }
    // With a rate that a millisecond has several of, they come several in each.
    let fast = RequestLimit(line: 2, perSecond: 4_000)
    for _ in 0..<4_000 { _ = budget.consume(fast, of: "a", Self.start) }
    let soon = (0..<8).compactMap { _ in budget.consume(fast, of: "a", Self.start) }
    #expect(soon == [1, 1, 1, 1, 1, 1, 1, 2])
    // And nobody is sent away for ever.
    for _ in 0..<1_000 { _ = budget.consume(Self.limit, of: "b", Self.start) }
    #expect(budget.consume(Self.limit, of: "b", Self.start) == RequestBudget.longestWait)
  }

  @Test("principals and lines do not count for each other, and another number begins anew")
  func apart() {
    var budget = RequestBudget()
    let one = RequestLimit(line: 1, perSecond: 1)
    #expect(budget.consume(one, of: "a", Self.start) == nil)
    #expect(budget.consume(one, of: "a", Self.start) == 1_000)
    #expect(budget.consume(one, of: "b", Self.start) == nil)
    #expect(budget.consume(RequestLimit(line: 2, perSecond: 1), of: "a", Self.start) == nil)
    #expect(budget.consume(RequestLimit(line: 1, perSecond: 2), of: "a", Self.start) == nil)
  }

  @Test("a clock that goes backwards, and as many principals as there may be, trap nothing")
  func corners() {
    var budget = RequestBudget()
    let largest = RequestLimit(line: 1, perSecond: 1_000_000_000)
    #expect(budget.consume(largest, of: "a", Instant(milliseconds: .max / 2)) == nil)
    #expect(budget.consume(largest, of: "a", Instant(milliseconds: 0)) == nil)
    for number in 0...RequestBudget.capacity {
      _ = budget.consume(Self.limit, of: "\(number)", Self.start)
    }
    #expect(budget.consume(Self.limit, of: "0", Self.start) == nil)
  }
}
