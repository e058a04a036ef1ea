/// A checksum of what lies on a disk or in a file's memory, so that a bit that has flipped is found. It guards against
/// accidents: who can write the file can write this too.
///
/// 64 bits, a word at a time; each step is a bijection of the state, so that any change within one word is found for
/// certain, and others but for one in 2^64.
public struct Checksum: Sendable {
  @usableFromInline var state: UInt64

  /// - Parameter seed: another for each kind of thing, so that none is taken for one of another kind.
  @inlinable
  public init(seed: UInt64) { state = seed }

  @inlinable
  public var value: UInt64 { state }

  @inlinable
  public mutating func add(_ word: UInt64) {
    state = (state ^ word) &* 0x9e37_79b9_7f4a_7c15
    state ^= state >> 32
  }

  /// Their number first, then whole words as long as there are eight bytes more, then what is left: nothing is read
  /// beyond the end.
  public mutating func add(_ bytes: UnsafeRawBufferPointer) {
    add(UInt64(bytes.count))
    var offset = 0
    while bytes.count - offset >= 8 {
      add(UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)))
      offset += 8
    }
    // A last, shorter word. It cannot be taken for a longer one: the length came first.
    var last: UInt64 = 0
    while offset < bytes.count {
      last = last << 8 | UInt64(bytes[offset])
      offset += 1
    }
    add(last)
  }
}
