/// Appends items in deterministic CBOR (RFC 8949 section 4.2.1) to a buffer that is kept between uses.
///
/// The subset: unsigned and negative integers, byte strings, text strings, arrays, maps, booleans and null.
/// The caller writes as many items behind `beginArray` and `beginMap` as announced, and map keys in order.
///
/// Bounds: whatever is written asks for room first (`reserve`), and no offset is beyond it.
public struct CBORWriter: Sendable {
  /// The first `count` bytes were written; what is behind them is room.
  @usableFromInline var storage: [UInt8]
  @usableFromInline var written = 0

  /// Bytes that were written since the last `removeAll`.
  @inlinable public internal(set) var count: Int {
    get { written }
    set { written = newValue }
  }

  /// The longest head of an item.
  @inlinable public static var longestHead: Int { 9 }
  private static let smallest = 64

  public init(capacity: Int = 0) {
    storage = capacity > 0 ? [UInt8](repeating: 0, count: capacity) : []
  }

  /// What was written, in an array of its own.
  public var bytes: [UInt8] { [UInt8](storage[..<count]) }

  /// Calls `body` with what was written, in place.
  @inlinable
  public func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
    try storage.withUnsafeBytes { try body(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
  }

  /// Hands over what was written, and begins anew.
  public mutating func take() -> [UInt8] {
    var taken = storage
    storage = []
    taken.removeLast(taken.count - count)
    count = 0
    return taken
  }

  public var capacity: Int { storage.count }

  /// Forgets the contents and keeps the memory.
  public mutating func removeAll() { count = 0 }

  /// Cuts back to an earlier `count`, so that an item begun in vain can be taken back.
  public mutating func truncate(to count: Int) { self.count = min(self.count, max(0, count)) }

  /// Takes bytes away at the front, and moves the others there.
  public mutating func removeFirst(_ number: Int) {
    let number = min(max(0, number), count)
    let rest = count - number
    storage.withUnsafeMutableBytes { all in
      all.copyMemory(from: UnsafeRawBufferPointer(rebasing: all[number..<number + rest]))
    }
    count = rest
  }

  // MARK: Items

  public mutating func write(unsigned value: UInt64) {
    writeHead(majorType: 0, value)
  }

  public mutating func write(integer value: Int64) {
    if value >= 0 {
      writeHead(majorType: 0, UInt64(value))
    } else {
      writeHead(majorType: 1, UInt64(bitPattern: ~value))
    }
  }

  public mutating func write(bytes value: UnsafeRawBufferPointer) {
    writeHead(majorType: 2, UInt64(value.count))
    append(value)
  }

  public mutating func write(bytes value: [UInt8]) {
    value.withUnsafeBytes { write(bytes: $0) }
  }

  public mutating func write(text value: String) {
    var value = value
    value.withUTF8 { utf8 in
      writeHead(majorType: 3, UInt64(utf8.count))
      append(UnsafeRawBufferPointer(utf8))
    }
  }

  public mutating func beginArray(_ count: Int) {
    writeHead(majorType: 4, UInt64(count))
  }

  public mutating func beginMap(_ count: Int) {
    writeHead(majorType: 5, UInt64(count))
  }

  public mutating func write(bool value: Bool) { append(value ? 0xf5 : 0xf4) }

  public mutating func writeNull() { append(0xf6) }

  /// Appends one complete item that was encoded elsewhere.
  public mutating func write(encoded item: UnsafeRawBufferPointer) { append(item) }

  // MARK: Bytes

  @inline(__always)
  private mutating func writeHead(majorType: UInt8, _ argument: UInt64) {
    reserve(Self.longestHead)
    let (type, start) = (majorType << 5, count)
    let length = storage.withUnsafeMutableBytes { all in
      if argument < 24 {
        all[start] = type | UInt8(argument)
        return 1
      }
      if argument <= 0xff {
        all[start] = type | 24
        all[start + 1] = UInt8(argument)
        return 2
      }
      if argument <= 0xffff {
        all[start] = type | 25
        all.storeBytes(of: UInt16(argument).bigEndian, toByteOffset: start + 1, as: UInt16.self)
        return 3
      }
      if argument <= 0xffff_ffff {
        all[start] = type | 26
        all.storeBytes(of: UInt32(argument).bigEndian, toByteOffset: start + 1, as: UInt32.self)
        return 5
      }
      all[start] = type | 27
      all.storeBytes(of: argument.bigEndian, toByteOffset: start + 1, as: UInt64.self)
      return 9
    }
    count = start + length
  }

  @inline(__always)
  private mutating func append(_ byte: UInt8) {
    reserve(1)
    storage[count] = byte
    count += 1
  }

  @inline(__always)
  private mutating func append(_ more: UnsafeRawBufferPointer) {
    reserve(more.count)
    let start = count
    storage.withUnsafeMutableBytes { all in
      UnsafeMutableRawBufferPointer(rebasing: all[start..<start + more.count]).copyMemory(from: more)
    }
    count = start + more.count
  }

  /// Makes room for so many bytes more.
  @inlinable @inline(__always)
  mutating func reserve(_ more: Int) {
    if storage.count - count < more { grow(more) }
  }

  @usableFromInline @inline(never)
  mutating func grow(_ more: Int) {
    let length = max(Self.smallest, 2 * storage.count, count + more)
    let written = count
    // What is behind the written bytes is never read before it is written, so it is not filled with anything.
    let longer = [UInt8](unsafeUninitializedCapacity: length) { all, initialized in
      storage.withUnsafeBytes { old in
        UnsafeMutableRawBufferPointer(all).copyMemory(from: UnsafeRawBufferPointer(rebasing: old[..<written]))
      }
      initialized = length
    }
    storage = longer
  }
}
