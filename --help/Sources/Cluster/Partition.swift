import Wire

/// 32 neighbouring slots: what is owned, granted, fenced, numbered and moved as one.
public struct Partition: Hashable, Comparable, Sendable, CustomStringConvertible {
  public static let count = 512
  public static let slotsEach = Slot.count / count
  public let number: UInt16

  public init?(_ number: some BinaryInteger) {
    guard let number = UInt16(exactly: number), number < Self.count else { return nil }
    self.number = number
  }

  init(unchecked number: UInt16) { self.number = number }

  public static let all = (0..<UInt16(count)).map(Partition.init(unchecked:))
  public var index: Int { Int(number) }
  public var slots: Range<Int> { index * Self.slotsEach..<(index + 1) * Self.slotsEach }
  public var description: String { String(number) }
  public static func < (left: Partition, right: Partition) -> Bool { left.number < right.number }
}

extension Partition: WireMessage {
  public func encode(into writer: inout CBORWriter) { writer.write(unsigned: UInt64(number)) }

  public init(from reader: inout CBORReader) throws(CBORError) {
    let offset = reader.offset
    guard let partition = Partition(try reader.readUnsigned()) else {
      throw .outOfRange(field: "a partition", offset: offset)
    }
    self = partition
  }
}
