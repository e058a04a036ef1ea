/// A checksum of a row and its table's name, kept in the row, so that a bit that the disk has flipped is found when the
/// row is read: SQLite has none of its own. It guards against accidents; who can write the file can write this too.
///
/// 64 bits, a word at a time; each step is a bijection of the state, so that any change within one word is found for
/// certain, and others but for one in 2^64.
struct Checksum {
  private var state: UInt64 = 0x6b65_7976_616c_0001

  /// As a column holds it.
  var value: Int64 { Int64(bitPattern: state) }

  mutating func add(_ number: Int64) { mix(UInt64(bitPattern: number)) }
  mutating func add(_ number: UInt64) { mix(number) }
  mutating func add(_ text: String) {
    var text = text
    text.withUTF8 { add(UnsafeRawBufferPointer($0)) }
  }
  mutating func add(_ blob: Blob) { blob.withUnsafeBytes { add($0) } }

  mutating func add(_ bytes: UnsafeRawBufferPointer) {
    mix(UInt64(bytes.count))
    var offset = 0
    while bytes.count - offset >= 8 {
      mix(UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)))
      offset += 8
    }
    // A last, shorter word. It cannot be taken for a longer one: the length came first.
    var last: UInt64 = 0
    while offset < bytes.count {
      last = last << 8 | UInt64(bytes[offset])
      offset += 1
    }
    mix(last)
  }

  private mutating func mix(_ word: UInt64) {
    state = (state ^ word) &* 0x9e37_79b9_7f4a_7c15
    state ^= state >> 32
  }
}
