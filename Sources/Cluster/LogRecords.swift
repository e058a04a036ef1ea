import Wire

/// Consecutive records of a log, encoded. A write is encoded once; these bytes go to shadows and to the database, and
/// stand in its log.
public struct LogRecords: Hashable, Sendable {
  public let count: Int
  /// One record behind the other.
  public let bytes: [UInt8]

  /// - Parameter encoded: so many records, one behind the other, which were encoded here, or checked.
  public init(count: Int, encoded: UnsafeRawBufferPointer) {
    self.count = count
    bytes = [UInt8](encoded)
  }

  public init(_ records: some Collection<LogRecord>) {
    var writer = CBORWriter()
    for record in records { record.encode(into: &writer) }
    count = records.count
    bytes = writer.bytes
  }

  public var isEmpty: Bool { count == 0 }
  public var first: LogRecord? { first { _ in true } }

  /// Calls `body` with each record in place, in order.
  public func forEachView(_ body: (LogRecordView) throws -> Void) rethrows {
    try bytes.withUnsafeBytes { bytes in
      var reader = CBORReader(bytes)
      // They were checked: none fails.
      while !reader.isAtEnd, let view = try? LogRecordView(from: &reader) { try body(view) }
    }
  }

  /// Without the first ones.
  public func dropping(_ number: Int) -> LogRecords {
    guard number > 0 else { return self }
    guard number < count else { return LogRecords([]) }
    return bytes.withUnsafeBytes { bytes in
      var reader = CBORReader(bytes)
      for _ in 0..<number { _ = try? reader.skip() }
      return LogRecords(
        count: count - number, encoded: UnsafeRawBufferPointer(rebasing: bytes[reader.offset...]))
    }
  }
}

extension LogRecords: Sequence {
  public struct Iterator: IteratorProtocol {
    fileprivate let bytes: [UInt8]
    private var offset = 0

    fileprivate init(_ bytes: [UInt8]) { self.bytes = bytes }

    public mutating func next() -> LogRecord? {
      guard offset < bytes.count else { return nil }
      return bytes.withUnsafeBytes { bytes in
        var reader = CBORReader(UnsafeRawBufferPointer(rebasing: bytes[offset...]))
        guard let view = try? LogRecordView(from: &reader) else { return nil }
        offset += reader.offset
        return view.record
      }
    }
  }

  public func makeIterator() -> Iterator { Iterator(bytes) }
  public var underestimatedCount: Int { count }
}

extension LogRecords: ExpressibleByArrayLiteral {
  public init(arrayLiteral records: LogRecord...) { self.init(records) }
}

extension LogRecords: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(count)
    bytes.withUnsafeBytes { writer.write(encoded: $0) }
  }

  /// Each record is checked where it is; then all are copied at once.
  public init(from reader: inout CBORReader) throws(CBORError) {
    let count = try reader.readArrayHeader()
    let rest = reader.rest
    let start = reader.offset
    for _ in 0..<count { _ = try LogRecordView(from: &reader) }
    self.init(count: count, encoded: UnsafeRawBufferPointer(rebasing: rest[..<(reader.offset - start)]))
  }
}
