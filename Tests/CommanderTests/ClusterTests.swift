import Cluster
import Glibc
import Testing

@Suite("A cluster of cores") struct ClusterTests {
  /// The seed of `KEYVAL_SEED` alone, or so many.
  private static func seeds(_ count: UInt64, from first: UInt64) -> [UInt64] {
    if let text = getenv("KEYVAL_SEED"), let seed = UInt64(String(cString: text)) { return [seed] }
    return Array(first..<first + count)
  }

  @Test("drones of any number elect a commander and serve all partitions", arguments: 1...5)
  func elects(drones: Int) {
    let harness = ClusterHarness(drones: drones, seed: UInt64(drones))
    harness.run(for: 20_000) { harness.isWhole && harness.isEven }
    #expect(harness.violations == [])
    #expect(harness.isWhole && harness.isEven, "\(harness.summary)")
  }

  @Test("whatever fails, nothing is served twice, and once it is healed all is served again")
  func chaos() {
    var slowest: (time: Int64, seed: UInt64) = (0, 0)
    for seed in Self.seeds(getenv("KEYVAL_SEEDS").flatMap { UInt64(String(cString: $0)) } ?? 100, from: 1) {
      let harness = ClusterHarness(drones: 1 + Int(seed % 5), seed: seed)
      harness.run(for: 3000)
      Chaos.run(harness, for: 20_000)
      let healed = harness.time
      harness.run(for: 60_000) { harness.isWhole && harness.isEven }
      if harness.time - healed > slowest.time { slowest = (harness.time - healed, seed) }
      if !harness.violations.isEmpty { Issue.record("\(harness.violations)\n\(harness.summary)") }
      if !harness.isWhole || !harness.isEven { Issue.record("KEYVAL_SEED=\(seed) \(harness.summary)") }
      // A drone that was away may have promised a higher term: that costs one more election, and then it is
      // quiet.
      harness.run(for: 10_000)
      let term = harness.authority.term
      harness.run(for: 5000)
      if !harness.violations.isEmpty || !harness.isWhole || harness.authority.term != term {
        Issue.record("KEYVAL_SEED=\(seed) not settled, term \(term)\n\(harness.summary)")
      }
    }
    print("slowest:", slowest)
  }

  @Test("a drone that was enrolled while the commander was cut off helps nobody to a second majority")
  func enrolledBehindACut() {
    for (drones, side) in [(1, [0]), (3, [0, 1]), (5, [0, 1, 2])] {
      for seed in Self.seeds(10, from: 1) {
        let harness = ClusterHarness(drones: drones, seed: seed)
        harness.run(for: 20_000) { harness.isWhole && harness.isEven }
        let commander = harness.commanders[0].index
        // The commander's side keeps a majority of the drones that it knows.
        let members = side.map { ($0 + commander) % drones }
        for member in members {
          for other in harness.places + [.drone(drones), .drone(drones + 1)]
          where !members.contains(where: { .drone($0) == other }) {
            harness.cut(.drone(member), other, for: 15_000)
          }
        }
        harness.join()
        if drones > 1 { harness.join() }
        harness.run(for: 15_000)
        #expect(harness.violations == [])
        harness.run(for: 20_000) { harness.isWhole && harness.isEven }
        #expect(harness.isWhole && harness.isEven, "\(harness.summary)")
      }
    }
  }
}
