import Testing

@testable import failover

@Suite("What a caller knows of its keys")
struct LedgerTests {
  private let start = ContinuousClock.now

  @Test("acknowledged writes that a key lacks in the end are counted, those in doubt are not")
  func lost() {
    var entry = Ledger.Entry()
    for number in 1...5 as ClosedRange<UInt64> {
      #expect(entry.attempt() == number)
      if number == 4 { entry.fail(number) } else { entry.acknowledge(number) }
    }
    #expect(entry.lost(by: 5) == 0)
    #expect(entry.lost(by: 3) == 1, "the fifth; the fourth was in doubt")
    #expect(entry.lost(by: 2) == 2)
    #expect(entry.lost(by: nil) == 4, "all but the one in doubt")
  }

  @Test("a write that was tried may be read or not, one that was acknowledged has to be")
  func plausible() {
    var entry = Ledger.Entry()
    #expect(entry.isPlausible(nil))
    entry.acknowledge(entry.attempt())
    entry.fail(entry.attempt())
    #expect(entry.isPlausible(1) && entry.isPlausible(2))
    #expect(!entry.isPlausible(nil) && !entry.isPlausible(3))
  }

  @Test("a gap begins with the last success before the mark; a request that began before it is no service")
  func gap() {
    var ledger = Ledger(keys: 1, now: start)
    func at(_ milliseconds: Int) -> ContinuousClock.Instant { start + .milliseconds(milliseconds) }
    ledger.succeeded(begunAt: at(0), now: at(900))
    ledger.succeeded(begunAt: at(900), now: at(910))
    ledger.mark(at(1_000))
    #expect(ledger.longestGap == .zero, "what was before does not count")
    ledger.succeeded(begunAt: at(990), now: at(1_005))
    #expect(ledger.servedSinceMark == 0)
    ledger.failed("timed out")
    ledger.succeeded(begunAt: at(1_900), now: at(2_005))
    #expect(ledger.servedSinceMark == 1)
    #expect(ledger.longestGap == .milliseconds(1_000), "a failure does not end it")
    #expect(ledger.requests == 5)
  }

  @Test("callers have slots of their own, spread over all of them")
  func keys() {
    let tags = KeySet(callers: 16).tags
    #expect(Set(tags).count == 16)
    #expect(Set(KeySet(callers: 512).tags).count == 512)
  }
}
