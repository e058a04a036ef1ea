import Cluster
import GRDB
import StoreRules

/// Who may write a partition, how far it is written, and the log.
extension SQLiteRows {
  private static let fenceQuery =
    "SELECT term, counter, holder, incarnation, base, sequence, list, origin_term, origin_counter, "
    + "\(StoreTable.partitions.isWhole) FROM partitions WHERE partition = ?"

  func fence(of partition: Partition) throws -> PartitionFence? {
    guard let row = try fetchOne(Self.fenceQuery, [partition.number]) else { return nil }
    try StoreTable.partitions.check(row, 9, partition: Int64(partition.number))
    guard let holder = try? Principal(row[2] as String), let list = try? InSyncList.decode(row.bytes(6))
    else {
      throw StoreTable.partitions.damage(of: partition)
    }
    return PartitionFence(
      token: FencingToken(term: Term(UInt64(stored: row[0])), counter: UInt64(stored: row[1])),
      holder: holder, incarnation: Incarnation(UInt64(stored: row[3])), base: UInt64(stored: row[4]),
      sequence: UInt64(stored: row[5]), inSync: list,
      numbering: FencingToken(term: Term(UInt64(stored: row[7])), counter: UInt64(stored: row[8])))
  }

  func set(_ fence: PartitionFence, of partition: Partition) throws {
    try execute(
      StoreTable.partitions.insertion,
      [
        partition.number, fence.token.term.number.stored, fence.token.counter.stored, fence.holder.text,
        fence.incarnation.number.stored, fence.base.stored, fence.sequence.stored,
        Blob(fence.inSync.encoded()), fence.numbering.term.number.stored, fence.numbering.counter.stored,
      ])
  }

  private static let headQuery = "SELECT sequences, \(StoreTable.heads.isWhole) FROM heads WHERE number = ?"

  func head(_ number: Int) throws -> [UInt64]? {
    guard let row = try fetchOne(Self.headQuery, [number]) else { return nil }
    try StoreTable.heads.check(row, 1)
    return try row.bytes(0).withUnsafeBytes { bytes in
      guard bytes.count == FenceTable.partitionsOfHead * 8 else { throw StoreTable.heads.damage() }
      return (0..<FenceTable.partitionsOfHead).map {
        UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: $0 * 8, as: UInt64.self))
      }
    }
  }

  func setHead(_ number: Int, _ sequences: [UInt64]) throws {
    let bytes = sequences.flatMap { number in withUnsafeBytes(of: number.littleEndian) { [UInt8]($0) } }
    try execute(StoreTable.heads.insertion, [number, Blob(bytes)])
  }

  // MARK: The log

  private static let logQuery =
    "SELECT number, partitions, records, batches, \(StoreTable.log.isWhole) FROM log WHERE number > ? "
    + "ORDER BY number"

  func forEachLogRow(
    behind number: Int64?, of wanted: PartitionSet, _ body: (StoredLogRow) throws -> Bool
  ) throws {
    let rows = try Row.fetchCursor(try statement(Self.logQuery), arguments: [number ?? .min])
    while let row = try rows.next() {
      try StoreTable.log.check(row, 4)
      let bits = row.bytes(1)
      guard let set = bits.withUnsafeBytes({ PartitionSet(bytes: $0) }) else {
        throw StoreTable.log.damage()
      }
      guard wanted == .all || !set.intersection(wanted).isEmpty else { continue }
      guard try body(StoredLogRow(number: row[0], records: row[2], batches: row.bytes(3))) else { return }
    }
  }

  private static let lengthQuery =
    "SELECT number, records, length(batches) FROM log WHERE number > ? AND number <= ? ORDER BY number"

  func forEachLogLength(
    behind number: Int64?, through last: Int64, _ body: (Int64, StoreBacklog) throws -> Bool
  ) throws {
    let rows = try Row.fetchCursor(
      try statement(Self.lengthQuery), arguments: [number ?? .min, last])
    while let row = try rows.next() {
      guard try body(row[0], StoreBacklog(rows: 1, records: row[1], bytes: row[2])) else { return }
    }
  }

  func append(_ row: LogRow) throws {
    try execute(
      StoreTable.log.insertion, [Blob(row.partitions.bytes), row.recordCount, Blob(row.batches)])
  }

  func deleteLog(behind number: Int64?, through last: Int64) throws {
    try execute("DELETE FROM log WHERE number > ? AND number <= ?", [number ?? .min, last])
  }
}
