/// Writes items into room that was asked for at once (`CBORWriter.write(atMost:_:)`): several in a row cost a look at the
/// writer's storage together, and not each.
///
/// Bounds: each write is compared with the room that is left, and traps beyond it. Whoever asked for room counted
/// `longestHead` for each item and the length of each string, so none does.
public struct CBORCursor {
  @usableFromInline var position: UnsafeMutableRawPointer
  @usableFromInline let end: UnsafeMutableRawPointer

  @inlinable
  init(_ room: UnsafeMutableRawBufferPointer) {
    guard let start = room.baseAddress else { preconditionFailure("a cursor over no room") }
    (position, end) = (start, start + room.count)
  }

  @inlinable @inline(__always)
  public mutating func write(unsigned value: UInt64) { writeHead(0, value) }

  @inlinable @inline(__always)
  public mutating func beginArray(_ count: Int) { writeHead(4 << 5, UInt64(count)) }

  @inlinable @inline(__always)
  public mutating func write(bool value: Bool) { writeByte(value ? 0xf5 : 0xf4) }

  @inlinable @inline(__always)
  public mutating func writeNull() { writeByte(0xf6) }

  @inlinable @inline(__always)
  public mutating func write(optional value: Bool?) {
    writeByte(value.map { $0 ? 0xf5 : 0xf4 } ?? 0xf6)
  }

  @inlinable @inline(__always)
  public mutating func write(bytes value: UnsafeRawBufferPointer) {
    writeHead(2 << 5, UInt64(value.count))
    precondition(end - position >= value.count)
    if let start = value.baseAddress { position.copyMemory(from: start, byteCount: value.count) }
    position += value.count
  }

  @inlinable @inline(__always)
  mutating func writeByte(_ byte: UInt8) {
    precondition(end - position >= 1)
    position.storeBytes(of: byte, as: UInt8.self)
    position += 1
  }

  @inlinable @inline(__always)
  mutating func writeHead(_ type: UInt8, _ argument: UInt64) {
    precondition(end - position >= CBORWriter.longestHead)
    if argument < 24 {
      position.storeBytes(of: type | UInt8(truncatingIfNeeded: argument), as: UInt8.self)
      position += 1
    } else {
      writeLongHead(type, argument)
    }
  }

  /// Behind the check for room.
  @usableFromInline @inline(never)
  mutating func writeLongHead(_ type: UInt8, _ argument: UInt64) {
    let (information, width): (UInt8, Int) =
      switch argument {
      case 0...0xff: (24, 1)
      case 0...0xffff: (25, 2)
      case 0...0xffff_ffff: (26, 4)
      default: (27, 8)
      }
    position.storeBytes(of: type | information, as: UInt8.self)
    // The argument's last bytes, most significant first; what is before them is shifted out.
    let shifted = (argument << UInt64(64 - 8 * width)).bigEndian
    (position + 1).storeBytes(of: shifted, as: UInt64.self)
    position += 1 + width
  }
}

extension CBORWriter {
  /// Writes items whose lengths are known beforehand.
  /// - Parameters:
  ///   - length: that of all of them at most: `longestHead` for each item, and the bytes of strings.
  @inlinable @inline(__always)
  public mutating func write(atMost length: Int, _ body: (inout CBORCursor) -> Void) {
    reserve(length)
    let start = count
    count = storage.withUnsafeMutableBytes { all in
      var cursor = CBORCursor(UnsafeMutableRawBufferPointer(rebasing: all[start..<start + length]))
      body(&cursor)
      return start + length - (cursor.end - cursor.position)
    }
  }
}
