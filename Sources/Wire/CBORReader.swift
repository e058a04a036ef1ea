/// Reads items of the protocol's CBOR subset in place, strictly: only what `CBORWriter` could have written.
///
/// The reader keeps a pointer: the bytes must outlive it, and slices it returns live no longer than they do.
/// Every read is bounds checked; nothing that a peer sends makes it trap, allocate beyond the bytes at hand
/// or recurse deeper than `Limits.maximumDepth`.
public struct CBORReader {
  @usableFromInline let bytes: UnsafeRawBufferPointer
  @usableFromInline var position = 0

  @inlinable
  public init(_ bytes: UnsafeRawBufferPointer) {
    self.bytes = bytes
  }

  /// Position of the next byte, counted from the beginning of the buffer.
  @inlinable public internal(set) var offset: Int {
    get { position }
    set { position = newValue }
  }

  @inlinable public var isAtEnd: Bool { position >= bytes.count }
  @inlinable public var remaining: Int { bytes.count - position }

  /// The bytes that were not read yet.
  public var rest: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: bytes[offset...]) }

  /// Whether an unsigned integer comes next.
  @inlinable public var isUnsignedNext: Bool { position < bytes.count && bytes[position] >> 5 == 0 }

  /// Whether the next item is an array.
  @inlinable public var isArrayNext: Bool { position < bytes.count && bytes[position] >> 5 == 4 }

  /// Throws `trailingBytes` unless everything was read.
  public func requireEnd() throws(CBORError) {
    guard isAtEnd else { throw .trailingBytes(count: remaining) }
  }

  @inlinable
  public mutating func readUnsigned() throws(CBORError) -> UInt64 {
    // The head of most is a byte. What is longer, or wrong, is seldom enough for a call.
    if let small = smallArgument(0) { return small }
    return try readHead(0, "an unsigned integer")
  }

  /// The argument of the next item if it is of this type and stands in its first byte, which is read then.
  @inlinable @inline(__always)
  mutating func smallArgument(_ majorType: UInt8) -> UInt64? {
    guard position < bytes.count else { return nil }
    let argument = bytes[position] &- majorType << 5
    guard argument < 24 else { return nil }
    position &+= 1
    return UInt64(argument)
  }

  /// An unsigned integer that must fit the type of the field.
  public mutating func readUnsigned<Value: FixedWidthInteger>(
    as type: Value.Type, field: String
  ) throws(CBORError) -> Value {
    let start = offset
    guard let value = Value(exactly: try readUnsigned()) else {
      throw .outOfRange(field: field, offset: start)
    }
    return value
  }

  public mutating func readInteger() throws(CBORError) -> Int64 {
    let start = offset
    let negative = try peekMajorType() == 1
    let argument = try readHead(negative ? 1 : 0, "an integer")
    guard let value = Int64(exactly: argument) else {
      throw .outOfRange(field: "a 64-bit integer", offset: start)
    }
    return negative ? ~value : value
  }

  /// The contents of a byte string, in place.
  @inlinable
  public mutating func readBytes(
    maximum: Int = Limits.maximumRecordLength
  ) throws(CBORError) -> UnsafeRawBufferPointer {
    let start = position
    if let length = shortLength(2), length <= maximum, length <= remaining {
      let end = position &+ length
      defer { position = end }
      return UnsafeRawBufferPointer(rebasing: bytes[position..<end])
    }
    position = start
    return try readString(majorType: 2, "a byte string", maximum: maximum)
  }

  /// The length of the next string if it is of this type and shorter than 256 bytes; its head is read then.
  @inlinable @inline(__always)
  mutating func shortLength(_ majorType: UInt8) -> Int? {
    if let small = smallArgument(majorType) { return Int(truncatingIfNeeded: small) }
    guard remaining >= 2, bytes[position] == majorType << 5 | 24, bytes[position &+ 1] >= 24 else {
      return nil
    }
    position &+= 2
    return Int(bytes[position &- 1])
  }

  /// A byte string copied out.
  public mutating func readByteArray(
    maximum: Int = Limits.maximumRecordLength
  ) throws(CBORError) -> [UInt8] {
    [UInt8](try readBytes(maximum: maximum))
  }

  /// A byte string of exactly this length, copied out.
  public mutating func readByteArray(count: Int, field: String) throws(CBORError) -> [UInt8] {
    let start = offset
    let value = try readBytes(maximum: count)
    guard value.count == count else { throw .outOfRange(field: field, offset: start) }
    return [UInt8](value)
  }

  public mutating func readText(maximum: Int = Limits.maximumTextLength) throws(CBORError) -> String {
    let start = offset
    let utf8 = try readString(majorType: 3, "a text string", maximum: maximum)
    guard let text = String(validating: utf8, as: UTF8.self) else { throw .invalidText(offset: start) }
    return text
  }

  /// The number of items that follow. An item is at least a byte, so a count beyond the bytes at hand is
  /// refused here and a caller may reserve room for what it is told.
  @inlinable
  public mutating func readArrayHeader(
    maximum: Int = Limits.maximumItems
  ) throws(CBORError) -> Int {
    let start = position
    if let small = smallArgument(4) {
      let count = Int(truncatingIfNeeded: small)
      if count <= maximum, count <= remaining { return count }
    }
    position = start
    return try readCount(majorType: 4, "an array", bytesPerItem: 1, maximum: maximum)
  }

  /// As `readArrayHeader`, for an array that must have exactly `count` items.
  @inlinable
  public mutating func readArrayHeader(exactly count: Int) throws(CBORError) {
    let start = position
    if let small = smallArgument(4) {
      // Of more items than there are bytes the first that is missing tells.
      if small == UInt64(truncatingIfNeeded: count) { return }
      position = start
    }
    guard try readArrayHeader(maximum: count) == count else {
      throw .outOfRange(field: "the number of items", offset: start)
    }
  }

  /// The number of pairs that follow; use `skip` or `CBORKeyOrder` to hold the peer to the order of keys.
  public mutating func readMapHeader(maximum: Int = Limits.maximumItems) throws(CBORError) -> Int {
    try readCount(majorType: 5, "a map", bytesPerItem: 2, maximum: maximum)
  }

  @inlinable
  public mutating func readBool() throws(CBORError) -> Bool {
    guard position < bytes.count else { throw .truncated(offset: offset) }
    let byte = bytes[position]
    guard byte | 1 == 0xf5 else {
      throw .unexpectedType(expected: "a boolean", majorType: byte >> 5, offset: offset)
    }
    position &+= 1
    return byte == 0xf5
  }

  /// Reads a null if one is next.
  @inlinable
  public mutating func readNull() throws(CBORError) -> Bool { try readIfNext(0xf6) }

  /// Reads a false if one is next.
  @inlinable
  public mutating func readFalse() throws(CBORError) -> Bool { try readIfNext(0xf4) }

  @inlinable @inline(__always)
  mutating func readIfNext(_ byte: UInt8) throws(CBORError) -> Bool {
    guard position < bytes.count else { throw .truncated(offset: offset) }
    guard bytes[position] == byte else { return false }
    position &+= 1
    return true
  }

  /// Reads one item of any shape, checks it to the last level and returns its bytes.
  @discardableResult
  public mutating func skip() throws(CBORError) -> UnsafeRawBufferPointer {
    let start = offset
    try skip(depth: 0)
    return UnsafeRawBufferPointer(rebasing: bytes[start..<offset])
  }

  private mutating func skip(depth: Int) throws(CBORError) {
    guard depth < Limits.maximumDepth else { throw .limitExceeded("nesting", offset: offset) }
    switch try peekMajorType() {
    case 0: _ = try readUnsigned()
    case 1: _ = try readInteger()
    case 2: _ = try readBytes(maximum: .max)
    case 3: _ = try readText(maximum: .max)
    case 4:
      for _ in 0..<(try readArrayHeader()) { try skip(depth: depth + 1) }
    case 5:
      try skipMap(depth: depth)
    case 7:
      if try !readNull() { _ = try readBool() }
    default:
      throw .unsupported(initialByte: bytes[offset], offset: offset)
    }
  }

  /// Keys must rise in the bytewise order of their encodings (RFC 8949 section 4.2.1).
  private mutating func skipMap(depth: Int) throws(CBORError) {
    var previous: UnsafeRawBufferPointer?
    for _ in 0..<(try readMapHeader()) {
      let start = offset
      try skip(depth: depth + 1)
      let key = UnsafeRawBufferPointer(rebasing: bytes[start..<offset])
      if let previous, !previous.lexicographicallyPrecedes(key) { throw .unorderedKeys(offset: start) }
      previous = key
      try skip(depth: depth + 1)
    }
  }

  private func peekMajorType() throws(CBORError) -> UInt8 {
    guard offset < bytes.count else { throw .truncated(offset: offset) }
    return bytes[offset] >> 5
  }

  @usableFromInline @inline(never)
  mutating func readString(
    majorType: UInt8, _ expected: String, maximum: Int
  ) throws(CBORError) -> UnsafeRawBufferPointer {
    let start = offset
    let length = try readHead(majorType, expected)
    guard length <= UInt64(maximum) else { throw .limitExceeded("the length of \(expected)", offset: start) }
    guard length <= UInt64(remaining) else { throw .truncated(offset: bytes.count) }
    let end = offset + Int(length)
    defer { offset = end }
    return UnsafeRawBufferPointer(rebasing: bytes[offset..<end])
  }

  @usableFromInline @inline(never)
  mutating func readCount(
    majorType: UInt8, _ expected: String, bytesPerItem: Int, maximum: Int
  ) throws(CBORError) -> Int {
    let start = offset
    let count = try readHead(majorType, expected)
    guard count <= UInt64(maximum) else { throw .limitExceeded("the items of \(expected)", offset: start) }
    guard count <= UInt64(remaining / bytesPerItem) else { throw .truncated(offset: bytes.count) }
    return Int(count)
  }

  @usableFromInline @inline(never)
  mutating func readHead(_ majorType: UInt8, _ expected: String) throws(CBORError) -> UInt64 {
    guard offset < bytes.count else { throw .truncated(offset: offset) }
    let initial = bytes[offset]
    guard initial >> 5 == majorType else {
      throw .unexpectedType(expected: expected, majorType: initial >> 5, offset: offset)
    }
    let information = initial & 0x1f
    guard information >= 24 else {
      offset += 1
      return UInt64(information)
    }
    guard information <= 27 else { throw .unsupported(initialByte: initial, offset: offset) }
    return try readArgument(width: 1 << Int(information - 24))
  }

  /// Behind the initial byte; so many bytes are there.
  private func argument(width: Int) -> UInt64 {
    let next = offset + 1
    return switch width {
    case 1: UInt64(bytes[next])
    case 2: UInt64(bytes.loadUnaligned(fromByteOffset: next, as: UInt16.self).bigEndian)
    case 4: UInt64(bytes.loadUnaligned(fromByteOffset: next, as: UInt32.self).bigEndian)
    default: bytes.loadUnaligned(fromByteOffset: next, as: UInt64.self).bigEndian
    }
  }

  private mutating func readArgument(width: Int) throws(CBORError) -> UInt64 {
    guard remaining > width else { throw .truncated(offset: bytes.count) }
    let value = argument(width: width)
    // The smallest number that needs this width: 24 for one byte, else 2^(8 * width / 2).
    let smallest: UInt64 = width == 1 ? 24 : 1 << UInt64(width * 4)
    guard value >= smallest else { throw .notShortest(offset: offset) }
    offset += 1 + width
    return value
  }
}
