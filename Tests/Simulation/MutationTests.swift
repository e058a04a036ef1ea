#if KEYVAL_MUTATIONS
  import Simulation
  import Testing

  @Suite("Deliberate faults are found") struct MutationTests {
    /// All of them are tried where the simulator is built with optimisation (`./dev test`, `keyval-simulate --suite`).
    private static let some = KnownSeeds.findings.filter {
      ["acknowledgeBeforeShadow", "skipFence", "electByReachable", "fillForAnybody"].contains($0.name)
    }

    @Test("the simulator finds it by the seed that is written down", arguments: some)
    func found(name: String, seed: UInt64) {
      #expect(
        MutationCheck.find(
          name, seeds: seed...seed, isPlain: KnownSeeds.foundPlain.contains(name)
        ).seed == seed)
    }

    @Test("and nothing without it", arguments: some)
    func nothingWithoutIt(name: String, seed: UInt64) {
      #expect(Run(seed: seed)().violations.isEmpty)
    }

    @Test("every deliberate fault is looked for, and all but a few are found")
    func complete() {
      #expect(
        Set(MutationCheck.names) == Set(KnownSeeds.findings.map(\.name)).union(KnownSeeds.notFound))
      #expect(KnownSeeds.findings.count >= 15)
    }

    @Test("no two are the same")
    func distinct() {
      #expect(MutationCheck.areDistinct)
    }
  }
#endif
