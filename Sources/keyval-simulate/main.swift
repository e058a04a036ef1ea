import Glibc
import Simulation

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
  if let seed = arguments.seed, arguments.traces {
    var run = Run(seed: seed, isPlain: arguments.isPlain)
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
