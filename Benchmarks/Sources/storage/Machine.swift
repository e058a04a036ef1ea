import Glibc

/// What something has cost.
struct Cost {
  /// Seconds.
  var processor = 0.0
  var written = 0

  mutating func measure(_ body: () throws -> Void) rethrows {
    let (time, bytes) = (Machine.processorTime, Machine.writtenBytes)
    try body()
    processor += Machine.processorTime - time
    written += Machine.writtenBytes - bytes
  }
}

/// What the kernel knows of this process.
enum Machine {
  static var processorTime: Double { seconds(CLOCK_PROCESS_CPUTIME_ID) }
  static var now: Double { seconds(CLOCK_MONOTONIC) }

  private static func seconds(_ clock: clockid_t) -> Double {
    var time = timespec()
    clock_gettime(clock, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1_000_000_000
  }

  /// By system calls, whether they have reached the disk or not.
  static var writtenBytes: Int {
    guard let file = fopen("/proc/self/io", "r") else { return 0 }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 256)
    while fgets(&line, Int32(line.count), file) != nil {
      let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      let words = text.split { $0 == " " || $0.isNewline }
      if words.count == 2, words[0] == "wchar:" { return Int(words[1]) ?? 0 }
    }
    return 0
  }

  static func size(of path: String) -> Int {
    var status = stat()
    return stat(path, &status) == 0 ? Int(status.st_size) : 0
  }
}

/// With two digits behind the point.
func rounded(_ number: Double) -> Double { (number * 100).rounded() / 100 }
