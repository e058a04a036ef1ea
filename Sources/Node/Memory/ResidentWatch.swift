/// Compares what a drone counts with what its process has, and says how much is missing in the count. What is counted
/// is an estimate: of another allocator, or another mixture of sizes, it may be too low.
///
/// Only while more is held than ever before, about, does the process tell anything: what was freed it may keep, and would
/// seem to be full of what is no longer there. What was missing then is taken to be missing in the same proportion later.
struct ResidentWatch {
  /// With less in it the process's own needs would seem to be missing in the count.
  static let least = 64 << 20

  /// Before anything was held.
  private let base: Int
  private var highest = 0
  /// Of this count so much was missing.
  private var measured = (missing: 0, counted: 1)

  init(base: Int) { self.base = base }

  /// - Parameters:
  ///   - resident: bytes of the process's own memory.
  ///   - counted: bytes that are counted.
  /// - Returns: bytes that are missing in the count.
  mutating func missing(resident: Int, counted: Int) -> Int {
    if counted >= Self.least, counted >= highest - highest / 16 {
      measured = (max(0, resident - base - counted), counted)
    }
    highest = max(highest, counted)
    guard measured.missing > 0 else { return 0 }
    return Int(Double(measured.missing) / Double(measured.counted) * Double(max(0, counted)))
  }
}
