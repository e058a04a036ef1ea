import NIOCore
import NIOPosix
import Wire

/// Where the records of a read cycle are opened: one piece of memory for each event loop's thread.
///
/// A record's plaintext lies here only while its handler looks at it.
final class LoopScratch {
  let bytes: UnsafeMutableRawBufferPointer

  private init() {
    // Pages that are never touched cost nothing.
    bytes = .allocate(byteCount: Limits.maximumRecordLength, alignment: 64)
  }

  deinit { bytes.deallocate() }

  // Safe: the variable is made to be used from many threads, and no value ever leaves its thread.
  nonisolated(unsafe) private static let perThread = ThreadSpecificVariable<LoopScratch>()

  /// The scratch of this thread.
  static var current: LoopScratch {
    if let scratch = perThread.currentValue { return scratch }
    let scratch = LoopScratch()
    perThread.currentValue = scratch
    return scratch
  }
}
