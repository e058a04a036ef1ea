import Testing

@testable import Simulation

@Suite("What a failing schedule is reduced to") struct ShrinkingTests {
  private static func faults(_ run: Run) -> [String] { run.plan.faults.map(\.description) }

  @Test(
    "the faults that a failure takes stay, and all others go", arguments: [[], [3], [0, 1], [2, 11, 17]])
  func reduced(needed: [Int]) {
    let run = Run(seed: 1, isPlain: true)
    let all = Self.faults(run)
    #expect(all.count > 20)
    let reduced = run.reduced(attempts: 200) { other in
      needed.allSatisfy { Self.faults(other).contains(all[$0]) }
    }
    #expect(Self.faults(reduced) == needed.map { all[$0] })
  }

  @Test("it is run no more often than it may be, and then told as it is")
  func impatient() {
    let run = Run(seed: 1, isPlain: true)
    var runs = 0
    func fails(_ run: Run) -> Bool {
      runs += 1
      return true
    }
    #expect(Self.faults(run.reduced(attempts: 0, while: fails)) == Self.faults(run) && runs == 0)
    #expect(Self.faults(run.reduced(attempts: 1, while: fails)).count < run.plan.faults.count && runs == 1)
  }

  @Test("what is told is the run with the faults that are left alone")
  func told() {
    var run = Run(seed: 34, isPlain: true)
    run.mayLoseNothing = true
    let report = run.shrunk(attempts: 20)
    #expect(!report.violations.isEmpty && !report.faults.isEmpty && !report.trace.isEmpty)
    #expect(report.faults.count < run.plan.faults.count)
    let text = report.explanation()
    #expect(report.faults.allSatisfy(text.contains) && report.violations.prefix(3).allSatisfy(text.contains))
    #expect(text.contains("--seed 34 --plain"))
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
