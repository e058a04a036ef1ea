import Cluster
import Wire

/// An entry of an image, in place: it is no longer there when the image's bytes are gone.
struct ImageEntry {
  let hash: UInt64
  let version: Version
  let key: UnsafeRawBufferPointer
  let value: UnsafeRawBufferPointer

  var view: StoredEntryView { StoredEntryView(key: key, value: value, version: version) }

  func precedes(_ place: KeyPlace) -> Bool {
    guard hash == place.hash else { return hash < place.hash }
    return key.lexicographicallyPrecedes(place.key)
  }

  func precedes(_ other: ImageEntry) -> Bool {
    guard hash == other.hash else { return hash < other.hash }
    return key.lexicographicallyPrecedes(other.key)
  }

  func isAt(_ place: KeyPlace) -> Bool { hash == place.hash && key.elementsEqual(place.key) }
}

/// Reads the entries of an image, which are in order of their places.
///
/// An entry is (little-endian) the length of its key (2 bytes, the highest bit tells that a fence follows), that of its
/// value (4), its sequence number (8), the fence's term and counter (8 each) unless it is that of the entry before, the
/// key and the value.
///
/// Nothing is believed: each length is compared with the bytes that are left before anything is read by it.
package struct ImageReader {
  static let fenceBit: UInt16 = 1 << 15
  package static let headLength = 14
  static let fenceLength = 16

  private let bytes: UnsafeRawBufferPointer
  private var offset = 0
  private var fence: FencingToken?
  private var last: ImageEntry?

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  /// Nil behind the last.
  mutating func next() throws(ImageDamage) -> ImageEntry? {
    guard offset < bytes.count else { return nil }
    guard bytes.count - offset >= Self.headLength else { throw ImageDamage() }
    let lengths: UInt16 = load()
    let (keyLength, valueLength) = (Int(lengths & ~Self.fenceBit), Int(load() as UInt32))
    let sequence: UInt64 = load()
    if lengths & Self.fenceBit != 0 {
      guard bytes.count - offset >= Self.fenceLength else { throw ImageDamage() }
      fence = FencingToken(term: Term(load()), counter: load())
    }
    // Both are far below what an addition of two could overflow by.
    guard let fence, keyLength <= Limits.maximumKeyLength, valueLength <= Limits.maximumValueLength,
      bytes.count - offset >= keyLength + valueLength
    else { throw ImageDamage() }
    let key = UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + keyLength])
    offset += keyLength
    let value = UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + valueLength])
    offset += valueLength
    let entry = ImageEntry(
      hash: KeyHash.hash(key), version: Version(fence: fence, sequence: sequence), key: key, value: value)
    if let last, !last.precedes(entry) { throw ImageDamage() }
    last = entry
    return entry
  }

  /// Whoever calls has seen that so many bytes are left.
  private mutating func load<Number: FixedWidthInteger>() -> Number {
    defer { offset += MemoryLayout<Number>.size }
    return Number(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Number.self))
  }
}

/// An image that nobody wrote so.
package struct ImageDamage: Error {}
