import Cluster
import Testing

@testable import Drone

@Suite("What a shadow is told, and in which order") struct TurnTests {
  @Test("a partition that always has more to say does not keep a shadow from hearing of another")
  func turns() {
    let (owner, shadow) = (Names.drone(1), Names.drone(2))
    var bounds = DataBounds()
    // One partition a record.
    bounds.appendRoom = 2_500
    var core = DataCore(incarnation: Incarnation(11), bounds: bounds)
    let set = Names.set(0..<2)
    _ = core.beginOpening(set, token: Names.token(1, 1), mode: .load)
    for partition in set {
      _ = core.finishLoading(partition, token: Names.token(1, 1), sequence: 1, past: PastWrites())
    }
    let now = Instant(milliseconds: 10_000)
    core.serve(set, until: now + 1_000_000)
    core.install(ShadowPair.map(shadows: [1], version: 1), mine: set, principal: owner)
    core.connected(shadow, life: Incarnation(22))
    var heard: [Partition] = []
    for _ in 0..<4 {
      heard += core.replicate(to: shadow, now: now).compactMap(\.partition)
      // The first has something new to say each time.
      for partition in set where heard.last == partition {
        _ = core.receive(.missing(partition: partition, token: Names.token(1, 1)), from: shadow, now: now)
      }
    }
    #expect(Set(heard) == Set(set))
  }

  @Test("a shadow that the map leaves out for a moment, and whose next records are gone, begins anew")
  func leftOut() {
    var pair = ShadowPair(sequence: 0)
    pair.connect()
    pair.talk()
    pair.install(shadows: [2], version: 2)
    #expect(pair.put("a", "1") == nil)
    pair.store()
    // It has not been told that it is let go of.
    pair.install(shadows: [1], version: 3)
    pair.talk()
    pair.store()
    #expect(pair.isListed)
    #expect(pair.shadowCore.has(1, of: ShadowPair.client, in: ShadowPair.partition))
  }
}
