import Wire

/// What the owner of a partition tells a drone that is to shadow it, on a session of its data loop. On the wire an
/// array that begins with the kind. Everything carries the token under which the owner numbers its records; a
/// shadow takes nothing of a lower one than it has.
public enum ReplicationMessage: Hashable, Sendable {
  public static let kinds: ClosedRange<UInt64> = 96...111

  /// `[96, partition, token]`: what do you have under this token?
  case resume(partition: Partition, token: FencingToken)
  /// `[97, partition, token, sequence, past]`: forget what you have. Entries follow, as they are from this sequence number
  /// on, then the records behind it.
  case begin(partition: Partition, token: FencingToken, sequence: UInt64, past: PastWrites)
  /// `[98, partition, token, entries]`
  case entries(partition: Partition, token: FencingToken, [StoredEntry])
  /// `[99, partition, token, sequence]`: those were all. The copy is whole with the record of this number: entries
  /// may have been read after some of the records before it.
  case whole(partition: Partition, token: FencingToken, sequence: UInt64)
  /// `[100, batch, stored]`: further records; the database has those up to `stored`.
  case records(PartitionBatch, stored: UInt64)
  /// `[101, partition, token, stored]`
  case stored(partition: Partition, token: FencingToken, through: UInt64)
  /// `[102, partition, token]`: your copy is off the list and not needed any more.
  case end(partition: Partition, token: FencingToken)
  /// `[103, session]`: first of all on a session. Which life of you is this? The number goes up with every session
  /// that this loop of the owner opens with this shadow, so that nothing of an older one is taken any more.
  case greet(session: UInt64)
}

/// What a shadow answers.
public enum ReplicationAnswer: Hashable, Sendable {
  public static let kinds: ClosedRange<UInt64> = 112...127

  /// `[112, incarnation]`: the answer to a greeting.
  case welcome(Incarnation)
  /// `[113, partition, token, through]`: every record up to this number is in memory.
  case kept(partition: Partition, token: FencingToken, through: UInt64)
  /// `[114, partition, token]`: some entries have come. Of all that come, also those that are not taken.
  case entriesTaken(partition: Partition, token: FencingToken)
  /// `[115, partition, token]`: there is no copy to go on with: begin.
  case missing(partition: Partition, token: FencingToken)
  /// `[116, partition, token]`: by the map that is known here the sender does not own this, or this drone is no
  /// shadow of it. Ask again when the maps have got about.
  case refused(partition: Partition, token: FencingToken)
}

extension ReplicationMessage {
  /// Nil for a greeting.
  public var partition: Partition? {
    switch self {
    case .greet: nil
    case .resume(let partition, _), .begin(let partition, _, _, _), .entries(let partition, _, _),
      .whole(let partition, _, _), .stored(let partition, _, _), .end(let partition, _):
      partition
    case .records(let batch, _): batch.partition
    }
  }
}

extension ReplicationMessage {
  /// Nil for a greeting.
  public var token: FencingToken? {
    switch self {
    case .greet: nil
    case .resume(_, let token), .begin(_, let token, _, _), .entries(_, let token, _),
      .whole(_, let token, _), .stored(_, let token, _), .end(_, let token):
      token
    case .records(let batch, _): batch.token
    }
  }
}

extension CBORReader {
  /// Whoever counts on from here must not wrap.
  fileprivate mutating func readSequence() throws(CBORError) -> UInt64 {
    let start = offset
    let sequence = try readUnsigned()
    guard sequence <= UInt64(Int64.max) else { throw .outOfRange(field: "a sequence number", offset: start) }
    return sequence
  }
}

extension ReplicationMessage: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    switch self {
    case .resume(let partition, let token): writer.begin(96, items: 3, partition, token)
    case .begin(let partition, let token, let sequence, let past):
      writer.begin(97, items: 5, partition, token)
      writer.write(unsigned: sequence)
      past.encode(into: &writer)
    case .entries(let partition, let token, let entries):
      writer.begin(98, items: 4, partition, token)
      writer.write(entries)
    case .whole(let partition, let token, let sequence):
      writer.begin(99, items: 4, partition, token)
      writer.write(unsigned: sequence)
    case .records(let batch, let stored):
      writer.beginArray(3)
      writer.write(unsigned: 100)
      batch.encode(into: &writer)
      writer.write(unsigned: stored)
    case .stored(let partition, let token, let through):
      writer.begin(101, items: 4, partition, token)
      writer.write(unsigned: through)
    case .end(let partition, let token): writer.begin(102, items: 3, partition, token)
    case .greet(let session):
      writer.beginArray(2)
      writer.write(unsigned: 103)
      writer.write(unsigned: session)
    }
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    let start = reader.offset
    let count = try reader.readArrayHeader(maximum: 8)
    let kind = try reader.readUnsigned()
    if kind == 103, count == 2 {
      self = .greet(session: try reader.readUnsigned())
      return
    }
    if kind == 100, count == 3 {
      self = .records(try PartitionBatch(from: &reader), stored: try reader.readSequence())
      return
    }
    let items = [96: 3, 97: 5, 98: 4, 99: 4, 100: 3, 101: 4, 102: 3, 103: 2] as [UInt64: Int]
    guard let expected = items[kind] else { throw .unknownKind("a replication message", kind: kind) }
    guard count == expected else { throw .outOfRange(field: "the number of items", offset: start) }
    let partition = try Partition(from: &reader)
    let token = try FencingToken(from: &reader)
    switch kind {
    case 96: self = .resume(partition: partition, token: token)
    case 97:
      self = .begin(
        partition: partition, token: token, sequence: try reader.readSequence(),
        past: try PastWrites(from: &reader))
    case 98:
      self = .entries(partition: partition, token: token, try reader.readMessages(StoredEntry.self))
    case 99: self = .whole(partition: partition, token: token, sequence: try reader.readSequence())
    case 101: self = .stored(partition: partition, token: token, through: try reader.readSequence())
    default: self = .end(partition: partition, token: token)
    }
  }
}

extension ReplicationAnswer: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    switch self {
    case .welcome(let incarnation):
      writer.beginArray(2)
      writer.write(unsigned: 112)
      incarnation.encode(into: &writer)
    case .kept(let partition, let token, let through):
      writer.begin(113, items: 4, partition, token)
      writer.write(unsigned: through)
    case .entriesTaken(let partition, let token): writer.begin(114, items: 3, partition, token)
    case .missing(let partition, let token): writer.begin(115, items: 3, partition, token)
    case .refused(let partition, let token): writer.begin(116, items: 3, partition, token)
    }
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    let start = reader.offset
    let count = try reader.readArrayHeader(maximum: 8)
    let kind = try reader.readUnsigned()
    let items = [112: 2, 113: 4, 114: 3, 115: 3, 116: 3] as [UInt64: Int]
    guard let expected = items[kind] else { throw .unknownKind("a replication answer", kind: kind) }
    guard count == expected else { throw .outOfRange(field: "the number of items", offset: start) }
    if kind == 112 {
      self = .welcome(try Incarnation(from: &reader))
      return
    }
    let partition = try Partition(from: &reader)
    let token = try FencingToken(from: &reader)
    switch kind {
    case 113: self = .kept(partition: partition, token: token, through: try reader.readSequence())
    case 114: self = .entriesTaken(partition: partition, token: token)
    case 115: self = .missing(partition: partition, token: token)
    default: self = .refused(partition: partition, token: token)
    }
  }
}

extension CBORWriter {
  fileprivate mutating func begin(
    _ kind: UInt64, items: Int, _ partition: Partition, _ token: FencingToken
  ) {
    beginArray(items)
    write(unsigned: kind)
    partition.encode(into: &self)
    token.encode(into: &self)
  }
}
