import Simulation

/// Runs seeds until enough is enough: five have failed, unless it goes on then, or it is not wanted any more.
func run(
  _ seeds: some Sequence<UInt64>, isPlain: Bool = false, goesOn: Bool = false,
  while isWanted: () -> Bool = { true }
) async -> Totals {
  await run(seeds.lazy.map { Run(seed: $0, isPlain: isPlain) }, goesOn: goesOn, while: isWanted)
}

func run(
  _ runs: some Sequence<Run>, goesOn: Bool = false, while isWanted: () -> Bool = { true }
) async -> Totals {
  let clock = ContinuousClock()
  let began = clock.now
  var totals = Totals()
  await inParallel(
    runs, work: { $0() },
    take: { report in
      totals.add(report)
      return (goesOn || totals.failed.count < 5) && isWanted()
    })
  say(totals.summary(clock.now - began))
  return totals
}

/// Says of the first seed that fails what a person needs to know.
func explain(_ totals: Totals) {
  guard let report = totals.failed.first else { return }
  say("\nlooking for the shortest way to it …\n")
  say(Run(seed: report.seed, isPlain: report.isPlain).shrunk().explanation())
}

/// What every run of the tests does: the fixed seeds, those that are kept for what they found, and fresh ones.
enum Suite {
  static let freshSeeds: UInt64 = 24

  static func run() async -> Bool {
    let first = UInt64.random(in: 1_000...UInt64(UInt32.max))
    say("the fixed seeds \(KnownSeeds.fixed.lowerBound) to \(KnownSeeds.fixed.upperBound)")
    for (name, seed) in KnownSeeds.keptPlain + KnownSeeds.kept { say("the kept seed \(seed): \(name)") }
    say("the fresh seeds \(first) to \(first + freshSeeds - 1)")
    let seeds = Array(KnownSeeds.fixed) + KnownSeeds.kept.map(\.seed) + Array(first..<first + freshSeeds)
    let runs = seeds.map { Run(seed: $0) } + KnownSeeds.keptPlain.map { Run(seed: $0.seed, isPlain: true) }
    let totals = await keyval_simulate.run(runs)
    explain(totals)
    return totals.failed.isEmpty
  }
}
