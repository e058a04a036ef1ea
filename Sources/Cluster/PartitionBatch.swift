import Wire

/// Consecutive log records of one partition under one token.
public struct PartitionBatch: Hashable, Sendable {
  public let partition: Partition
  public let token: FencingToken
  public let incarnation: Incarnation
  /// The token under which the records got their numbers: the other half of their versions. A promoted drone
  /// appends what it had from the owner before it.
  public let numbering: FencingToken
  /// The sequence number of the first record; the others follow without a gap.
  public let firstSequence: UInt64
  /// Empty only beside a change of the list.
  public let records: LogRecords
  /// The list of copies in sync from now on; nil leaves it.
  public let inSync: InSyncList?

  /// Of the last record, or of the one before the first where there is none.
  public var lastSequence: UInt64 { firstSequence - 1 + UInt64(records.count) }

  public init(
    partition: Partition, token: FencingToken, incarnation: Incarnation, numbering: FencingToken? = nil,
    firstSequence: UInt64, records: LogRecords, inSync: InSyncList? = nil
  ) {
    self.partition = partition
    self.token = token
    self.incarnation = incarnation
    self.numbering = numbering ?? token
    self.firstSequence = firstSequence
    self.records = records
    self.inSync = inSync
  }

  public init(
    partition: Partition, token: FencingToken, incarnation: Incarnation, numbering: FencingToken? = nil,
    firstSequence: UInt64, records: [LogRecord], inSync: InSyncList? = nil
  ) {
    self.init(
      partition: partition, token: token, incarnation: incarnation, numbering: numbering,
      firstSequence: firstSequence, records: LogRecords(records), inSync: inSync)
  }
}

extension PartitionBatch: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(7)
    partition.encode(into: &writer)
    token.encode(into: &writer)
    incarnation.encode(into: &writer)
    numbering.encode(into: &writer)
    writer.write(unsigned: firstSequence)
    records.encode(into: &writer)
    writer.write(optional: inSync)
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 7)
    let partition = try Partition(from: &reader)
    let token = try FencingToken(from: &reader)
    let incarnation = try Incarnation(from: &reader)
    let numbering = try FencingToken(from: &reader)
    let offset = reader.offset
    let firstSequence = try reader.readUnsigned()
    let records = try LogRecords(from: &reader)
    let inSync = try reader.readOptional(InSyncList.self)
    // Sequence numbers start at 1 and must not wrap; a batch of nothing says nothing; and nobody numbers records
    // under a token that is still to come.
    guard firstSequence > 0, !records.isEmpty || inSync != nil, numbering <= token,
      firstSequence <= UInt64(Int64.max) - UInt64(records.count)
    else { throw .outOfRange(field: "a sequence number", offset: offset) }
    self.init(
      partition: partition, token: token, incarnation: incarnation, numbering: numbering,
      firstSequence: firstSequence, records: records, inSync: inSync)
  }
}
