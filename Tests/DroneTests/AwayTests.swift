import Cluster
import Testing

@testable import Drone

@Suite("A database that does not answer") struct AwayTests {
  @Test(
    "a shadow that was silent for a while, or away, secures again what waits and what comes",
    arguments: [false, true])
  func shadowReturns(reconnects: Bool) {
    var pair = ShadowPair.inSync()
    #expect(pair.put("a", "1") == nil)
    // It is sent this and never says what came of it.
    #expect(pair.ownerCore.takeAppend().count == 1)
    #expect(pair.talk().count == 1)
    #expect(pair.put("b", "1") == nil)
    if reconnects {
      _ = pair.ownerCore.disconnected(pair.shadow)
      #expect(pair.put("c", "1") == nil)
      pair.connect()
    } else {
      let late = pair.hear()
      pair.now = pair.now + Timing().suspicion * 2
      _ = pair.ownerCore.tickStreams(pair.now, timing: Timing())
      #expect(pair.put("c", "1") == nil)
      for answer in late { _ = pair.ownerCore.receive(answer, from: pair.shadow, now: pair.now) }
    }
    pair.talk()
    #expect(pair.get("b") == .value([UInt8]("1".utf8)))
    #expect(pair.get("c") == .value([UInt8]("1".utf8)))
    #expect(pair.put("d", "1") == nil)
    #expect(pair.talk().count == 1)
  }
}
