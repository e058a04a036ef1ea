import Cluster

/// The fences as a connection sees them in its transaction, read when they are asked for.
///
/// A fence is in two places. Its row has who may write the partition, and changes when somebody opens it or sends another
/// list. How far it is written changes with each append, of many partitions at once: those numbers are in rows of
/// `heads`, one for many partitions, since a row of its own for each took most of the time of an append. Both only rise,
/// and the higher one counts.
package struct FenceTable: Sendable {
  /// Partitions of a row of heads.
  package static let partitionsOfHead = 64

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
  /// Those that were damaged, and that had to be put together again.
  private var restored: [Int] = []
  /// Those that could not: whoever asks again does not have the whole log read again.
  private var hopeless: [Int: RowDamage] = [:]

  package init() {}

  /// Nil for a partition that was never opened.
  package mutating func fence(of partition: Partition, _ rows: some StoreSnapshot) throws -> PartitionFence? {
    if case .read(let fence) = fences[partition.index] { return fence }
    var fence = try rows.fence(of: partition)
    if let stored = fence?.sequence {
      fence?.sequence = max(stored, try head(of: partition, rows))
    }
    fences[partition.index] = .read(fence)
    return fence
  }

  mutating func set(_ fence: PartitionFence, of partition: Partition) {
    fences[partition.index] = .read(fence)
    changed.insert(partition)
  }

  /// Applies what an admitted batch says.
  mutating func apply(_ batch: PartitionBatch, through sequence: UInt64, _ rows: some StoreSnapshot) throws {
    let partition = batch.partition
    guard let before = try fence(of: partition, rows) else { return }
    var fence = before
    fence.apply(batch, through: sequence)
    guard fence != before else { return }
    fences[partition.index] = .read(fence)
    if fence.sequence > before.sequence {
      let (row, place) = try place(of: partition, rows)
      heads[row]?[place] = fence.sequence
      moved.insert(row)
    }
    if fence.inSync != before.inSync || fence.numbering != before.numbering { changed.insert(partition) }
  }

  /// Writes what has changed.
  mutating func store(_ rows: inout some StoreTransaction) throws {
    for partition in changed {
      guard case .read(let fence?) = fences[partition.index] else { continue }
      try rows.set(fence, of: partition)
    }
    for row in moved.sorted() {
      if let head = heads[row] { try rows.setHead(row, head) }
    }
    changed = PartitionSet()
    moved.removeAll(keepingCapacity: true)
  }

  package static func partitions(ofHead number: Int) -> [Partition] {
    let start = number * partitionsOfHead
    guard start >= 0, start + partitionsOfHead <= Partition.count else { return [] }
    return Array(Partition.all[start..<start + partitionsOfHead])
  }

  /// Since this was asked last.
  mutating func takeRestored() -> [DamagedRow] {
    defer { restored = [] }
    return restored.map {
      DamagedRow(
        table: RowDamage.heads, partitions: PartitionSet(Self.partitions(ofHead: $0)), isRestored: true)
    }
  }

  private mutating func place(of partition: Partition, _ rows: some StoreSnapshot) throws -> (Int, Int) {
    let (row, place) = partition.index.quotientAndRemainder(dividingBy: Self.partitionsOfHead)
    if heads[row] == nil { heads[row] = try read(row, rows) }
    return (row, place)
  }

  private mutating func read(_ row: Int, _ rows: some StoreSnapshot) throws -> [UInt64] {
    if let damage = hopeless[row] { throw damage }
    do {
      return try rows.head(row) ?? [UInt64](repeating: 0, count: Self.partitionsOfHead)
    } catch is RowDamage {
      do {
        let head = try HeadRestoration.head(of: Self.partitions(ofHead: row), rows)
        restored.append(row)
        return head
      } catch let damage as RowDamage {
        hopeless[row] = damage
        throw damage
      }
    }
  }

  private mutating func head(of partition: Partition, _ rows: some StoreSnapshot) throws -> UInt64 {
    let (row, place) = try place(of: partition, rows)
    return heads[row]?[place] ?? 0
  }
}

/// What the writing connection has read of the fences, for as long as nothing else has changed the store: whoever writes
/// asks that inside its transaction, and reads anew what may be another by now. A database keeps the pages that it would
/// read them from in the same way.
struct FenceMemory: Sendable {
  /// What counts each change of the store: by this connection, and by others.
  private struct Stamp: Equatable {
    private let own: Int
    private let others: Int

    init(_ rows: some StoreSnapshot) throws {
      own = rows.changeCount
      others = try rows.foreignChanges()
    }
  }

  private var stamp: Stamp?
  private var table: FenceTable?

  /// The memory is empty until there is another, so that a transaction that fails leaves nothing in it.
  mutating func take() -> FenceMemory {
    defer { self = FenceMemory() }
    return self
  }

  /// What is still good of it at the beginning of a transaction. It is moved and not copied: there are hundreds.
  mutating func takeTable(_ rows: some StoreSnapshot) throws -> FenceTable {
    defer { self = FenceMemory() }
    guard let table, try Stamp(rows) == stamp else { return FenceTable() }
    return table
  }

  init() {}

  /// At the end of a transaction: what it commits to is the same for as long as nobody changes the store. Without a stamp
  /// all is read anew.
  init(of table: FenceTable, _ rows: some StoreSnapshot) {
    stamp = try? Stamp(rows)
    self.table = table
  }
}
