import Wire

/// What a drone asks of a database on its data session. On the wire an array that begins with the kind and a
/// number that the drone chooses.
public enum StoreRequest: Hashable, Sendable {
  public static let kinds: ClosedRange<UInt64> = 64...79

  /// `[64, number, grant, partitions, copy, life]`: open these partitions of the grant. With a copy, the token of those
  /// to be promoted, nothing is sent back but how the partitions stand; without, their contents. With a life, the copies
  /// are in the journal of that earlier life of the drone.
  case open(
    number: UInt64, grant: SealedGrant, partitions: PartitionSet, copy: FencingToken? = nil,
    life: Incarnation? = nil)
  /// `[65, number, batches]`: append to the log, all batches in one transaction; at most one batch a partition.
  case append(number: UInt64, batches: [PartitionBatch])
  /// `[66, 0]`: everything is stored that this session's drone had acknowledged before it heard `ending`; a database
  /// that is about to end need not wait for this session. Not answered.
  case farewell
  /// `[67, 0]`: the drone is about to end itself, and hands over what it has: do not end before this session has
  /// closed. A farewell that was said before is void. Not answered.
  case staying
  /// `[68, 0, receipt]`: the newest that this drone has of the database. Said first on a session. Not answered.
  case remember(StoreReceipt)
}

/// What a database answers a drone.
public enum StoreAnswer: Hashable, Sendable {
  /// How an append ended for one partition of it.
  public enum AppendResult: Hashable, Sendable {
    /// Every record up to this sequence number is in the database.
    case stored(through: UInt64)
    /// Another token, holder or incarnation has the partition: stop serving it.
    case fenced(by: FencingToken)
    /// The first sequence number does not follow what is stored.
    case gap(stored: UInt64)
  }

  public struct PartitionResult: Hashable, Sendable {
    public let partition: Partition
    public let result: AppendResult

    public init(partition: Partition, result: AppendResult) {
      self.partition = partition
      self.result = result
    }
  }

  /// `[80, number, partition, entries]`: a part of the contents of a partition.
  case contents(number: UInt64, partition: Partition, entries: StoredEntries)
  /// `[81, number, partition, sequence, list, past]`: that was all of this partition. `sequence` is that of its last
  /// write; `list` that of the copies in sync; `past` what is known of its writes.
  case opened(
    number: UInt64, partition: Partition, sequence: UInt64, inSync: InSyncList = .empty, past: PastWrites)
  /// `[82, number, partitions, code, sentence]`: these partitions were not opened.
  case openRefused(number: UInt64, partitions: PartitionSet, OpenRefusal = .other, reason: String)
  /// `[83, number, results]`
  case appended(number: UInt64, results: [PartitionResult])
  /// `[84, number, reason]`: the append failed as a whole (a full disk, say); nothing of it is stored, and it
  /// may be tried again.
  case appendFailed(number: UInt64, reason: String)
  /// `[85, number, partition, sequence, list]`: the copy of this partition is promoted. The database has every
  /// record up to `sequence`; what the copy has beyond it is to be appended.
  case promoted(number: UInt64, partition: Partition, sequence: UInt64, inSync: InSyncList)
  /// `[86, 0]`: the database is about to end. It goes on serving until every session has closed or said `farewell`, and
  /// for a second at least, but not for ever. Asked for by nobody.
  case ending
  /// `[87, 0, receipt]`: what was answered before is in it; to be kept, and shown on the next session. Asked for by nobody.
  case receipt(StoreReceipt)
}

/// Why partitions were not opened, for the commander to go by.
public enum OpenRefusal: UInt64, Sendable, CaseIterable {
  /// A grant that is no good, a disk that fails, too much to do: the sentence tells, and another grant may do.
  case other = 0
  /// Acknowledged writes may be in the memory of other drones alone.
  case copiesElsewhere = 1
  /// The copy that was to be promoted is not in sync.
  case notInSync = 2
  /// The drone has no room for them.
  case noRoom = 3
}

extension OpenRefusal: WireMessage {
  public func encode(into writer: inout CBORWriter) { writer.write(unsigned: rawValue) }

  public init(from reader: inout CBORReader) throws(CBORError) {
    let raw = try reader.readUnsigned()
    guard let refusal = OpenRefusal(rawValue: raw) else { throw .unknownValue(field: "refusal", value: raw) }
    self = refusal
  }
}

extension GrantError {
  /// What a drone is told besides the sentence.
  public var refusal: OpenRefusal {
    switch self {
    case .copiesElsewhere: .copiesElsewhere
    case .notInSync: .notInSync
    default: .other
    }
  }
}

extension StoreRequest: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    switch self {
    case .open(let number, let grant, let partitions, let copy, let life):
      writer.beginArray(6)
      writer.write(unsigned: 64)
      writer.write(unsigned: number)
      grant.encode(into: &writer)
      partitions.encode(into: &writer)
      writer.write(optional: copy)
      writer.write(optional: life)
    case .append(let number, let batches):
      writer.beginArray(3)
      writer.write(unsigned: 65)
      writer.write(unsigned: number)
      writer.write(batches)
    case .farewell: Self.writeUnanswered(66, into: &writer)
    case .staying: Self.writeUnanswered(67, into: &writer)
    case .remember(let receipt):
      writer.beginArray(3)
      writer.write(unsigned: 68)
      writer.write(unsigned: 0)
      receipt.encode(into: &writer)
    }
  }

  /// Nothing answers it, so its number is 0.
  private static func writeUnanswered(_ kind: UInt64, into writer: inout CBORWriter) {
    writer.beginArray(2)
    writer.write(unsigned: kind)
    writer.write(unsigned: 0)
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    let start = reader.offset
    let count = try reader.readArrayHeader(maximum: 8)
    let kind = try reader.readUnsigned()
    // What is not known may have anything behind its kind.
    guard (64...68).contains(kind) else { throw .unknownKind("a request", kind: kind) }
    let number = try reader.readUnsigned()
    switch (kind, count) {
    case (64, 6):
      self = .open(
        number: number, grant: try SealedGrant(from: &reader), partitions: try PartitionSet(from: &reader),
        copy: try reader.readOptional(FencingToken.self), life: try reader.readOptional(Incarnation.self))
    case (65, 3):
      self = .append(
        number: number, batches: try reader.readMessages(PartitionBatch.self, maximum: Partition.count))
    case (66, 2) where number == 0: self = .farewell
    case (67, 2) where number == 0: self = .staying
    case (68, 3) where number == 0: self = .remember(try StoreReceipt(from: &reader))
    case (66...67, 2), (68, 3): throw .unknownValue(field: "number of what is not answered", value: number)
    case (64...68, _):
      throw .outOfRange(field: "the number of items", offset: start)
    default:
      throw .unknownKind("a request", kind: kind)
    }
  }
}

extension StoreAnswer: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    switch self {
    case .contents(let number, let partition, let entries):
      Self.begin(80, items: 4, number, into: &writer)
      partition.encode(into: &writer)
      entries.encode(into: &writer)
    case .opened(let number, let partition, let sequence, let inSync, let past):
      Self.begin(81, items: 6, number, into: &writer)
      partition.encode(into: &writer)
      writer.write(unsigned: sequence)
      inSync.encode(into: &writer)
      past.encode(into: &writer)
    case .openRefused(let number, let partitions, let refusal, let reason):
      Self.begin(82, items: 5, number, into: &writer)
      partitions.encode(into: &writer)
      refusal.encode(into: &writer)
      writer.write(text: reason)
    case .appended(let number, let results):
      Self.begin(83, items: 3, number, into: &writer)
      writer.write(results)
    case .appendFailed(let number, let reason):
      Self.begin(84, items: 3, number, into: &writer)
      writer.write(text: reason)
    case .promoted(let number, let partition, let sequence, let inSync):
      Self.begin(85, items: 5, number, into: &writer)
      partition.encode(into: &writer)
      writer.write(unsigned: sequence)
      inSync.encode(into: &writer)
    case .ending: Self.begin(86, items: 2, 0, into: &writer)
    case .receipt(let receipt):
      Self.begin(87, items: 3, 0, into: &writer)
      receipt.encode(into: &writer)
    }
  }

  private static func begin(_ kind: UInt64, items: Int, _ number: UInt64, into writer: inout CBORWriter) {
    writer.beginArray(items)
    writer.write(unsigned: kind)
    writer.write(unsigned: number)
  }

  /// A drone counts on from here, and stores keep 63 bits.
  private static func readSequence(_ reader: inout CBORReader) throws(CBORError) -> UInt64 {
    let start = reader.offset
    let sequence = try reader.readUnsigned()
    guard sequence <= UInt64(Int64.max) else {
      throw .outOfRange(field: "a sequence number", offset: start)
    }
    return sequence
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    let start = reader.offset
    let count = try reader.readArrayHeader(maximum: 8)
    let kind = try reader.readUnsigned()
    let number = try reader.readUnsigned()
    switch (kind, count) {
    case (80, 4):
      self = .contents(
        number: number, partition: try Partition(from: &reader),
        entries: try StoredEntries(from: &reader))
    case (81, 6):
      self = .opened(
        number: number, partition: try Partition(from: &reader), sequence: try Self.readSequence(&reader),
        inSync: try InSyncList(from: &reader), past: try PastWrites(from: &reader))
    case (82, 5):
      self = .openRefused(
        number: number, partitions: try PartitionSet(from: &reader), try OpenRefusal(from: &reader),
        reason: try reader.readText())
    case (83, 3):
      self = .appended(
        number: number, results: try reader.readMessages(PartitionResult.self, maximum: Partition.count))
    case (84, 3):
      self = .appendFailed(number: number, reason: try reader.readText())
    case (85, 5):
      self = .promoted(
        number: number, partition: try Partition(from: &reader), sequence: try Self.readSequence(&reader),
        inSync: try InSyncList(from: &reader))
    case (86, 2) where number == 0: self = .ending
    case (87, 3) where number == 0: self = .receipt(try StoreReceipt(from: &reader))
    case (86, 2), (87, 3): throw .unknownValue(field: "number of what was not asked for", value: number)
    case (80...87, _):
      throw .outOfRange(field: "the number of items", offset: start)
    default:
      throw .unknownKind("an answer", kind: kind)
    }
  }
}

extension StoreAnswer.PartitionResult: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(3)
    partition.encode(into: &writer)
    switch result {
    case .stored(let sequence):
      writer.write(unsigned: 0)
      writer.write(unsigned: sequence)
    case .fenced(let token):
      writer.write(unsigned: 1)
      token.encode(into: &writer)
    case .gap(let sequence):
      writer.write(unsigned: 2)
      writer.write(unsigned: sequence)
    }
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 3)
    let partition = try Partition(from: &reader)
    let result: StoreAnswer.AppendResult
    switch try reader.readUnsigned() {
    case 0: result = .stored(through: try reader.readUnsigned())
    case 1: result = .fenced(by: try FencingToken(from: &reader))
    case 2: result = .gap(stored: try reader.readUnsigned())
    case let value: throw .unknownValue(field: "result", value: value)
    }
    self.init(partition: partition, result: result)
  }
}
