import Cluster

/// Until when all that a journal was given is at the database, by the wall clock: what people are told should the machine
/// lose its memory. Found out with heartbeats, by looking at where each partition ends: no write takes part.
struct JournalMoments {
  /// When a heartbeat passed last; nil before the first.
  var last: UInt32?
  /// What had been written by then is stored; nil where that is not known yet.
  var stored: UInt32?
  /// A moment, and the last record that each partition had then. 0: none that matters.
  private var candidate: (seconds: UInt32, ends: [UInt64])?

  /// What was said of a partition is void, and what it had is nobody's to tell of any more.
  mutating func forget(_ partition: Partition) { candidate?.ends[partition.index] = 0 }

  /// - Parameters:
  ///   - base: up to which record the database has those of the partition of an index; nil where nothing is said of it.
  ///   - end: its last record.
  /// - Returns: a moment that is over, if there is a new one.
  mutating func tick(
    _ seconds: UInt32, base: (Int) -> UInt64?, ends end: (Int) -> UInt64?
  ) -> UInt32? {
    var reached: UInt32?
    if let candidate {
      for (index, end) in candidate.ends.enumerated() where end > base(index) ?? .max { return nil }
      reached = candidate.seconds
    }
    // Once a second is often enough.
    if candidate?.seconds != seconds {
      candidate = (seconds, (0..<Partition.count).map { end($0) ?? 0 })
    }
    return reached == stored ? nil : reached
  }
}
