import Cluster
import Testing

@testable import Drone

@Suite("Reads with versions") struct VersionedReadTests {
  private func versioned(_ value: String, _ sequence: UInt64) -> Answer {
    .versioned([UInt8](value.utf8), Version(fence: ShadowPair.token, sequence: sequence))
  }

  private func versioned(_ value: String, _ sequence: UInt64) -> DataCore.Completion.Answer {
    .versioned([UInt8](value.utf8), Version(fence: ShadowPair.token, sequence: sequence))
  }

  @Test("a value is told with the version of the write that it is from")
  func versions() {
    var pair = ShadowPair.inSync()
    #expect(pair.getVersion("a") == .notFound)
    for (key, value) in [("a", "1"), ("b", "2"), ("a", "3")] {
      #expect(pair.put(key, value) == nil)
      pair.talk()
    }
    #expect(pair.getVersion("a") == versioned("3", 4))
    #expect(pair.getVersion("b") == versioned("2", 3))
  }

  @Test("what waived its second place is told with its version when it has one, and plainly at once")
  func waits() {
    var pair = ShadowPair.inSync()
    #expect(pair.put("a", "1", level: .memory) == .done(existed: false))
    #expect(pair.get("a") == .value([UInt8]("1".utf8)))
    #expect(pair.getVersion("a") == nil)
    // A key that has none may have had one that a write without a second place has taken away.
    #expect(pair.getVersion("b") == nil)
    // By then there is another: it was not there when it was asked.
    #expect(pair.put("a", "2", level: .memory) == .done(existed: true))
    let told = pair.talk()
    #expect(told.map(\.answer) == [versioned("1", 2), .notFound])
    #expect(told.map(\.leaseEnd) == [pair.leaseEnd, pair.leaseEnd])
    #expect(pair.getVersion("a") == versioned("2", 3))
  }

  @Test("without a shadow it waits for the database, which is told at once")
  func withoutShadow() {
    var pair = ShadowPair()
    #expect(pair.put("a", "1", level: .memory) == .done(existed: false))
    #expect(!pair.ownerCore.isUrgent)
    #expect(pair.getVersion("a") == nil)
    #expect(pair.ownerCore.isUrgent)
    #expect(pair.store().completions.map(\.answer) == [versioned("1", 2)])
  }

  @Test("a list that names nobody goes behind what was told as secured, though it had waived that")
  func listWaits() {
    var pair = ShadowPair.inSync()
    pair.ownerCore.bounds.batchShare = 1
    for key in ["a", "b"] { #expect(pair.put(key, "1", level: .memory) == .done(existed: false)) }
    #expect(pair.getVersion("b") == nil)
    #expect(pair.talk().map(\.answer) == [versioned("1", 3)])
    _ = pair.ownerCore.disconnected(pair.shadow)
    pair.store()
    #expect(pair.isListed, "the database lacks a write that somebody was told of as secured")
    pair.store()
    #expect(!pair.isListed && pair.records.count == 2)
  }

  @Test("who waits is told when the partition goes away, and no more wait than there is room for")
  func bounds() {
    var pair = ShadowPair()
    #expect(pair.put("a", String(repeating: "x", count: 1_000), level: .memory) == .done(existed: false))
    pair.ownerCore.bounds.waitingReads = 3_000
    for _ in 0..<3 { #expect(pair.getVersion("a") == nil) }
    #expect(pair.ownerCore.waitingReads > 3_000)
    #expect(pair.getVersion("a") == .unavailable(.busy))
    let told = pair.ownerCore.close([ShadowPair.partition])
    #expect(told.map(\.answer) == Array(repeating: .unavailable(.released), count: 3))
    #expect(pair.ownerCore.waitingReads == 0)
  }
}
