import Foundation

/// What the kernel knows of another process.
package struct ProcessFigures: Sendable {
  package let pid: Int32

  package init(pid: Int32) { self.pid = pid }

  /// Seconds of processor time that it has used, its own and the kernel's for it.
  package var processorTime: Double {
    get throws {
      var (clock, time) = (clockid_t(), timespec())
      guard clock_getcpuclockid(pid, &clock) == 0, clock_gettime(clock, &time) == 0 else {
        throw BenchmarkError("there is no process \(pid)")
      }
      return Double(time.tv_sec) + Double(time.tv_nsec) / 1_000_000_000
    }
  }

  /// Seconds of it that were the kernel's; to a hundredth of a second.
  package var kernelTime: Double {
    get throws {
      // The name stands in parentheses and may have blanks; the state is the first field behind it.
      let fields = try read("stat").split(separator: ")").last?.split(separator: " ") ?? []
      guard fields.count > 12, let ticks = Double(fields[12]) else {
        throw BenchmarkError("/proc/\(pid)/stat is not understood")
      }
      return ticks / Double(sysconf(Int32(_SC_CLK_TCK)))
    }
  }

  /// Bytes that it has had written to disk, or will. Of a process of another user only root may ask.
  package var writtenBytes: Double {
    get throws {
      let line = try read("io").split(separator: "\n").first { $0.hasPrefix("write_bytes:") }
      guard let bytes = line?.split(separator: " ").last.flatMap({ Double($0) }) else {
        throw BenchmarkError("/proc/\(pid)/io is not understood")
      }
      return bytes
    }
  }

  /// Mebibytes in memory.
  package var residentMebibytes: Double { get throws { try residentBytes / 1_048_576 } }

  /// Bytes in memory.
  package var residentBytes: Double {
    get throws {
      let line = try read("status").split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
      guard let kibibytes = line?.split(separator: " ").dropFirst().first.flatMap({ Double($0) }) else {
        throw BenchmarkError("/proc/\(pid)/status is not understood")
      }
      return kibibytes * 1024
    }
  }

  /// File descriptors that are open. Of a process of another user only root may ask.
  package var descriptors: Double {
    get throws { Double(try FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd").count) }
  }

  private func read(_ name: String) throws -> String {
    try String(contentsOfFile: "/proc/\(pid)/\(name)", encoding: .utf8)
  }
}
