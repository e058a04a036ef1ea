#if KEYVAL_MUTATIONS
  import Testing

  @testable import Simulation

  @Suite("What a failing schedule is reduced to") struct ShrinkingTests {
    /// Seed 7 takes both of its faults to show this one.
    private func failing() throws -> Run {
      var run = Run(seed: 7, isPlain: true)
      run.mutations = try MutationCheck.mutation("skipFence")
      return run
    }

    @Test(
      "the faults that a violation takes stay, all others go, and what is told is the run with these alone")
    func reduced() throws {
      let plain = try failing()
      let needed = plain.plan.faults.map(\.description)
      #expect(needed.count == 2)
      var run = plain
      for second in 30..<32 as Range<Int64> { run.plan.add(.kdcAway, at: second * 1_000_000, for: 1_000) }
      let report = run.shrunk(attempts: 30)
      #expect(report.faults == needed)
      #expect(!report.violations.isEmpty)
      #expect(!report.trace.isEmpty)
      let text = report.explanation()
      #expect(needed.allSatisfy(text.contains) && report.violations.prefix(3).allSatisfy(text.contains))
      #expect(text.contains("--seed 7 --plain"))
    }

    @Test("no fault at all is left when it takes none")
    func none() throws {
      var run = Run(seed: 1, isPlain: true)
      run.mutations = try MutationCheck.mutation("confirmBeforeApplying")
      #expect(run.plan.faults.count > 20)
      let report = run.shrunk(attempts: 30)
      #expect(report.faults == [] && !report.violations.isEmpty)
    }

    @Test("when there are no attempts left it is told as it is")
    func impatient() throws {
      var run = try failing()
      run.plan.add(.kdcAway, at: 30_000_000, for: 1_000)
      let report = run.shrunk(attempts: 0)
      #expect(report.faults.count == 3 && !report.violations.isEmpty)
    }
  }

  @Suite("What no schedule of single faults may lose") struct SingleFaultTests {
    @Test("an accepted loss is a violation where one fault comes at a time or none does, and only there")
    func acceptedLoss() {
      var run = Run(seed: 34, isPlain: true)
      let report = run()
      #expect(report.acceptedLosses > 0 && report.violations == [], "seed 34 is one that loses all copies")
      #expect(!run.plan.isSingle && !run.mayLoseNothing)
      run.mayLoseNothing = true
      #expect(run().violations.contains { $0.contains("nothing went wrong that may cost anything") })
      for seed in KnownSeeds.fixed {
        let other = Run(seed: seed)
        #expect(other.mayLoseNothing == (other.plan.isSingle || other.plan.isOrderly || other.plan.isSudden))
      }
    }
  }
#endif
