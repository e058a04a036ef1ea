import Glibc
import MutantCatalogue
import Simulation

do {
  let arguments = try HuntArguments(CommandLine.arguments.dropFirst())
  guard let seed = arguments.seed else { exit(await Hunt.areKnownFound() ? 0 : 1) }
  if arguments.traces {
    var run = Run(seed: seed, isPlain: arguments.isPlain)
    run.isTracing = true
    let report = Hunt.report(run, with: arguments.mutant)
    say(report.explanation(lines: .max, width: .max))
    exit(report.violations.isEmpty ? 0 : 1)
  }
  let mutants = arguments.mutant.map { [$0] } ?? Catalogue.mutants
  let areFound = await Hunt.areFound(
    mutants, by: seed...seed + arguments.runs - 1, isPlain: arguments.isPlain)
  exit(areFound ? 0 : 1)
} catch {
  say("\(error)\n\(HuntArguments.usage)")
  exit(64)
}
