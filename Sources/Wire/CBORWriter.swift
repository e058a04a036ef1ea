/// Appends items in deterministic CBOR (RFC 8949 section 4.2.1) to a buffer that is kept between uses.
///
/// The subset: unsigned and negative integers, byte strings, text strings, arrays, maps, booleans and null.
/// The caller writes as many items behind `beginArray` and `beginMap` as announced, and map keys in order.
public struct CBORWriter: Sendable {
  /// What was written since the last `removeAll`.
  public private(set) var bytes: [UInt8] = []

  public init(capacity: Int = 0) {
    bytes.reserveCapacity(capacity)
  }

  public var count: Int { bytes.count }
  public var capacity: Int { bytes.capacity }

  /// Forgets the contents and keeps the memory.
  public mutating func removeAll() {
    bytes.removeAll(keepingCapacity: true)
  }

  /// Cuts back to an earlier `count`, so that an item begun in vain can be taken back.
  public mutating func truncate(to count: Int) {
    guard count < bytes.count else { return }
    bytes.removeSubrange(count...)
  }

  /// Takes bytes away at the front, and moves the others there.
  public mutating func removeFirst(_ count: Int) {
    bytes.removeFirst(min(count, bytes.count))
  }

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
    bytes.append(contentsOf: value)
  }

  public mutating func write(bytes value: [UInt8]) {
    writeHead(majorType: 2, UInt64(value.count))
    bytes.append(contentsOf: value)
  }

  public mutating func write(text value: String) {
    let utf8 = value.utf8
    writeHead(majorType: 3, UInt64(utf8.count))
    bytes.append(contentsOf: utf8)
  }

  public mutating func beginArray(_ count: Int) {
    writeHead(majorType: 4, UInt64(count))
  }

  public mutating func beginMap(_ count: Int) {
    writeHead(majorType: 5, UInt64(count))
  }

  public mutating func write(bool value: Bool) {
    bytes.append(value ? 0xf5 : 0xf4)
  }

  public mutating func writeNull() {
    bytes.append(0xf6)
  }

  /// Appends one complete item that was encoded elsewhere.
  public mutating func write(encoded item: UnsafeRawBufferPointer) {
    bytes.append(contentsOf: item)
  }

  private mutating func writeHead(majorType: UInt8, _ argument: UInt64) {
    let type = majorType << 5
    if argument < 24 {
      bytes.append(type | UInt8(argument))
    } else if argument <= 0xff {
      bytes.append(type | 24)
      bytes.append(UInt8(argument))
    } else if argument <= 0xffff {
      bytes.append(type | 25)
      appendBigEndian(UInt16(argument))
    } else if argument <= 0xffff_ffff {
      bytes.append(type | 26)
      appendBigEndian(UInt32(argument))
    } else {
      bytes.append(type | 27)
      appendBigEndian(argument)
    }
  }

  private mutating func appendBigEndian<Value: FixedWidthInteger>(_ value: Value) {
    withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
  }
}
