import Foundation
import Measuring

/// What a run is made on.
enum MeasuredMachine {
  /// - Parameter directory: for what programs say.
  static func circumstances(
    _ pace: Sweep.Pace, command: String, in directory: String
  ) async -> CostFigures.Circumstances {
    let own = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
    return CostFigures.Circumstances(
      processor: processor, cores: Bystanders.allProcessors,
      memory: Double(ProcessInfo.processInfo.physicalMemory), kernel: kernel,
      keyval: await said(by: own.appending(path: "keyval").path, in: directory),
      swift: await said(by: "swift", in: directory), command: command, rounds: pace.rounds,
      seconds: pace.seconds, othersKeptBusy: 0, duration: 0)
  }

  private static var processor: String {
    let lines = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8))?.split(separator: "\n") ?? []
    let name = lines.first { $0.hasPrefix("model name") }?.split(separator: ":").last
    return name?.trimmingCharacters(in: .whitespaces) ?? "unknown processor"
  }

  private static var kernel: String {
    let text = try? String(contentsOfFile: "/proc/sys/kernel/osrelease", encoding: .utf8)
    return text?.trimmingCharacters(in: .whitespacesAndNewlines) ?? "unknown"
  }

  /// The first line of what a program says of its version.
  private static func said(by program: String, in directory: String) async -> String {
    let log = "\(directory)/version.\(URL(filePath: program).lastPathComponent)"
    guard let started = try? Program.start(program, ["--version"], log: log),
      (try? await started.finish()) != nil, let text = try? String(contentsOfFile: log, encoding: .utf8)
    else { return "unknown" }
    // Others of the log are about what was downloaded or built.
    let line = text.split(separator: "\n").first { $0.contains { $0.isNumber } }
    return line?.trimmingCharacters(in: .whitespaces) ?? "unknown"
  }
}
