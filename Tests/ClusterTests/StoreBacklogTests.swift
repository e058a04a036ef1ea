import Cluster
import Testing

@Suite("What of a log waits to be folded") struct StoreBacklogTests {
  private let limit = StoreBacklog(rows: 100, records: 1_000, bytes: 1 << 20)

  @Test("it exceeds a limit by rows, records or bytes, each alone")
  func each() {
    #expect(!limit.exceeds(limit))
    #expect(StoreBacklog(rows: 101).exceeds(limit))
    #expect(StoreBacklog(rows: 1, records: 1_001).exceeds(limit))
    #expect(StoreBacklog(rows: 1, bytes: (1 << 20) + 1).exceeds(limit))
  }

  @Test("beside a large table it may be twice as long, and no longer, however large that is")
  func shares() {
    func exceeds(_ records: Int, table: Int, share: Int) -> Bool {
      StoreBacklog(rows: 1, records: records, table: table).exceeds(limit, orShare: share)
    }
    #expect(exceeds(1_001, table: 0, share: 1))
    #expect(exceeds(1_001, table: 3 << 20, share: 2), "half of it is not twice the limit")
    #expect(!exceeds(1_001, table: 4 << 20, share: 2))
    #expect(!exceeds(2_000, table: 4 << 20, share: 2))
    #expect(exceeds(2_001, table: 4 << 20, share: 2))
    #expect(exceeds(2_001, table: 1 << 50, share: 2))
  }
}
