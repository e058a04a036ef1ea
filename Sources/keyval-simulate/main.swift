import Glibc
import Simulation

/// A line at once, also into a file or a pipe.
func say(_ text: String) {
  print(text)
  fflush(nil)
}

/// Runs seeds from this one on, as many as are asked for.
func simulate(_ arguments: Arguments, first: UInt64) async -> Totals {
  let clock = ContinuousClock()
  let end = arguments.minutes.map { clock.now + .seconds($0 * 60) }
  let limit = arguments.runs ?? (arguments.minutes == nil ? (arguments.seed == nil ? 200 : 1) : .max)
  let seeds = sequence(first: first) { $0 &+ 1 }.prefix(Int(clamping: limit))
  return await run(seeds, isPlain: arguments.isPlain, goesOn: arguments.goesOn) {
    end.map { clock.now < $0 } ?? true
  }
}

do {
  let arguments = try Arguments(CommandLine.arguments.dropFirst())
  if arguments.isSuite { exit(await Suite.run() ? 0 : 1) }
  #if KEYVAL_MUTATIONS
    if arguments.checksMutations {
      let first = arguments.seed ?? 1
      let seeds = first...first + (arguments.runs ?? 200) - 1
      exit(
        await Suite.findMutations(
          seeds, only: arguments.mutation, isPlain: arguments.isPlain) ? 0 : 1)
    }
  #endif
  if let seed = arguments.seed, arguments.traces {
    var run = Run(seed: seed, isPlain: arguments.isPlain)
    #if KEYVAL_MUTATIONS
      if let name = arguments.mutation { run.mutations = try MutationCheck.mutation(name) }
    #endif
    run.isTracing = true
    let report = run()
    say(report.explanation(lines: .max, width: .max))
    exit(report.violations.isEmpty ? 0 : 1)
  }
  let first = arguments.seed ?? UInt64.random(in: 1...UInt64(UInt32.max))
  say("seeds from \(first) on")
  let totals = await simulate(arguments, first: first)
  if !arguments.goesOn { explain(totals) }
  exit(totals.failed.isEmpty ? 0 : 1)
} catch {
  say("\(error)\n\(Arguments.usage)")
  exit(64)
}
