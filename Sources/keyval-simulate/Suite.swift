import Glibc
import Simulation

/// Does something with one input after the other on as many threads as there are cores.
/// - Parameter take: what comes of each, in the order in which they end; false: no more.
func inParallel<Input: Sendable, Output: Sendable>(
  _ inputs: some Sequence<Input>, work: @escaping @Sendable (Input) -> Output, take: (Output) -> Bool
) async {
  await withTaskGroup(of: Output.self) { group in
    var rest = inputs.makeIterator()
    var goesOn = true
    func add() { if goesOn, let input = rest.next() { group.addTask { work(input) } } }
    for _ in 0..<max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) { add() }
    while let output = await group.next() {
      goesOn = take(output) && goesOn
      add()
    }
  }
}

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

/// What every run of the tests does: the fixed seeds, those that are kept for what they found, fresh ones, and,
/// where there are deliberate faults, whether they are found.
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
    guard totals.failed.isEmpty else { return false }
    #if KEYVAL_MUTATIONS
      return await findMutations()
    #else
      return true
    #endif
  }

  #if KEYVAL_MUTATIONS
    /// Whether each deliberate fault is found, by the seed that is known to or else by another of the fixed ones.
    private static func findMutations() async -> Bool {
      var isComplete = true
      let known = Set(KnownSeeds.findings.map(\.name)).union(KnownSeeds.notFound)
      for name in MutationCheck.names where !known.contains(name) {
        say("the deliberate fault \(name) is in no table")
        isComplete = false
      }
      await inParallel(
        KnownSeeds.findings,
        work: { finding in
          let isPlain = KnownSeeds.foundPlain.contains(finding.name)
          let known = MutationCheck.find(finding.name, seeds: finding.seed...finding.seed, isPlain: isPlain)
          guard known.seed == nil else { return known }
          return MutationCheck.find(finding.name, seeds: KnownSeeds.fixed, isPlain: isPlain)
        },
        take: { finding in
          say("\(finding.name): \(finding.seed.map { "found by seed \($0)" } ?? "NOT FOUND")")
          if finding.seed == nil { isComplete = false }
          return true
        })
      return isComplete
    }

    /// Which deliberate faults these seeds find.
    static func findMutations(
      _ seeds: ClosedRange<UInt64>, only name: String?, isPlain: Bool
    ) async -> Bool {
      var areAllFound = true
      let names = MutationCheck.names.filter { name == nil || $0 == name }
      await inParallel(
        names, work: { MutationCheck.find($0, seeds: seeds, isPlain: isPlain) },
        take: { finding in
          say("\(finding.name): " + (finding.seed.map { "seed \($0), \(finding.violation)" } ?? "NOT FOUND"))
          if finding.seed == nil { areAllFound = false }
          return true
        })
      return areAllFound
    }
  #endif
}
