import Cluster
import Logging
import Testing

@testable import Node

@Suite("Peers that are dialled in vain")
struct UnreachedPeersTests {
  private struct Bench {
    let catcher = LogCatcher()
    var peers = UnreachedPeers()
    var now = Instant(milliseconds: 1_000)

    var logger: Logger {
      var logger = Logger(label: "test") { [catcher] _ in CatchingLogHandler(catcher) }
      logger.logLevel = .debug
      return logger
    }

    mutating func fail(_ peer: String, _ reason: String = "refused", after milliseconds: Int64) {
      now = now + milliseconds
      peers.failed(peer, reason, now: now, logger)
    }

    var warnings: [String] { catcher.all.filter { $0.contains("for some time") } }
  }

  @Test("one that is back within five seconds is told of at the level debug alone")
  func brief() {
    var bench = Bench()
    for _ in 0..<49 { bench.fail("a", after: 100) }
    bench.peers.reached("a", now: bench.now, bench.logger)
    bench.fail("a", after: 4_000)
    #expect(bench.warnings == [])
    #expect(!bench.catcher.all.contains { $0.contains("at last") })
  }

  @Test(
    "one that is not is told of once with the reason, a minute later with another, every ten with the same; and its return"
  )
  func long() {
    var bench = Bench()
    for _ in 0..<60 { bench.fail("a", after: 1_000) }
    #expect(bench.warnings.count == 1)
    bench.fail("b", "clocks", after: 1)
    #expect(bench.warnings.count == 1, "each has a time of its own")
    for second in 1...9 { bench.fail("a", "\(second) s", after: 100) }
    #expect(bench.warnings.count == 1, "a number in it is no news")
    bench.fail("a", "clocks", after: 60_000)
    bench.fail("a", "clocks", after: 1_000)
    #expect(bench.warnings.count == 2 && bench.warnings[1].contains("clocks"))
    bench.fail("a", "clocks", after: 600_000)
    #expect(bench.warnings.count == 3)
    bench.peers.reached("a", now: bench.now, bench.logger)
    #expect(bench.catcher.all.count { $0.contains("at last") } == 1)
    bench.fail("a", after: 1_000)
    #expect(bench.warnings.count == 3)
  }
}
