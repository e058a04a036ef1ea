import Glibc
import Simulation

/// A line at once, also into a file or a pipe.
func say(_ text: String) {
  print(text)
  fflush(nil)
}

/// What all runs together came to.
struct Totals {
  var runs = 0
  var virtualMilliseconds: Int64 = 0
  var operations = 0
  var acknowledgedWrites = 0
  var failures = 0
  var elections = 0
  var undecided = 0
  var acceptedLosses = 0
  var shadowedWrites = 0
  var slowest: (milliseconds: Int64, seed: UInt64) = (0, 0)
  var failed: [Run.Report] = []

  mutating func add(_ report: Run.Report) {
    runs += 1
    virtualMilliseconds += report.virtualMilliseconds
    operations += report.operations
    acknowledgedWrites += report.acknowledgedWrites
    failures += report.failures
    elections += report.elections
    undecided += report.undecided
    acceptedLosses += report.acceptedLosses > 0 ? 1 : 0
    shadowedWrites += report.shadowedWrites
    if report.recoveryMilliseconds > slowest.milliseconds {
      slowest = (report.recoveryMilliseconds, report.seed)
    }
    if !report.violations.isEmpty {
      failed.append(report)
      say("seed \(report.seed) FAILS: \(report.violations.first ?? "")")
    }
  }

  func summary(_ elapsed: Duration) -> String {
    let seconds = max(0.001, elapsed / .seconds(1))
    func round(_ value: Double) -> String { String(Int(value.rounded())) }
    return """
      \(runs) schedules in \(round(seconds)) s: \(round(Double(runs) * 60 / seconds)) a minute, \
      \(round(Double(virtualMilliseconds) / 1000 / seconds)) virtual seconds a second
      \(operations) operations, \(failures) of them without a result in time; \(acknowledgedWrites) \
      acknowledged writes, \(shadowedWrites) of them before the database had them; \(elections) elections; \
      \(undecided) histories undecided; in \(acceptedLosses) schedules owner and shadows were lost together
      slowest recovery after the last fault: \(slowest.milliseconds) virtual ms (seed \(slowest.seed))
      \(failed.isEmpty ? "no violation" : "\(failed.count) seeds fail")
      """
  }
}

/// Runs seeds on two threads until enough is enough.
func simulate(_ arguments: Arguments, first: UInt64) async -> Totals {
  let clock = ContinuousClock()
  let began = clock.now
  let end = arguments.minutes.map { began + .seconds($0 * 60) }
  let limit = arguments.runs ?? (arguments.minutes == nil ? (arguments.seed == nil ? 200 : 1) : .max)
  var totals = Totals()
  await withTaskGroup(of: Run.Report.self) { group in
    var next: UInt64 = 0
    func isWanted() -> Bool { next < limit && (end.map { clock.now < $0 } ?? true) }
    func add() {
      let seed = first &+ next
      next += 1
      group.addTask { Run(seed: seed)() }
    }
    while next < 2, isWanted() { add() }
    while let report = await group.next() {
      totals.add(report)
      if isWanted(), totals.failed.count < 5 { add() }
    }
  }
  say(totals.summary(clock.now - began))
  return totals
}

#if KEYVAL_MUTATIONS
  /// Which deliberate faults the first so many seeds find.
  func checkMutations(_ arguments: Arguments) async -> Bool {
    let first = arguments.seed ?? 1
    let seeds = first...first + (arguments.runs ?? 200) - 1
    return await withTaskGroup(of: MutationCheck.Finding.self) { group in
      var names = MutationCheck.names[...]
      var areAllFound = true
      for _ in 0..<2 {
        if let name = names.popFirst() { group.addTask { MutationCheck.find(name, seeds: seeds) } }
      }
      while let finding = await group.next() {
        say("\(finding.name): " + (finding.seed.map { "seed \($0), \(finding.violation)" } ?? "NOT FOUND"))
        if finding.seed == nil { areAllFound = false }
        if let name = names.popFirst() { group.addTask { MutationCheck.find(name, seeds: seeds) } }
      }
      return areAllFound
    }
  }
#endif

do {
  let arguments = try Arguments(CommandLine.arguments.dropFirst())
  #if KEYVAL_MUTATIONS
    if arguments.checksMutations { exit(await checkMutations(arguments) ? 0 : 1) }
  #endif
  if let seed = arguments.seed, arguments.traces {
    var run = Run(seed: seed)
    run.isTracing = true
    let report = run()
    say(report.explanation(lines: .max, width: .max))
    exit(report.violations.isEmpty ? 0 : 1)
  }
  let first = arguments.seed ?? UInt64.random(in: 1...UInt64(UInt32.max))
  say("seeds from \(first) on")
  let totals = await simulate(arguments, first: first)
  if let report = totals.failed.first {
    say("\nlooking for the shortest way to it …\n")
    say(Run(seed: report.seed).shrunk().explanation())
  }
  exit(totals.failed.isEmpty ? 0 : 1)
} catch {
  say("\(error)\n\(Arguments.usage)")
  exit(64)
}
