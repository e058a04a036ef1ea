import Simulation

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
