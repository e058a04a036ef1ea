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
    guard let open = key.firstIndex(of: UInt8(ascii: "{")),
      let close = key[(open + 1)...].firstIndex(of: UInt8(ascii: "}")), close > open + 1
    else { return key }
    return UnsafeRawBufferPointer(rebasing: key[(open + 1)..<close])
  }
}

/// CRC-16/XMODEM: polynomial 0x1021, initial value 0, no reflection.
enum CRC16 {
  private static let table: [UInt16] = (0..<256).map { index in
    var value = UInt16(index) << 8
    for _ in 0..<8 { value = value & 0x8000 != 0 ? value << 1 ^ 0x1021 : value << 1 }
    return value
  }

  static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt16 {
    table.withUnsafeBufferPointer { table in
      var value: UInt16 = 0
      for byte in bytes { value = value << 8 ^ table[Int(UInt8(value >> 8) ^ byte)] }
      return value
    }
  }
}
