import Journal

/// A journal's memory that is nobody's file: to write to a mapped one takes the same instructions.
final class PlainMemory: JournalMemory {
  private(set) var bytes = UnsafeMutableRawBufferPointer(start: nil, count: 0)

  deinit { bytes.deallocate() }

  func replace(count: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Void) -> Bool {
    let next = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 4096)
    next.initializeMemory(as: UInt8.self, repeating: 0)
    fill(next)
    bytes.deallocate()
    bytes = next
    return true
  }
}
