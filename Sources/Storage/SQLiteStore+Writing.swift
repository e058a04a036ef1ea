import Cluster
import StoreRules

extension SQLiteStore {
  /// Stores a term unless it is lower than the one that is stored.
  /// - Returns: the term that is stored now.
  public func raiseTerm(to term: Term) throws(StoreError) -> Term {
    try transact { rules, _, rows in try rules.raiseTerm(to: term, &rows) }
  }

  /// Stores a sealing key of a term, and raises the stored term to it.
  public func store(_ key: StoredSealingKey) throws(StoreError) -> KeyStorage {
    try transact { rules, _, rows in try rules.store(key, &rows) }
  }

  /// Raises the fences of the partitions that a grant opens, in one transaction that checks the term.
  /// - Returns: which were opened, and why the others were not. Showing the same grant again changes nothing.
  public func open(_ opening: PartitionOpening) throws(StoreError) -> OpeningResult {
    try transact { rules, fences, rows in try rules.open(opening, &fences, &rows) }
  }

  /// Appends the batches of several drones to the log: one transaction, and mostly one row.
  /// - Returns: for each group, a result for each of its batches in their order, but for those whose partition cannot be
  ///   read.
  public func append(_ groups: [AppendGroup]) throws(StoreError) -> [[StoreAnswer.PartitionResult]] {
    try withBooks { try $0.append(groups, on: $1).results }
  }

  /// Of all partitions that were ever opened, in order.
  public func fences() throws(StoreError) -> [StoredFence] {
    try reading { rules, rows in try rules.fences(rows) }
  }

  /// Records that a pass has at the most, and bytes of the log, which it holds in memory.
  public static var passLength: (records: Int, bytes: Int) { StoreBooks.passLength }

  /// Brings some of the log into the keyed table, in one transaction of a few milliseconds: appends and openings may
  /// have to wait for it. What a pass gathers of the log is deleted from it some folds later, when all is in the table.
  /// - Parameters:
  ///   - records: a pass that begins takes rows of the log until they have so many records, or
  ///   - bytes: so many bytes; at least one row.
  ///   - room: bytes that are read and merged, about.
  /// - Returns: what is left.
  @discardableResult
  public func fold(
    records: Int = passLength.records, bytes: Int = passLength.bytes, room: Int = 2 << 20
  ) throws(StoreError) -> StoreBacklog {
    try withBooks { books, backend in
      try books.fold(records: records, bytes: bytes, room: room, on: backend)
      return books.backlog
    }
  }

  public typealias Part = StorePart

  /// Reads opened partitions, one after the other, in one snapshot of images and unfolded log.
  ///
  /// - Parameters:
  ///   - opening: as it was opened; a partition that has been opened by another since ends the reading.
  ///   - receive: called on this thread; answers whether it wants more. It may block, for as long as the
  ///     snapshot may be kept: until then SQLite's write-ahead log grows.
  /// - Throws: `fenced`; `cancelled` when `receive` wants no more; what else befalls a store.
  public func contents(of opening: PartitionOpening, receive: (Part) -> Bool) throws(StoreError) {
    try reading { rules, rows in try rules.contents(of: opening, rows, receive: receive) }
  }
}
