import Cluster
import GRDB

/// The fences as a connection sees them in its transaction, read when they are asked for.
///
/// A fence is in two places. Its row has who may write the partition, and changes when somebody opens it or sends another
/// list. How far it is written changes with each append, of many partitions at once: those numbers are in rows of
/// `heads`, one for many partitions, since a row of its own for each took most of the time of an append. Both only rise,
/// and the higher one counts.
struct FenceTable: Sendable {
  /// Partitions of a row of heads.
  static let partitionsOfHead = 64

  private enum Known {
    case unread
    case read(PartitionFence?)
  }

  private var fences = [Known](repeating: .unread, count: Partition.count)
  private var heads = [[UInt64]?](repeating: nil, count: Partition.count / partitionsOfHead)
  /// Whose row differs from what is stored.
  private var changed = PartitionSet()
  /// Rows of heads that differ.
  private var moved: Set<Int> = []

  /// Nil for a partition that was never opened.
  mutating func fence(of partition: Partition, _ database: Database) throws -> PartitionFence? {
    if case .read(let fence) = fences[partition.index] { return fence }
    var fence = try Self.stored(partition, database)
    if let stored = fence?.sequence {
      fence?.sequence = max(stored, try head(of: partition, database))
    }
    fences[partition.index] = .read(fence)
    return fence
  }

  mutating func set(_ fence: PartitionFence, of partition: Partition) {
    fences[partition.index] = .read(fence)
    changed.insert(partition)
  }

  /// Takes over what an admitted batch says.
  mutating func take(_ batch: PartitionBatch, through sequence: UInt64, _ database: Database) throws {
    let partition = batch.partition
    guard let before = try fence(of: partition, database) else { return }
    var fence = before
    fence.take(batch, through: sequence)
    guard fence != before else { return }
    fences[partition.index] = .read(fence)
    if fence.sequence > before.sequence {
      _ = try head(of: partition, database)
      let (row, place) = partition.index.quotientAndRemainder(dividingBy: Self.partitionsOfHead)
      heads[row]?[place] = fence.sequence
      moved.insert(row)
    }
    if fence.inSync != before.inSync || fence.origin != before.origin { changed.insert(partition) }
  }

  /// Writes what has changed.
  mutating func store(_ database: Database) throws {
    for partition in changed {
      guard case .read(let fence?) = fences[partition.index] else { continue }
      try Self.store(fence, of: partition, database)
    }
    for row in moved.sorted() {
      guard let head = heads[row] else { continue }
      let bytes = head.flatMap { number in withUnsafeBytes(of: number.littleEndian) { [UInt8]($0) } }
      try database.cachedStatement(sql: StoreTable.heads.insertion).execute(arguments: [row, Blob(bytes)])
    }
    changed = PartitionSet()
    moved.removeAll(keepingCapacity: true)
  }

  // MARK: Rows

  private mutating func head(of partition: Partition, _ database: Database) throws -> UInt64 {
    let (row, place) = partition.index.quotientAndRemainder(dividingBy: Self.partitionsOfHead)
    if let known = heads[row] { return known[place] }
    let read = try Self.head(row, database)
    heads[row] = read
    return read[place]
  }

  private static let headQuery = "SELECT sequences, \(StoreTable.heads.isWhole) FROM heads WHERE number = ?"

  private static func head(_ number: Int, _ database: Database) throws -> [UInt64] {
    let statement = try database.cachedStatement(sql: headQuery)
    guard let row = try Row.fetchOne(statement, arguments: [number]) else {
      return [UInt64](repeating: 0, count: partitionsOfHead)
    }
    try StoreTable.heads.check(row, 1)
    return try (row[0] as Blob).withUnsafeBytes { bytes in
      guard bytes.count == partitionsOfHead * 8 else {
        throw RowDamage(table: StoreTable.heads.rawValue, partition: nil)
      }
      return (0..<partitionsOfHead).map {
        UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: $0 * 8, as: UInt64.self))
      }
    }
  }

  private static let query =
    "SELECT term, counter, holder, incarnation, base, sequence, list, origin_term, origin_counter, "
    + "\(StoreTable.partitions.isWhole) FROM partitions WHERE partition = ?"

  private static func stored(_ partition: Partition, _ database: Database) throws -> PartitionFence? {
    let statement = try database.cachedStatement(sql: query)
    guard let row = try Row.fetchOne(statement, arguments: [partition.number]) else { return nil }
    try StoreTable.partitions.check(row, 9, partition: Int64(partition.number))
    let base: Int64 = row[4]
    let sequence: Int64 = row[5]
    return PartitionFence(
      token: FencingToken(term: Term(UInt64(stored: row[0])), counter: UInt64(stored: row[1])),
      holder: try Principal(row[2] as String), incarnation: Incarnation(UInt64(stored: row[3])),
      base: UInt64(stored: base), sequence: UInt64(stored: sequence),
      inSync: try InSyncList.decode([UInt8](row[6] as Blob)),
      origin: FencingToken(term: Term(UInt64(stored: row[7])), counter: UInt64(stored: row[8])))
  }

  private static func store(
    _ fence: PartitionFence, of partition: Partition, _ database: Database
  ) throws {
    let statement = try database.cachedStatement(sql: StoreTable.partitions.insertion)
    try statement.execute(arguments: [
      partition.number, fence.token.term.number.stored, fence.token.counter.stored, fence.holder.text,
      fence.incarnation.number.stored, fence.base.stored, fence.sequence.stored,
      Blob(fence.inSync.encoded()), fence.origin.term.number.stored, fence.origin.counter.stored,
    ])
  }
}

/// What the writing connection has read of the fences, for as long as nothing else has changed the file: whoever writes
/// asks that inside its transaction, and reads anew what may be another by now. SQLite keeps the pages that it would read
/// them from in the same way.
struct FenceMemory: Sendable {
  /// What counts each change of the file: by this connection, and by others.
  struct Stamp: Equatable {
    private let own: Int
    private let others: Int

    init(_ database: Database) throws {
      own = database.totalChangesCount
      others =
        try Int.fetchOne(try database.cachedStatement(sql: "PRAGMA data_version")) ?? 0
    }
  }

  private var stamp: Stamp?
  private var table = FenceTable()

  /// The memory is empty until `put`, so that a transaction that fails leaves nothing in it.
  mutating func take(_ database: Database) throws -> FenceTable {
    defer { self = FenceMemory() }
    return try Stamp(database) == stamp ? table : FenceTable()
  }

  /// To be called behind the commit, which must not seem to have failed: without a stamp all is read anew.
  mutating func put(_ table: FenceTable, _ database: Database) {
    stamp = try? Stamp(database)
    self.table = table
  }
}
