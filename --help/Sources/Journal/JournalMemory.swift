/// Where a journal is kept: memory that outlives the process. Of a product's drone a file that is mapped, of a simulated
/// one bytes that its machine has.
public protocol JournalMemory: AnyObject {
  /// All of it. It stays where it is until `replace` has succeeded.
  var bytes: UnsafeMutableRawBufferPointer { get }

  /// Puts another in its place, which `fill` writes first, all of zeros before.
  /// - Returns: false, and nothing has changed, where there is no room for so many bytes.
  func replace(count: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Void) -> Bool
}
