import CAllocator
import Logging

/// What becomes of memory that a node does not need any more.
public enum FreedMemory {
  /// Blocks from here on are asked of the system one by one, and given back when they are freed: 128 KiB.
  private static let largeBlock: CInt = 128 << 10
  /// So much that is free at the end of a heap stays for the next who asks: 16 MiB.
  private static let kept: CInt = 16 << 20
  /// Large blocks at most that are the system's one by one. It counts them, and has 65,530 for a process.
  private static let mostLargeBlocks: CInt = 16 << 10

  /// Gives back to the system whole pages that are free anywhere.
  static func giveBack() { malloc_trim(0) }

  /// Has large blocks given back to the system as soon as they are free.
  ///
  /// Left alone, the C library takes such blocks from its heaps once the first few were freed (mallopt(3), "dynamic mmap
  /// threshold"). Of what a flood made a node hold, half stayed with it that way.
  public static func returnLargeBlocks(_ logger: Logger) {
    let settings = [
      (M_MMAP_THRESHOLD, largeBlock), (M_TRIM_THRESHOLD, kept), (M_MMAP_MAX, mostLargeBlocks),
    ]
    for (name, value) in settings where mallopt(name, value) == 0 {
      logger.warning("memory that is free may stay with this process: the C library takes no such setting")
      return
    }
  }
}
