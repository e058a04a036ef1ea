import Foundation

/// What the kernel knows of another process.
struct ProcessFigures: Sendable {
  let pid: Int32

  /// Seconds of processor time that it has used, its own and the kernel's for it.
  var processorTime: Double {
    get throws {
      let text = try read("stat")
      // Behind the name, which may have blanks.
      guard let end = text.lastIndex(of: ")") else {
        throw BenchmarkError("/proc/\(pid)/stat is not understood")
      }
      let fields = text[end...].split(separator: " ")
      guard fields.count > 13, let user = Double(fields[12]), let system = Double(fields[13]) else {
        throw BenchmarkError("/proc/\(pid)/stat is not understood")
      }
      return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }
  }

  /// Mebibytes in memory.
  var residentMebibytes: Double {
    get throws {
      let line = try read("status").split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
      guard let kibibytes = line?.split(separator: " ").dropFirst().first.flatMap({ Double($0) }) else {
        throw BenchmarkError("/proc/\(pid)/status is not understood")
      }
      return kibibytes / 1024
    }
  }

  /// File descriptors that are open. Of a process of another user only root may ask.
  var descriptors: Double {
    get throws { Double(try FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd").count) }
  }

  private func read(_ name: String) throws -> String {
    try String(contentsOfFile: "/proc/\(pid)/\(name)", encoding: .utf8)
  }
}
