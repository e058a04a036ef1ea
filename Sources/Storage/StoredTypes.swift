import Cluster
import GRDB

/// A sealing key and the term it belongs to.
public struct StoredSealingKey: Sendable, CustomStringConvertible {
  public let term: Term
  public let key: SealingKey

  public init(term: Term, key: SealingKey) {
    self.term = term
    self.key = key
  }

  public var description: String { "\(key) of term \(term)" }
  var order: (UInt64, UInt64) { (term.number, key.identifier) }
}

/// What a database starts from.
public struct StoreStanding: Sendable {
  public let term: Term
  public let keys: [StoredSealingKey]
}

/// How storing a sealing key ended.
public enum KeyStorage: Hashable, Sendable {
  /// It is on the disk (perhaps it was before).
  case stored
  /// A higher term is stored: the sender is no commander any more.
  case oldTerm(stored: Term)
  /// Another key is stored under this very term and identifier.
  case conflict
}

/// What is left of the log, and the bounds within which the folding keeps it.
public struct StoreBacklog: Hashable, Sendable {
  public var rows = 0
  public var records = 0
  public var bytes = 0

  public init(rows: Int = 0, records: Int = 0, bytes: Int = 0) {
    self.rows = rows
    self.records = records
    self.bytes = bytes
  }

  /// Beyond this, folding goes before appending.
  public static let maximum = StoreBacklog(rows: 16_384, records: 262_144, bytes: 64 << 20)

  public var isEmpty: Bool { rows == 0 }

  public func exceeds(_ limit: StoreBacklog) -> Bool {
    rows > limit.rows || records > limit.records || bytes > limit.bytes
  }

  /// `length` of a blob reads no more than the row's head.
  static func measured(_ database: Database) throws -> StoreBacklog {
    let row = try Row.fetchOne(
      database,
      sql: "SELECT count(*), coalesce(sum(records), 0), coalesce(sum(length(batches)), 0) FROM log")
    guard let row else { return StoreBacklog() }
    return StoreBacklog(rows: row[0], records: row[1], bytes: row[2])
  }
}

/// What a drone opens: the facts of a grant whose seal has been verified.
public struct Opening: Hashable, Sendable {
  public let holder: Principal
  public let incarnation: Incarnation
  public let token: FencingToken
  public let partitions: PartitionSet

  public init(holder: Principal, incarnation: Incarnation, token: FencingToken, partitions: PartitionSet) {
    self.holder = holder
    self.incarnation = incarnation
    self.token = token
    self.partitions = partitions
  }
}

/// How an opening ended for each of its partitions.
public struct OpeningResult: Hashable, Sendable {
  public let opened: PartitionSet
  /// In order of partition.
  public let refused: [(partition: Partition, error: GrantError)]

  public static func == (left: OpeningResult, right: OpeningResult) -> Bool {
    left.opened == right.opened && left.refused.elementsEqual(right.refused, by: ==)
  }

  public func hash(into hasher: inout Hasher) { hasher.combine(opened) }
}

/// The batches of one drone in a group commit.
public struct AppendGroup: Hashable, Sendable {
  /// The GSSAPI peer of the session that they came on.
  public let holder: Principal
  public let batches: [PartitionBatch]

  public init(holder: Principal, batches: [PartitionBatch]) {
    self.holder = holder
    self.batches = batches
  }
}

/// What a partition's contents are followed by.
public struct PartitionTail: Hashable, Sendable {
  public let partition: Partition
  /// That of the last write.
  public let sequence: UInt64
  /// The last writes' outcomes, in order of sequence.
  public let outcomes: [WriteOutcome]
  /// In order of client.
  public let forgotten: [ForgottenWrites]
}
