import Foundation
import LocalCluster

/// What others do on this machine meanwhile. Figures that were measured beside a busy one say little.
package struct Bystanders {
  private let own: @Sendable () throws -> [ProcessFigures]
  private let began = ContinuousClock.now
  private let before: Double

  /// - Parameter own: the processes that belong to what is measured, beside this one.
  package init(beside own: @escaping @Sendable () throws -> [ProcessFigures]) throws {
    self.own = own
    before = try Self.othersTime(own())
  }

  /// Processors that they have kept busy since.
  package var processors: Double {
    get throws { (try Self.othersTime(own()) - before) / ((ContinuousClock.now - began) / .seconds(1)) }
  }

  package static var allProcessors: Int { ProcessInfo.processInfo.activeProcessorCount }

  /// Seconds of processor time that the machine has used, less what this program and its programs have.
  private static func othersTime(_ processes: [ProcessFigures]) throws -> Double {
    let text = try String(contentsOfFile: "/proc/stat", encoding: .utf8)
    // user, nice, system, idle, waiting, interrupts (two kinds), stolen
    let ticks = text.prefix { $0 != "\n" }.split(separator: " ").dropFirst().compactMap { Double($0) }
    guard ticks.count >= 8 else { throw BenchmarkError("/proc/stat is not understood") }
    let busy = (ticks[..<8].reduce(0, +) - ticks[3] - ticks[4]) / Double(sysconf(Int32(_SC_CLK_TCK)))
    let own = try ProcessFigures(pid: getpid()).processorTime + endedChildrenTime()
    return try processes.reduce(busy - own) { try $0 - $1.processorTime }
  }

  private static func endedChildrenTime() -> Double {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_CHILDREN.rawValue), &usage)
    return [usage.ru_utime, usage.ru_stime].reduce(0) {
      $0 + Double($1.tv_sec) + Double($1.tv_usec) / 1_000_000
    }
  }
}
