/// One transaction that a database's core asks its store for.
public enum StoreJob: Hashable, Sendable {
  case raiseTerm(Term)
  case storeKey(StoredSealingKey)
  case open(PartitionOpening)
  /// No transaction: what is stored now.
  case readFences
  case append([AppendGroup])
  case fold
  /// Count on from there, if that is more than was counted.
  case advance(to: UInt64)

  /// For the log.
  public var kind: String {
    switch self {
    case .raiseTerm: "term"
    case .storeKey: "key"
    case .open: "open"
    case .readFences: "fences"
    case .append: "append"
    case .fold: "fold"
    case .advance: "advance"
    }
  }

  /// Bytes of records that it carries.
  public var approximateLength: Int {
    guard case .append(let groups) = self else { return 0 }
    return groups.reduce(0) { $1.batches.reduce($0) { $0 + $1.records.bytes.count } }
  }
}

/// How a transaction ended, once it is on the disk.
public enum StoreJobResult: Hashable, Sendable {
  /// The term that is stored now.
  case termRaised(Term)
  case keyStored(KeyStorage)
  case opened(OpeningResult)
  /// In order of partition.
  case fences([StoredFence])
  /// For each group a result for each of its batches, in their order, but for those whose partition cannot be read: they
  /// are left out.
  case appended([[StoreAnswer.PartitionResult]], damages: [DamagedRow] = [])
  case folded
  case advanced
}

/// A sealing key and the term it belongs to.
public struct StoredSealingKey: Hashable, Sendable, CustomStringConvertible, CustomReflectable {
  public let term: Term
  public let key: SealingKey

  public init(term: Term, key: SealingKey) {
    self.term = term
    self.key = key
  }

  public var description: String { "\(key) of term \(term)" }
  public var customMirror: Mirror { Mirror(self, children: ["term": term, "key": key]) }

  public static func == (left: StoredSealingKey, right: StoredSealingKey) -> Bool {
    left.term == right.term && left.key.identifier == right.key.identifier && left.key.key == right.key.key
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(term)
    hasher.combine(key.identifier)
  }
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

/// What a drone opens: the facts of a grant whose seal has been verified.
public struct PartitionOpening: Hashable, Sendable {
  public let holder: Principal
  public let incarnation: Incarnation
  public let token: FencingToken
  public let mode: Grant.Mode
  /// The token of the copies that are to be promoted; nil: the contents are wanted.
  public let copy: FencingToken?
  /// The earlier life of the holder that had them; nil: this one.
  public let life: Incarnation?
  public let partitions: PartitionSet

  public init(
    holder: Principal, incarnation: Incarnation, token: FencingToken, mode: Grant.Mode = .load,
    copy: FencingToken? = nil, life: Incarnation? = nil, partitions: PartitionSet
  ) {
    self.holder = holder
    self.incarnation = incarnation
    self.token = token
    self.mode = mode
    self.copy = copy
    self.life = life
    self.partitions = partitions
  }

  /// The same grant, for some of its partitions.
  public func restricted(to partitions: PartitionSet) -> PartitionOpening {
    PartitionOpening(
      holder: holder, incarnation: incarnation, token: token, mode: mode, copy: copy, life: life,
      partitions: partitions)
  }
}

/// How an opening ended for each of its partitions.
public struct OpeningResult: Hashable, Sendable {
  public struct Refusal: Hashable, Sendable {
    public let partition: Partition
    public let error: GrantError

    public init(partition: Partition, error: GrantError) {
      self.partition = partition
      self.error = error
    }
  }

  /// How a partition stands at its opening.
  public struct Standing: Hashable, Sendable {
    public let partition: Partition
    /// Every record up to this number is stored.
    public let sequence: UInt64
    public let inSync: InSyncList

    public init(partition: Partition, sequence: UInt64, inSync: InSyncList) {
      self.partition = partition
      self.sequence = sequence
      self.inSync = inSync
    }
  }

  /// In order of partition.
  public let standings: [Standing]
  /// In order of partition.
  public let refused: [Refusal]

  public var opened: PartitionSet { PartitionSet(standings.lazy.map(\.partition)) }

  public init(standings: [Standing], refused: [Refusal]) {
    self.standings = standings
    self.refused = refused
  }
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

/// What of the log waits to be folded into the keyed table.
public struct StoreBacklog: Hashable, Sendable {
  public var rows: Int
  public var records: Int
  public var bytes: Int
  /// Bytes of the table that it would be folded into: the larger that is, the more a fold has to rewrite.
  public var table: Int

  public init(rows: Int = 0, records: Int = 0, bytes: Int = 0, table: Int = 0) {
    self.rows = rows
    self.records = records
    self.bytes = bytes
    self.table = table
  }

  public var isEmpty: Bool { rows <= 0 }

  public func exceeds(_ limit: StoreBacklog) -> Bool {
    rows > limit.rows || records > limit.records || bytes > limit.bytes
  }

  /// Whether it exceeds a limit, or that share of the table, whichever is larger; but at most twice the limit, since
  /// whoever loads a partition has all of the log to read.
  public func exceeds(_ limit: StoreBacklog, orShare share: Int) -> Bool {
    let factor = min(2, max(1, table / share / max(1, limit.bytes)))
    return exceeds(
      StoreBacklog(rows: limit.rows * factor, records: limit.records * factor, bytes: limit.bytes * factor))
  }
}
