import Wire

/// One write of a partition's log: what changed, who asked, and what was answered, so that a retry gets the
/// first outcome even from the next owner.
public struct LogRecord: Hashable, Sendable {
  public enum Change: Hashable, Sendable {
    case put(value: [UInt8])
    case delete
    /// A compare-and-put that found another value: only its outcome is kept.
    case nothing
  }

  public let key: [UInt8]
  public let change: Change
  public let client: ClientIncarnation
  /// The client's number of this write.
  public let write: UInt64
  /// Whether the key had a value before; of a compare-and-put, whether that was the expected one. Nil where who asked
  /// may not read the key: what is not kept cannot be told later.
  public let existed: Bool?
  /// Of what was asked for (`WriteDigest`); nil where that was not kept.
  public let digest: UInt32?

  public init(
    key: [UInt8], change: Change, client: ClientIncarnation, write: UInt64, existed: Bool?,
    digest: UInt32? = nil
  ) {
    self.key = key
    self.change = change
    self.client = client
    self.write = write
    self.existed = existed
    self.digest = digest
  }

  /// About what it takes on the wire; a bound for batches, in bytes.
  public var approximateLength: Int {
    guard case .put(let value) = change else { return key.count + 48 }
    return key.count + value.count + 48
  }
}

/// Consecutive log records of one partition under one token.
public struct PartitionBatch: Hashable, Sendable {
  public let partition: Partition
  public let token: FencingToken
  public let incarnation: Incarnation
  /// The token under which the records got their numbers: the other half of their versions. A promoted drone
  /// appends what it had from the owner before it.
  public let origin: FencingToken
  /// The sequence number of the first record; the others follow without a gap.
  public let firstSequence: UInt64
  /// Empty only beside a change of the list.
  public let records: [LogRecord]
  /// The list of copies in sync from now on; nil leaves it.
  public let inSync: InSyncList?

  public init(
    partition: Partition, token: FencingToken, incarnation: Incarnation, origin: FencingToken? = nil,
    firstSequence: UInt64, records: [LogRecord], inSync: InSyncList? = nil
  ) {
    self.partition = partition
    self.token = token
    self.incarnation = incarnation
    self.origin = origin ?? token
    self.firstSequence = firstSequence
    self.records = records
    self.inSync = inSync
  }
}

/// The outcome of a write, kept so that its retry is answered and not executed again.
public struct WriteOutcome: Hashable, Sendable {
  public let client: ClientIncarnation
  public let write: UInt64
  public let sequence: UInt64
  public let existed: Bool?
  /// Of what was asked for; nil where that was not kept.
  public let digest: UInt32?

  public init(
    client: ClientIncarnation, write: UInt64, sequence: UInt64, existed: Bool?, digest: UInt32? = nil
  ) {
    self.client = client
    self.write = write
    self.sequence = sequence
    self.existed = existed
    self.digest = digest
  }

  public init(_ record: LogRecord, sequence: UInt64) {
    self.init(
      client: record.client, write: record.write, sequence: sequence, existed: record.existed,
      digest: record.digest)
  }
}

/// A key and its value at a version.
public struct StoredEntry: Hashable, Sendable {
  public let key: [UInt8]
  public let value: [UInt8]
  public let version: Version

  public init(key: [UInt8], value: [UInt8], version: Version) {
    self.key = key
    self.value = value
    self.version = version
  }

  public var approximateLength: Int { Self.approximateLength(key: key.count, value: value.count) }
  public static func approximateLength(key: Int, value: Int) -> Int { key + value + 32 }
}

extension LogRecord: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(digest == nil ? 5 : 6)
    writer.write(bytes: key)
    switch change {
    case .put(let value): writer.write(bytes: value)
    case .delete: writer.writeNull()
    case .nothing: writer.write(bool: false)
    }
    client.encode(into: &writer)
    writer.write(unsigned: write)
    writer.write(optional: existed)
    if let digest { writer.write(unsigned: UInt64(digest)) }
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    let hasDigest = try reader.hasDigest(behind: 5)
    self.init(
      key: try reader.readByteArray(maximum: Limits.maximumKeyLength), change: try Change(from: &reader),
      client: try ClientIncarnation(from: &reader), write: try reader.readUnsigned(),
      existed: try reader.readOptionalBool(), digest: hasDigest ? try reader.readDigest() : nil)
  }
}

extension LogRecord.Change {
  /// A value, null for a delete, or false for nothing.
  fileprivate init(from reader: inout CBORReader) throws(CBORError) {
    if try reader.readNull() {
      self = .delete
    } else if try reader.readFalse() {
      self = .nothing
    } else {
      self = .put(value: try reader.readByteArray(maximum: Limits.maximumValueLength))
    }
  }
}

extension PartitionBatch: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(7)
    partition.encode(into: &writer)
    token.encode(into: &writer)
    incarnation.encode(into: &writer)
    origin.encode(into: &writer)
    writer.write(unsigned: firstSequence)
    writer.write(records)
    writer.write(optional: inSync)
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 7)
    let partition = try Partition(from: &reader)
    let token = try FencingToken(from: &reader)
    let incarnation = try Incarnation(from: &reader)
    let origin = try FencingToken(from: &reader)
    let offset = reader.offset
    let firstSequence = try reader.readUnsigned()
    let records = try reader.readMessages(LogRecord.self)
    let inSync = try reader.readOptional(InSyncList.self)
    // Sequence numbers start at 1 and must not wrap; a batch of nothing says nothing; and nobody numbers records
    // under a token that is still to come.
    guard firstSequence > 0, !records.isEmpty || inSync != nil, origin <= token,
      firstSequence <= UInt64(Int64.max) - UInt64(records.count)
    else { throw .outOfRange(field: "a sequence number", offset: offset) }
    self.init(
      partition: partition, token: token, incarnation: incarnation, origin: origin,
      firstSequence: firstSequence, records: records, inSync: inSync)
  }
}

extension WriteOutcome: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(digest == nil ? 4 : 5)
    client.encode(into: &writer)
    writer.write(unsigned: write)
    writer.write(unsigned: sequence)
    writer.write(optional: existed)
    if let digest { writer.write(unsigned: UInt64(digest)) }
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    let hasDigest = try reader.hasDigest(behind: 4)
    self.init(
      client: try ClientIncarnation(from: &reader), write: try reader.readUnsigned(),
      sequence: try reader.readUnsigned(), existed: try reader.readOptionalBool(),
      digest: hasDigest ? try reader.readDigest() : nil)
  }
}

/// Files of before there were digests have items without.
extension CBORReader {
  fileprivate mutating func hasDigest(behind count: Int) throws(CBORError) -> Bool {
    let start = offset
    let found = try readArrayHeader(maximum: count + 1)
    guard found >= count else { throw .outOfRange(field: "the number of items", offset: start) }
    return found > count
  }

  fileprivate mutating func readDigest() throws(CBORError) -> UInt32 {
    let start = offset
    guard let digest = UInt32(exactly: try readUnsigned()) else {
      throw .outOfRange(field: "a digest", offset: start)
    }
    return digest
  }
}

extension StoredEntry: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(3)
    writer.write(bytes: key)
    writer.write(bytes: value)
    version.encode(into: &writer)
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 3)
    self.init(
      key: try reader.readByteArray(maximum: Limits.maximumKeyLength),
      value: try reader.readByteArray(maximum: Limits.maximumValueLength), version: try Version(from: &reader)
    )
  }
}
