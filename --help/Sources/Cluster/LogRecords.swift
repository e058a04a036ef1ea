import Wire

/// Consecutive records of a log, encoded. A write is encoded once; these bytes go to shadows and to the database, and
/// stand in its log.
public struct LogRecords: Sendable {
  /// What they come to.
  public struct Sums: Sendable {
    /// Of what each takes on the wire at most (`LogRecordView.approximateLength`).
    public var approximateLength = 0
    /// Records that put a value, and the bytes of their keys and values.
    public var puts = 0
    public var putBytes = 0

    mutating func add(_ record: LogRecordView) {
      approximateLength += record.approximateLength
      guard let value = record.value else { return }
      puts += 1
      putBytes += record.key.count + value.count
    }
  }

  public let count: Int
  /// One record behind the other.
  public let bytes: [UInt8]
  /// Known where they were read record by record.
  private var known: Sums?

  public var sums: Sums {
    if let known { return known }
    var sums = Sums()
    forEachView { sums.add($0) }
    return sums
  }

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

extension LogRecords: Hashable {
  public static func == (left: LogRecords, right: LogRecords) -> Bool { left.bytes == right.bytes }
  public func hash(into hasher: inout Hasher) { hasher.combine(bytes) }
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
    var sums = Sums()
    for _ in 0..<count { sums.add(try LogRecordView(from: &reader)) }
    self.init(count: count, encoded: UnsafeRawBufferPointer(rebasing: rest[..<(reader.offset - start)]))
    known = sums
  }
}
