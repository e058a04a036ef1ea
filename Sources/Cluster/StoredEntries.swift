import Wire

/// Entries of a partition, encoded: what a store reads goes on the wire, and from there into a table, without an array of
/// its own for each key and value.
public struct StoredEntries: Sendable {
  public let count: Int
  /// One entry behind the other.
  public let bytes: [UInt8]

  private init(count: Int, bytes: [UInt8]) { (self.count, self.bytes) = (count, bytes) }

  public init(_ entries: some Collection<StoredEntry>) {
    var writer = StoredEntriesWriter()
    for entry in entries { entry.withView { writer.add($0) } }
    self = writer.take()
  }

  public var isEmpty: Bool { count == 0 }

  /// Calls `body` with each entry in place, in order.
  public func forEachView(_ body: (StoredEntryView) throws -> Void) rethrows {
    try bytes.withUnsafeBytes { bytes in
      var reader = CBORReader(bytes)
      // They were encoded here, or checked: none fails.
      while !reader.isAtEnd, let view = try? StoredEntryView(from: &reader) { try body(view) }
    }
  }
}

/// Gathers entries until they are worth a message.
public struct StoredEntriesWriter: Sendable {
  private var writer = CBORWriter()
  private var count = 0
  /// What they take on the wire at most, in bytes.
  public private(set) var approximateLength = 0

  public init() {}

  public var isEmpty: Bool { count == 0 }

  public mutating func add(_ entry: StoredEntryView) {
    entry.encode(into: &writer)
    count += 1
    approximateLength += entry.approximateLength
  }

  /// Hands over what was gathered, and begins anew.
  public mutating func take() -> StoredEntries {
    defer { (count, approximateLength) = (0, 0) }
    return StoredEntries(count: count, taking: &writer)
  }
}

extension StoredEntries {
  /// - Parameter writer: holds so many entries; it is empty afterwards, and keeps its memory.
  fileprivate init(count: Int, taking writer: inout CBORWriter) {
    self.init(count: count, bytes: writer.bytes)
    writer.removeAll()
  }
}

extension StoredEntries: Hashable {
  public static func == (left: StoredEntries, right: StoredEntries) -> Bool { left.bytes == right.bytes }
  public func hash(into hasher: inout Hasher) { hasher.combine(bytes) }
}

extension StoredEntries: Sequence {
  public func makeIterator() -> [StoredEntry].Iterator {
    var entries: [StoredEntry] = []
    entries.reserveCapacity(count)
    forEachView { entries.append($0.stored) }
    return entries.makeIterator()
  }

  public var underestimatedCount: Int { count }
}

extension StoredEntries: ExpressibleByArrayLiteral {
  public init(arrayLiteral entries: StoredEntry...) { self.init(entries) }
}

extension StoredEntries: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(count)
    bytes.withUnsafeBytes { writer.write(encoded: $0) }
  }

  /// Each entry is checked where it is; then all are copied at once.
  public init(from reader: inout CBORReader) throws(CBORError) {
    let count = try reader.readArrayHeader()
    let rest = reader.rest
    let start = reader.offset
    for _ in 0..<count { _ = try StoredEntryView(from: &reader) }
    let read = UnsafeRawBufferPointer(rebasing: rest[..<(reader.offset - start)])
    self.init(count: count, bytes: [UInt8](read))
  }
}
