import Cluster
import Glibc
import Testing

@Suite("A cluster of cores") struct ClusterTests {
  /// The seed of `KEYVAL_SEED` alone, or so many.
  private static func seeds(_ count: UInt64, from first: UInt64) -> [UInt64] {
    if let text = getenv("KEYVAL_SEED"), let seed = UInt64(String(cString: text)) { return [seed] }
    return Array(first..<first + count)
  }

  /// `KEYVAL_SEEDS` of them, or as many as take a few seconds.
  private static let chaosSeeds = getenv("KEYVAL_SEEDS").flatMap { UInt64(String(cString: $0)) } ?? 15

  @Test("drones of any number elect a commander and serve all partitions", arguments: 1...5)
  func elects(drones: Int) {
    let harness = ClusterHarness(drones: drones, seed: UInt64(drones))
    harness.run(for: 20_000) { harness.isWhole && harness.isEven }
    #expect(harness.violations == [])
    #expect(harness.isWhole && harness.isEven, "\(harness.summary)")
  }

  @Test(
    "whatever fails, nothing is served twice, and once it is healed all is served again",
    arguments: seeds(chaosSeeds, from: 1))
  func chaos(seed: UInt64) {
    let harness = ClusterHarness(drones: 1 + Int(seed % 5), seed: seed)
    harness.run(for: 2500)
    Chaos.run(harness, for: 12_000)
    harness.run(for: 20_000) { harness.isWhole && harness.isEven }
    #expect(harness.violations == [], "KEYVAL_SEED=\(seed) \(harness.summary)")
    #expect(harness.isWhole && harness.isEven, "KEYVAL_SEED=\(seed) \(harness.summary)")
    // A drone that was away may have promised a higher term: that costs one more election, and then it is quiet.
    harness.run(for: 8000)
    let term = harness.authority.term
    harness.run(for: 2500)
    #expect(
      harness.violations == [] && harness.isWhole && harness.authority.term == term,
      "KEYVAL_SEED=\(seed) not settled, term \(term)\n\(harness.summary)")
  }

  @Test("when all drones restart at once, they elect and serve again", arguments: [1, 2, 3, 5])
  func allRestart(drones: Int) {
    let harness = ClusterHarness(drones: drones, seed: UInt64(drones))
    harness.run(for: 10_000) { harness.isWhole && harness.isEven }
    for drone in 0..<drones { harness.crash(.drone(drone), for: 500) }
    harness.run(for: 600)
    harness.run(for: 15_000) { harness.isWhole && harness.isEven }
    #expect(harness.violations == [])
    #expect(harness.isWhole && harness.isEven, "\(harness.summary)")
  }

  @Test(
    "what is left of a cluster serves everything: with the authority a half is enough",
    arguments: [(2, 1), (3, 1), (4, 2), (5, 2)])
  func survivors(drones: Int, dead: Int) {
    let harness = ClusterHarness(drones: drones, seed: UInt64(drones))
    harness.run(for: 10_000) { harness.isWhole && harness.isEven }
    let commander = harness.commanders[0].index
    for drone in 0..<dead { harness.crash(.drone((commander + drone) % drones), for: nil) }
    harness.run(for: 15_000) { harness.isWhole && harness.isEven }
    #expect(harness.violations == [])
    #expect(harness.isWhole && harness.isEven, "\(harness.summary)")
  }

  @Test("drones that join an election late, or a running cluster, get their share")
  func joinsLate() {
    for late in [0, 300, 900, 5000] as [Int64] {
      let harness = ClusterHarness(drones: 2, seed: UInt64(late + 1))
      harness.run(for: late + 1)
      harness.join()
      harness.join()
      harness.run(for: 2000)
      harness.run(for: 20_000) { harness.isWhole && harness.isEven }
      #expect(harness.violations == [])
      #expect(harness.shares == [128, 128, 128, 128], "\(harness.summary)")
    }
  }

  @Test("a drone that was enrolled while the commander was cut off helps nobody to a second majority")
  func enrolledBehindACut() {
    for (drones, side) in [(1, [0]), (3, [0, 1]), (5, [0, 1, 2])] {
      for seed in Self.seeds(2, from: 1) {
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
