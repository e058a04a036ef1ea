import Simulation
import Testing

@Suite("The simulated cluster") struct SimulationTests {
  /// Runs on two threads; gives back those that fail.
  private static func failures(_ seeds: [UInt64]) async -> [Run.Report] {
    await withTaskGroup(of: Run.Report.self) { group in
      var rest = seeds[...]
      var failed: [Run.Report] = []
      for _ in 0..<2 { if let seed = rest.popFirst() { group.addTask { Run(seed: seed)() } } }
      while let report = await group.next() {
        if !report.violations.isEmpty { failed.append(report) }
        if let seed = rest.popFirst() { group.addTask { Run(seed: seed)() } }
      }
      return failed
    }
  }

  private static func explain(_ reports: [Run.Report]) {
    for report in reports.prefix(2) {
      Issue.record("\(Run(seed: report.seed).shrunk(attempts: 20).explanation())")
    }
  }

  /// All fixed ones, those that once found something and more fresh ones run where the simulator is built with
  /// optimisation (`./dev test`, `keyval-simulate --suite`).
  @Test("whatever fails in the schedules of some fixed seeds, every promise is kept")
  func fixedSeeds() async {
    Self.explain(await Self.failures(Array(KnownSeeds.fixed.prefix(10))))
  }

  @Test("and in those of fresh seeds")
  func freshSeeds() async {
    let first = UInt64.random(in: 1_000...UInt64(UInt32.max))
    print("simulated seeds \(first) to \(first + 3)")
    Self.explain(await Self.failures(Array(first...first + 3)))
  }

  @Test("a seed replays exactly")
  func replays() {
    var run = Run(seed: 7)
    run.isTracing = true
    let (one, other) = (run(), run())
    #expect(!one.trace.isEmpty)
    #expect(one.trace == other.trace)
    #expect(one.events == other.events)
  }
}
