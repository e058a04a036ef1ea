/// One of 16,384 hash slots. A key's slot is CRC-16/XMODEM of the key, or of its hash tag, modulo 16,384: as
/// the Redis Cluster specification has it, so that tools and people agree on where a key is.
public struct Slot: Hashable, Sendable, CustomStringConvertible {
  public static let count = 16_384
  public let number: UInt16

  /// The slot of a key. Only what stands between the first `{` and the next `}` counts, if that is not empty.
  public init(key: UnsafeRawBufferPointer) {
    number = CRC16.checksum(Self.hashed(part: key)) % UInt16(Self.count)
  }

  public init(key: some Collection<UInt8>) {
    self = Array(key).withUnsafeBytes { Slot(key: $0) }
  }

  public var partition: Partition { Partition(unchecked: number / UInt16(Partition.slotsEach)) }
  public var description: String { String(number) }

  private static func hashed(part key: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
    guard mayHaveTag(key), let open = key.firstIndex(of: UInt8(ascii: "{")),
      let close = key[(open + 1)...].firstIndex(of: UInt8(ascii: "}")), close > open + 1
    else { return key }
    return UnsafeRawBufferPointer(rebasing: key[(open + 1)..<close])
  }

  /// False for most keys, found out eight bytes at a time: a byte that is `{` is zero in `rest`, and a zero byte alone
  /// borrows into its highest bit (Warren, Hacker's Delight, section 6-1). A few keys without one are looked at in vain.
  private static func mayHaveTag(_ key: UnsafeRawBufferPointer) -> Bool {
    let (ones, highs) = (0x0101_0101_0101_0101 as UInt64, 0x8080_8080_8080_8080 as UInt64)
    var offset = 0
    while offset + 8 <= key.count {
      let rest =
        key.loadUnaligned(fromByteOffset: offset, as: UInt64.self) ^ (ones &* UInt64(UInt8(ascii: "{")))
      if (rest &- ones) & ~rest & highs != 0 { return true }
      offset += 8
    }
    while offset < key.count {
      if key[offset] == UInt8(ascii: "{") { return true }
      offset += 1
    }
    return false
  }
}

/// CRC-16/XMODEM: polynomial 0x1021, initial value 0, no reflection. Eight bytes a step by eight tables, each for bytes
/// that are so many places from the end of the step (slicing-by-8: Kounavis and Berry 2005).
enum CRC16 {
  /// Of byte `b` with `n` bytes behind it: at `n * 256 + b`.
  private static let tables: [UInt16] = {
    var tables = (0..<256).map { index in
      var value = UInt16(index) << 8
      for _ in 0..<8 { value = value & 0x8000 != 0 ? value << 1 ^ 0x1021 : value << 1 }
      return value
    }
    for index in 256..<8 * 256 {
      let before = tables[index - 256]
      tables.append(before << 8 ^ tables[Int(before >> 8)])
    }
    return tables
  }()

  static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt16 {
    tables.withUnsafeBufferPointer { tables in
      var value: UInt16 = 0
      var offset = 0
      while offset + 8 <= bytes.count {
        let step =
          bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self).bigEndian ^ UInt64(value) << 48
        func part(_ behind: Int) -> UInt16 { tables[behind << 8 | Int(step >> UInt64(8 * behind) & 0xff)] }
        value = part(7) ^ part(6) ^ part(5) ^ part(4) ^ part(3) ^ part(2) ^ part(1) ^ part(0)
        offset += 8
      }
      while offset < bytes.count {
        value = value << 8 ^ tables[Int(UInt8(value >> 8) ^ bytes[offset])]
        offset += 1
      }
      return value
    }
  }
}
