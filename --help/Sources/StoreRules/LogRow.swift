import Cluster
import Wire

/// A group commit as one row of the log: its batches as a CBOR sequence (RFC 8742), and beside them the set of
/// their partitions, so that a reader passes over rows that do not concern it.
package struct LogRow {
  private var writer = CBORWriter()
  package private(set) var partitions = PartitionSet()
  package private(set) var recordCount = 0

  package init() {}

  var isEmpty: Bool { recordCount == 0 }
  var byteCount: Int { writer.count }
  package var batches: [UInt8] { writer.bytes }
  package var backlog: StoreBacklog { StoreBacklog(rows: 1, records: recordCount, bytes: byteCount) }

  mutating func add(_ batch: PartitionBatch, skipping: Int) {
    let kept =
      skipping == 0 && batch.inSync == nil
      ? batch
      : PartitionBatch(
        partition: batch.partition, token: batch.token, incarnation: batch.incarnation,
        numbering: batch.numbering, firstSequence: batch.firstSequence + UInt64(skipping),
        records: batch.records.dropping(skipping))
    kept.encode(into: &writer)
    partitions.insert(batch.partition)
    recordCount += kept.records.count
  }

  /// Calls `body` with each batch of a row, in order, that is of one of the partitions; the others are skipped
  /// without decoding their records.
  package static func forEachBatch(
    in batches: [UInt8], of wanted: PartitionSet, _ body: (PartitionBatch) throws -> Void
  ) throws {
    try batches.withUnsafeBytes { try forEachBatch(in: $0, of: wanted, body) }
  }

  package static func forEachBatch(
    in bytes: UnsafeRawBufferPointer, of wanted: PartitionSet, _ body: (PartitionBatch) throws -> Void
  ) throws {
    var reader = CBORReader(bytes)
    while !reader.isAtEnd {
      guard wanted != .all else {
        try body(try PartitionBatch(from: &reader))
        continue
      }
      let item = try reader.skip()
      guard wanted.contains(try partition(of: item)) else { continue }
      try body(try PartitionBatch.decode(item))
    }
  }

  /// Calls `body` with where each batch of a row is, which is of that partition.
  static func forEachItem(in batches: [UInt8], _ body: (Partition, Range<Int>) -> Void) throws {
    try batches.withUnsafeBytes { bytes in
      var reader = CBORReader(bytes)
      while !reader.isAtEnd {
        let start = reader.offset
        body(try partition(of: try reader.skip()), start..<reader.offset)
      }
    }
  }

  private static func partition(of item: UnsafeRawBufferPointer) throws(CBORError) -> Partition {
    var reader = CBORReader(item)
    _ = try reader.readArrayHeader()
    return try Partition(from: &reader)
  }
}

extension StoredLogRow {
  /// As `LogRow.forEachBatch` does.
  func forEachBatch(of wanted: PartitionSet, _ body: (PartitionBatch) throws -> Void) throws {
    do {
      try LogRow.forEachBatch(in: batches, of: wanted, body)
    } catch is CBORError {
      throw RowDamage(table: RowDamage.log, partition: nil)
    }
  }
}
