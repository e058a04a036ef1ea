import Cluster
import Testing

@testable import Node

@Suite("Noticing that an event loop was held up") struct TickWatchTests {
  @Test("a pause between two ticks is told when it is longer than the suspicion interval")
  func pause() {
    let timing = Timing()
    var watch = TickWatch()
    let start = Instant(milliseconds: 10_000)
    #expect(watch.ticked(start, timing) == nil)
    #expect(watch.ticked(start + timing.suspicion, timing) == nil)
    #expect(watch.ticked(start + 2 * timing.suspicion + 1, timing) == timing.suspicion + 1)
    #expect(watch.ticked(start + 2 * timing.suspicion + 2, timing) == nil)
  }
}
