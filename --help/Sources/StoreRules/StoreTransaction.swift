import Cluster

/// What the rows of a store say at one moment. Beside `StoreTransaction` this is all that another database has to be able
/// to do; what the rows mean, and which may be written when, is decided in this module alone, for every store alike.
///
/// Everything blocks. A row that is not as it was written is told of by `RowDamage`, whatever else goes wrong by an error
/// of the database's own.
package protocol StoreSnapshot {
  // MARK: What is known of the store itself

  func mark() throws -> StoreMark
  /// What is in the log, and how long the keyed table is.
  func backlog() throws -> StoreBacklog

  // MARK: Who commands

  func term() throws -> Term
  func sealingKey(of term: Term, identifier: UInt64) throws -> StoredSealingKey?
  /// Those of which there are keys, in any order.
  func sealingTerms() throws -> [Term]

  // MARK: Who may write a partition, and how far it is written

  /// A partition's row; nil when it was never opened.
  func fence(of partition: Partition) throws -> PartitionFence?
  /// How far the partitions of a head are written, in their order; nil when nothing was ever appended to one of them.
  func head(_ number: Int) throws -> [UInt64]?

  // MARK: The log

  /// Calls `body` with each row that has something of one of these partitions, in order, until it wants no more.
  /// - Parameter number: of the row behind which it begins; nil for the first.
  func forEachLogRow(
    behind number: Int64?, of wanted: PartitionSet, _ body: (StoredLogRow) throws -> Bool) throws
  /// The same of all rows up to one, and how long each is instead of what it has.
  func forEachLogLength(
    behind number: Int64?, through last: Int64, _ body: (Int64, StoreBacklog) throws -> Bool) throws

  // MARK: The keyed table

  /// All records of a partition up to this number are in its images. What follows may be in some already.
  func folded(of partition: Partition) throws -> UInt64
  /// In order of place.
  func forEachImage(of partition: Partition, _ body: (StoredImage) throws -> Void) throws
  /// The image that begins at the place or, of those that begin before it, the last.
  func image(at place: KeyPlace, of partition: Partition) throws -> StoredImage?
  func firstImage(of partition: Partition) throws -> StoredImage?
  /// The place, as bytes, where the image behind one begins; nil behind the last.
  func placeOfImage(behind first: [UInt8], of partition: Partition) throws -> [UInt8]?
  /// Throws when something of the partition cannot be read although no row of it says so.
  func requireReadable(_ partition: Partition) throws

  // MARK: What is remembered of writes

  /// Runs of outcomes that end at or before a number, in the order of their ends.
  func outcomeRuns(of partition: Partition, through last: UInt64) throws -> [[UInt8]]
  /// Nil: of nobody.
  func forgottenClients(of partition: Partition) throws -> [UInt8]?

  // MARK: Whether memory of it is still good

  /// How many rows this connection has changed: only whether it is still the same is asked.
  var changeCount: Int { get }
  /// Changes with each commit of another connection.
  func foreignChanges() throws -> Int
}

/// The same of one transaction that nobody writes beside, and what it changes. On the disk when it is committed; undone
/// when it throws.
package protocol StoreTransaction: StoreSnapshot {
  mutating func set(_ mark: StoreMark) throws
  mutating func set(_ term: Term) throws
  mutating func insert(_ key: StoredSealingKey) throws
  mutating func deleteSealingKeys(of term: Term) throws
  mutating func set(_ fence: PartitionFence, of partition: Partition) throws
  mutating func setHead(_ number: Int, _ sequences: [UInt64]) throws

  mutating func append(_ row: LogRow) throws
  mutating func deleteLog(behind number: Int64?, through last: Int64) throws

  mutating func setFolded(_ sequence: UInt64, of partition: Partition) throws
  /// - Parameter generation: the number through which the log is in it, where nothing else is said.
  mutating func insert(_ image: NewImage, generation: UInt64, of partition: Partition) throws
  mutating func deleteImage(from first: [UInt8], of partition: Partition) throws
  /// These keys have another value from now on, or none: whatever stands elsewhere of them is out of date.
  mutating func supersede(_ changes: [KeyChange], of partition: Partition) throws

  mutating func insertOutcomes(_ run: [UInt8], last: UInt64, of partition: Partition) throws
  mutating func deleteOutcomes(of partition: Partition, through last: UInt64) throws
  mutating func setForgottenClients(_ clients: [UInt8], of partition: Partition) throws

  /// What `body` has changed is undone when it throws, and nothing else.
  mutating func nested(_ body: (inout Self) throws -> Void) throws
}

/// Stores that have nothing of the kind.
extension StoreSnapshot {
  package func requireReadable(_ partition: Partition) throws {}
}

extension StoreTransaction {
  package mutating func supersede(_ changes: [KeyChange], of partition: Partition) throws {}
}

/// A database behind these rows.
package protocol StoreBackend {
  associatedtype Rows: StoreTransaction

  /// Runs a transaction; it is on the disk when this returns, and has changed nothing when it throws.
  func write<Value>(_ body: (inout Rows) throws -> Value) throws -> Value
  /// Runs reads of one snapshot.
  func read<Value>(_ body: (Rows) throws -> Value) throws -> Value
}

/// A group commit, or a part of one.
package struct StoredLogRow {
  package let number: Int64
  package let records: Int
  package let batches: [UInt8]

  package init(number: Int64, records: Int, batches: [UInt8]) {
    (self.number, self.records, self.batches) = (number, records, batches)
  }
}

/// Entries of a partition from one place up to the next image's.
package struct StoredImage {
  /// A place as bytes.
  package let first: [UInt8]
  package let entries: [UInt8]

  package init(first: [UInt8], entries: [UInt8]) { (self.first, self.entries) = (first, entries) }
}

/// A row is not as it was written.
package struct RowDamage: Error, Hashable {
  package let table: String
  /// Its number, where the row is of one.
  package let partition: Int64?

  package init(table: String, partition: Int64?) { (self.table, self.partition) = (table, partition) }
  package static let heads = "heads"
  package static let images = "images"
  package static let log = "log"
  package static let outcomes = "outcome_runs"
  package static let forgotten = "forgotten_clients"

  package init(_ table: String, of partition: Partition) {
    self.init(table: table, partition: Int64(partition.number))
  }
}
