import Testing

@testable import failover

@Suite("What others saw")
struct SightingTests {
  private let start = ContinuousClock.now

  private func acknowledged(_ key: String, _ number: UInt64, at milliseconds: Int) -> Acknowledgement {
    Acknowledgement(key: key, number: number, at: start + .milliseconds(milliseconds))
  }

  private func seen(_ key: String, _ number: UInt64, begunAt milliseconds: Int) -> Sighting {
    Sighting(key: key, number: number, begunAt: start + .milliseconds(milliseconds))
  }

  @Test("stale is what lacks a write that was acknowledged before the read began, and nothing else")
  func stale() {
    let acknowledgements = [
      acknowledged("a", 1, at: 10), acknowledged("a", 2, at: 20), acknowledged("a", 4, at: 30),
      acknowledged("b", 7, at: 10),
    ]
    func stale(_ sightings: Sighting...) -> Int { Sighting.stale(sightings, after: acknowledgements) }
    #expect(stale(seen("a", 0, begunAt: 10), seen("a", 0, begunAt: 5)) == 0, "not written yet")
    #expect(stale(seen("a", 0, begunAt: 11)) == 1)
    #expect(stale(seen("a", 1, begunAt: 20), seen("a", 2, begunAt: 21), seen("a", 4, begunAt: 99)) == 0)
    #expect(stale(seen("a", 3, begunAt: 31), seen("a", 1, begunAt: 31), seen("b", 7, begunAt: 31)) == 2)
    #expect(stale(seen("a", 5, begunAt: 5)) == 0, "what is not acknowledged yet may be seen")
    #expect(stale(seen("c", 0, begunAt: 99)) == 0, "of this nothing is known")
  }

  @Test("a ledger that is recorded keeps what was acknowledged, of before the mark the last")
  func record() {
    var ledger = Ledger(keys: 2, isRecorded: true, now: start)
    for number in 1...3 as ClosedRange<UInt64> { ledger.acknowledged(number, of: 0, now: start) }
    ledger.mark(start)
    #expect(ledger.acknowledgedSinceMark == 0)
    ledger.acknowledged(4, of: 0, now: start + .seconds(1))
    #expect(ledger.acknowledgedSinceMark == 1)
    #expect(ledger.lastAcknowledged == start + .seconds(1))
    #expect(ledger.record[0]?.map(\.number) == [3, 4])
    #expect(ledger.record[1] == nil)
    #expect(ledger.entries[0].acknowledged == 4)
  }
}
