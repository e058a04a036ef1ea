import Wire

/// A set of partitions as 512 bits; iterates in rising order. On the wire: 64 bytes, partition 0 is the
/// highest bit of the first.
public struct PartitionSet: Hashable, Sendable, Sequence, ExpressibleByArrayLiteral, CustomStringConvertible {
  static let byteCount = Partition.count / 8
  private var words: [8 of UInt64] = .init(repeating: 0)

  public init() {}

  public init(_ partitions: some Sequence<Partition>) {
    for partition in partitions { insert(partition) }
  }

  public init(arrayLiteral elements: Partition...) { self.init(elements) }

  public static let all = PartitionSet(Partition.all)

  public var isEmpty: Bool { words.indices.allSatisfy { words[$0] == 0 } }
  public var count: Int { words.indices.reduce(0) { $0 + words[$1].nonzeroBitCount } }

  public func contains(_ partition: Partition) -> Bool {
    words[partition.index / 64] & Self.bit(partition) != 0
  }

  public mutating func insert(_ partition: Partition) { words[partition.index / 64] |= Self.bit(partition) }
  public mutating func remove(_ partition: Partition) { words[partition.index / 64] &= ~Self.bit(partition) }

  public mutating func formUnion(_ other: PartitionSet) {
    for index in words.indices { words[index] |= other.words[index] }
  }

  public mutating func formIntersection(_ other: PartitionSet) {
    for index in words.indices { words[index] &= other.words[index] }
  }

  public mutating func subtract(_ other: PartitionSet) {
    for index in words.indices { words[index] &= ~other.words[index] }
  }

  public func union(_ other: PartitionSet) -> PartitionSet { with(other) { $0.formUnion($1) } }
  public func intersection(_ other: PartitionSet) -> PartitionSet { with(other) { $0.formIntersection($1) } }
  public func subtracting(_ other: PartitionSet) -> PartitionSet { with(other) { $0.subtract($1) } }
  public func isSubset(of other: PartitionSet) -> Bool { subtracting(other).isEmpty }

  public static func == (left: PartitionSet, right: PartitionSet) -> Bool {
    left.words.indices.allSatisfy { left.words[$0] == right.words[$0] }
  }

  public func hash(into hasher: inout Hasher) {
    for index in words.indices { hasher.combine(words[index]) }
  }

  public func makeIterator() -> Iterator { Iterator(set: self) }

  public struct Iterator: IteratorProtocol {
    let set: PartitionSet
    var position = 0

    public mutating func next() -> Partition? {
      while position < Partition.count {
        let rest = set.words[position / 64] << UInt64(position % 64)
        guard rest != 0 else {
          position = (position / 64 + 1) * 64
          continue
        }
        position += rest.leadingZeroBitCount
        defer { position += 1 }
        return Partition(position)
      }
      return nil
    }
  }

  /// Ranges, as an operator reads them: `0-170, 300`.
  public var description: String {
    var ranges: [ClosedRange<UInt16>] = []
    for partition in self {
      if let last = ranges.last, last.upperBound + 1 == partition.number {
        ranges[ranges.count - 1] = last.lowerBound...partition.number
      } else {
        ranges.append(partition.number...partition.number)
      }
    }
    return ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
      .joined(separator: ", ")
  }

  /// The 64 bytes of the wire and of the database.
  public var bytes: [UInt8] {
    words.indices.flatMap { index in withUnsafeBytes(of: words[index].bigEndian) { [UInt8]($0) } }
  }

  /// Nil unless there are exactly 64 bytes.
  public init?(bytes: UnsafeRawBufferPointer) {
    guard bytes.count == Self.byteCount else { return nil }
    for index in words.indices {
      words[index] = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self))
    }
  }

  private static func bit(_ partition: Partition) -> UInt64 { 1 << UInt64(63 - partition.index % 64) }

  private func with(_ other: PartitionSet, _ change: (inout PartitionSet, PartitionSet) -> Void)
    -> PartitionSet
  {
    var result = self
    change(&result, other)
    return result
  }
}

extension PartitionSet: WireMessage {
  public func encode(into writer: inout CBORWriter) { writer.write(bytes: bytes) }

  public init(from reader: inout CBORReader) throws(CBORError) {
    let offset = reader.offset
    guard let set = PartitionSet(bytes: try reader.readBytes(maximum: Self.byteCount)) else {
      throw .outOfRange(field: "a set of partitions", offset: offset)
    }
    self = set
  }
}
