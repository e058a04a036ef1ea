import Synchronization
import Wire

/// How a journal is laid out: a page that says whose it is, and two halves of equal length. One half is in use; when it is
/// full, what is still needed is written to the other, and one store makes that one the half in use. So nothing is ever
/// moved while it is the only one of its kind, whenever the process dies.
///
/// All numbers are little-endian. A half begins with a word that says how far it is written; frames follow.
enum JournalFormat {
  static let magic: UInt64 = 0x4c4e_524a_5641_594b  // "KYAVJRNL"
  static let version: UInt32 = 1

  /// The head, and where its parts are.
  static let headLength = 4096
  static let versionPlace = 8
  static let halfPlace = 12
  static let bootPlace = 16
  static let lifePlace = 32
  static let namePlace = 40
  static let checksumPlace = 2040
  /// What changes, each in a word of its own that is stored at once.
  static let generationPlace = 2048
  static let markPlace = 2056
  /// A word of seconds since 1970: what had been written by then is at the database. Missing where nobody knows yet.
  static let storedAtPlace = 2064

  /// `markPlace`: everything is stored elsewhere, or on the disk in this very file.
  static let clean: UInt64 = 0x6e61_656c_436c_6e4a
  static let dirty: UInt64 = 0x7974_7269_446c_6e4a

  /// Of a half, before its frames.
  static let halfHead = 64
  /// Of a frame, before its payload.
  static let frameHead = 24
  /// The length of a half is a multiple of this.
  static let step = 4096

  enum Kind: UInt8 {
    /// A partition under a token, from a record on: what was said of it before is void. The number is that record's.
    case hold = 1
    /// The next record.
    case record = 2
    /// A copy is whole from this record on.
    case whole = 3
    /// Nothing is stood for any more.
    case release = 4
  }

  /// What a frame with such a payload takes.
  static func frameLength(_ payload: Int) -> Int { (frameHead + payload + 7) & ~7 }

  // MARK: Words that check themselves

  /// A number in a word of its own, with what tells it from any other word.
  static func word(_ number: UInt32, _ salt: UInt64) -> UInt64 {
    UInt64(check(number, salt)) << 32 | UInt64(number)
  }

  /// Nil where the word is not one that was stored.
  static func number(in word: UInt64, _ salt: UInt64) -> UInt32? {
    let number = UInt32(truncatingIfNeeded: word)
    return UInt32(truncatingIfNeeded: word >> 32) == check(number, salt) ? number : nil
  }

  private static func check(_ number: UInt32, _ salt: UInt64) -> UInt32 {
    var checksum = Self.checksum
    checksum.add(salt)
    checksum.add(UInt64(number))
    return UInt32(truncatingIfNeeded: checksum.value >> 16)
  }

  static let generationSalt: UInt64 = 0x6765_6e65
  static let storedAtSalt: UInt64 = 0x7374_6174
  static func writtenSalt(_ generation: UInt32) -> UInt64 { 0x7772_6974 << 32 | UInt64(generation) }

  /// What is stored before this comes first, also for the compiler.
  @inline(__always)
  static func barrier() { atomicMemoryFence(ordering: .sequentiallyConsistent) }

  // MARK: Checksums

  static var checksum: Checksum { Checksum(seed: 0x6b65_7976_616c_4a31) }

  /// Of a frame: bound to its place and generation, so that what was left of an earlier one is no frame.
  static func checksum(
    generation: UInt32, offset: Int, head: UnsafeRawBufferPointer, payload: UnsafeRawBufferPointer
  ) -> UInt64 {
    var checksum = checksum
    checksum.add(UInt64(generation) << 32 | UInt64(truncatingIfNeeded: offset / 8))
    checksum.add(UInt64(littleEndian: head.loadUnaligned(fromByteOffset: 0, as: UInt64.self)))
    checksum.add(UInt64(littleEndian: head.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
    checksum.add(payload)
    return checksum.value
  }
}
