import Wire

/// How much memory a drone uses of what it may, by its own word.
public struct MemoryUse: Hashable, Sendable {
  /// Bytes of what it serves, what it keeps of others, and what waits.
  public var used: UInt64
  /// Bytes at which it refuses what clients put.
  public var ceiling: UInt64
  /// It refuses that now: until there is room again, not only for a moment.
  public var isFull: Bool

  public init(used: UInt64 = 0, ceiling: UInt64 = 0, isFull: Bool = false) {
    self.used = used
    self.ceiling = ceiling
    self.isFull = isFull
  }
}

extension MemoryUse: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(3)
    writer.write(unsigned: used)
    writer.write(unsigned: ceiling)
    writer.write(bool: isFull)
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 3)
    self.init(
      used: try reader.readUnsigned(), ceiling: try reader.readUnsigned(), isFull: try reader.readBool())
  }
}
