import MutantCatalogue
import MutantSwitches
import Simulation

/// Whether the simulator finds what it is there to find.
enum Hunt {
  struct Finding: Sendable {
    let name: String
    /// The first seed that shows it; nil when none of those that were tried does.
    let seed: UInt64?
    let violation: String
  }

  /// What runs while the mutant is on; with nil, as without any.
  static func report(_ run: Run, with mutant: Mutant?) -> Run.Report {
    MutantSwitch.$current.withValue(mutant.flatMap { MutantSwitch(rawValue: $0.name) }) { run() }
  }

  /// Runs the seeds one after the other until one fails that does not fail without the mutant.
  private static func find(_ mutant: Mutant, _ seeds: ClosedRange<UInt64>, isPlain: Bool) -> Finding {
    for seed in seeds {
      let run = Run(seed: seed, isPlain: isPlain)
      guard let violation = report(run, with: mutant).violations.first else { continue }
      if report(run, with: nil).violations.isEmpty {
        return Finding(name: mutant.name, seed: seed, violation: violation)
      }
    }
    return Finding(name: mutant.name, seed: nil, violation: "")
  }

  /// By the seed that the catalogue names, or else by another of the fixed ones.
  private static func find(_ mutant: Mutant) -> Finding? {
    let (seed, isPlain): (UInt64, Bool)
    switch mutant.expectation {
    case .foundBy(let known): (seed, isPlain) = (known, false)
    case .foundByPlain(let known): (seed, isPlain) = (known, true)
    case .hidden: return nil
    }
    let finding = find(mutant, seed...seed, isPlain: isPlain)
    return finding.seed == nil ? find(mutant, KnownSeeds.fixed, isPlain: isPlain) : finding
  }

  /// Whether each that is not hidden is found.
  static func areKnownFound() async -> Bool {
    var areAllFound = true
    await inParallel(
      Catalogue.mutants, work: { ($0, find($0)) },
      take: { mutant, finding in
        if let finding {
          say("\(finding.name): \(finding.seed.map { "found by seed \($0)" } ?? "NOT FOUND")")
          if finding.seed == nil { areAllFound = false }
        } else if case .hidden(let reason) = mutant.expectation {
          say("\(mutant.name): not looked for. \(reason)")
        }
        return true
      })
    return areAllFound
  }

  /// Which of the mutants these seeds find.
  static func areFound(_ mutants: [Mutant], by seeds: ClosedRange<UInt64>, isPlain: Bool) async -> Bool {
    var areAllFound = true
    await inParallel(
      mutants, work: { find($0, seeds, isPlain: isPlain) },
      take: { finding in
        say("\(finding.name): " + (finding.seed.map { "seed \($0), \(finding.violation)" } ?? "NOT FOUND"))
        if finding.seed == nil { areAllFound = false }
        return true
      })
    return areAllFound
  }
}
