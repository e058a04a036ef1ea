/// Whether there is room for more in this drone. In this order it closes for: what clients put; copies that begin; what
/// is added to copies that are there, and partitions that are loaded because nobody else serves them. Reads and deletes
/// it never closes for.
///
/// So the memory that clients cannot fill is there for what others leave behind who die. Beyond its end a copy is not
/// made, and its owner's writes go to the database; and a partition is not loaded, and whoever has room gets it. Either
/// costs less than a drone that is killed for its memory, and after it the next that takes its slots.
struct MemoryGate {
  /// What clients may fill.
  let ceiling: Int
  /// What is kept beyond it.
  private let reserve: Int
  /// Bytes that the drone's other loops hold, and that the process has beyond what is counted.
  var elsewhere = 0
  /// Puts are refused.
  private(set) var isClosed = false

  init(bounds: DataBounds) {
    ceiling = bounds.memory
    reserve = bounds.memory / 4
  }

  /// Looks again.
  /// - Parameter held: bytes that this loop holds.
  mutating func look(_ held: Int) {
    let used = used(held)
    if used >= ceiling {
      isClosed = true
    } else if used < ceiling - ceiling / 32 {
      // Not at once, or it would open and close with every delete.
      isClosed = false
    }
  }

  func hasRoomForCopy(_ length: Int = 0, held: Int) -> Bool { isBelow(ceiling + reserve / 2, held, length) }
  /// For what is added to a copy, and for what is loaded.
  func hasRoomForRecords(_ length: Int = 0, held: Int) -> Bool { isBelow(ceiling + reserve, held, length) }

  func used(_ held: Int) -> Int { held.addingReportingOverflow(elsewhere).partialValue }

  private func isBelow(_ limit: Int, _ held: Int, _ length: Int) -> Bool { used(held) < limit - length }
}
