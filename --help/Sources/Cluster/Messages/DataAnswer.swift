import Wire

/// What a drone answers a client, read in place like `DataRequest`.
public enum DataAnswer {
  public enum Kind {
    public static let value: UInt64 = 16
    public static let notFound: UInt64 = 17
    public static let done: UInt64 = 18
    public static let moved: UInt64 = 19
    public static let unavailable: UInt64 = 20
    public static let failed: UInt64 = 21
    public static let outcomeUnknown: UInt64 = 22
    public static let topology: UInt64 = 23
    public static let status: UInt64 = 24
    public static let administered: UInt64 = 25
    public static let sessions: UInt64 = 26
    public static let limited: UInt64 = 27
    public static let versioned: UInt64 = 28
  }

  /// Why a drone that should serve a key does not at this moment; ask again shortly.
  public enum Unavailability: UInt64, Sendable {
    /// The partition is being loaded from the database.
    case loading = 1
    /// The drone's lease is over until the commander renews it.
    case leaseOver = 2
    /// Too much is waiting: for the database, or for this client to take its answers.
    case busy = 3
    /// No slot map, or no commander, is known yet.
    case noCommander = 4
    /// The partition was taken away before the write was known to be secured. It may be in the database
    /// already: the next attempt must say that it is a retry.
    case released = 5
  }

  /// Why a request cannot succeed as it is, however often it is asked; at least not soon.
  public enum Failure: UInt64, Sendable {
    case keyTooLong = 1
    case valueTooLong = 2
    case keyEmpty = 3
    /// A write before `introduce`.
    case notIntroduced = 4
    /// Ask the commander for this.
    case notCommander = 5
    case notPermitted = 6
    /// This number was another write's: what that one came to is nothing that this one could be told.
    case numberReused = 7
    /// The drone has reached its memory ceiling: until something is deleted, or its operator gives it more room, it takes
    /// no put.
    case memoryFull = 8
    /// As many keys or bytes as the access list permits are under the key's prefix.
    case quotaReached = 9
  }

  /// `[16, number, value]`
  case value(number: UInt64, UnsafeRawBufferPointer)
  /// `[17, number]`
  case notFound(number: UInt64)
  /// `[18, number, outcome]`: what a write came to; it has reached its level.
  case done(number: UInt64, Outcome)
  /// `[19, number, term, version]`: not mine; the newest slot map that I know is this one.
  case moved(number: UInt64, term: Term, version: UInt64)
  /// `[20, number, reason]`: nothing was executed, unless the reason is `released`.
  case unavailable(number: UInt64, Unavailability)
  /// `[21, number, code]`: nothing was executed.
  case failed(number: UInt64, Failure)
  /// `[22, number]`: whether an earlier attempt was executed can no longer be known.
  case outcomeUnknown(number: UInt64)
  /// `[23, number, signed map]`
  case topology(number: UInt64, SignedSlotMap)
  /// `[24, number, status]`
  case status(number: UInt64, ClusterStatus)
  /// `[25, number, accepted, sentence]`
  case administered(number: UInt64, AdministratorReply)
  /// `[26, number, page]`
  case sessions(number: UInt64, SessionPage)
  /// `[27, number, milliseconds]`: the client has made as many requests as the access list lets it; nothing was executed,
  /// and so long it should wait.
  case limited(number: UInt64, wait: UInt64)
  /// `[28, number, value, version]`
  case versioned(number: UInt64, UnsafeRawBufferPointer, Version)

  public init(from reader: inout CBORReader) throws(CBORError) {
    let start = reader.offset
    let count = try reader.readArrayHeader(maximum: 8)
    let kind = try reader.readUnsigned()
    guard let expected = Self.itemCount(of: kind) else { throw .unknownKind("an answer", kind: kind) }
    guard count == expected else {
      throw .outOfRange(field: "the number of items", offset: start)
    }
    let number = try reader.readUnsigned()
    switch kind {
    case Kind.value: self = .value(number: number, try reader.readBytes())
    case Kind.notFound: self = .notFound(number: number)
    case Kind.done: self = .done(number: number, try Outcome(from: &reader))
    case Kind.moved:
      self = .moved(number: number, term: try Term(from: &reader), version: try reader.readUnsigned())
    case Kind.unavailable:
      let raw = try reader.readUnsigned()
      guard let reason = Unavailability(rawValue: raw) else {
        throw .unknownValue(field: "reason", value: raw)
      }
      self = .unavailable(number: number, reason)
    case Kind.failed:
      let raw = try reader.readUnsigned()
      guard let failure = Failure(rawValue: raw) else { throw .unknownValue(field: "failure", value: raw) }
      self = .failed(number: number, failure)
    case Kind.outcomeUnknown: self = .outcomeUnknown(number: number)
    case Kind.topology: self = .topology(number: number, try SignedSlotMap(from: &reader))
    case Kind.status: self = .status(number: number, try ClusterStatus(from: &reader))
    case Kind.sessions: self = .sessions(number: number, try SessionPage(from: &reader))
    case Kind.limited: self = .limited(number: number, wait: try reader.readUnsigned())
    case Kind.versioned:
      self = .versioned(number: number, try reader.readBytes(), try Version(from: &reader))
    default:
      self = .administered(
        number: number,
        AdministratorReply(isAccepted: try reader.readBool(), sentence: try reader.readText()))
    }
  }

  public var number: UInt64 {
    switch self {
    case .value(let number, _), .notFound(let number), .done(let number, _), .moved(let number, _, _),
      .unavailable(let number, _), .failed(let number, _), .outcomeUnknown(let number),
      .topology(let number, _), .status(let number, _), .administered(let number, _),
      .sessions(let number, _), .limited(let number, _), .versioned(let number, _, _):
      number
    }
  }

  private static func itemCount(of kind: UInt64) -> Int? {
    switch kind {
    case Kind.notFound, Kind.outcomeUnknown: 2
    case Kind.value, Kind.done, Kind.unavailable, Kind.failed, Kind.topology, Kind.status,
      Kind.sessions, Kind.limited:
      3
    case Kind.moved, Kind.administered, Kind.versioned: 4
    default: nil
    }
  }

  public func encode(into writer: inout CBORWriter) {
    switch self {
    case .value(let number, let value):
      writer.write(atMost: 4 * CBORWriter.longestHead + value.count) { writer in
        Self.begin(Kind.value, number, 3, into: &writer)
        writer.write(bytes: value)
      }
    case .notFound(let number):
      writer.write(atMost: 3 * CBORWriter.longestHead) { Self.begin(Kind.notFound, number, 2, into: &$0) }
    case .done(let number, let outcome):
      writer.write(atMost: 3 * CBORWriter.longestHead + Outcome.longest) { writer in
        Self.begin(Kind.done, number, 3, into: &writer)
        outcome.encode(into: &writer)
      }
    case .moved(let number, let term, let version):
      Self.begin(Kind.moved, number, into: &writer)
      term.encode(into: &writer)
      writer.write(unsigned: version)
    case .unavailable(let number, let reason):
      Self.begin(Kind.unavailable, number, into: &writer)
      writer.write(unsigned: reason.rawValue)
    case .failed(let number, let failure):
      Self.begin(Kind.failed, number, into: &writer)
      writer.write(unsigned: failure.rawValue)
    case .outcomeUnknown(let number):
      Self.begin(Kind.outcomeUnknown, number, into: &writer)
    case .topology(let number, let map):
      Self.begin(Kind.topology, number, into: &writer)
      map.encode(into: &writer)
    case .status(let number, let status):
      Self.begin(Kind.status, number, into: &writer)
      status.encode(into: &writer)
    case .administered(let number, let reply):
      Self.begin(Kind.administered, number, into: &writer)
      writer.write(bool: reply.isAccepted)
      writer.write(text: reply.sentence)
    case .sessions(let number, let page):
      Self.begin(Kind.sessions, number, into: &writer)
      page.encode(into: &writer)
    case .limited(let number, let wait):
      Self.begin(Kind.limited, number, into: &writer)
      writer.write(unsigned: wait)
    case .versioned(let number, let value, let version):
      Self.begin(Kind.versioned, number, into: &writer)
      writer.write(bytes: value)
      version.encode(into: &writer)
    }
  }

  /// The usual ones, into room that is there.
  @inline(__always)
  private static func begin(
    _ kind: UInt64, _ number: UInt64, _ items: Int, into writer: inout CBORCursor
  ) {
    writer.beginArray(items)
    writer.write(unsigned: kind)
    writer.write(unsigned: number)
  }

  private static func begin(_ kind: UInt64, _ number: UInt64, into writer: inout CBORWriter) {
    writer.beginArray(itemCount(of: kind) ?? 0)
    writer.write(unsigned: kind)
    writer.write(unsigned: number)
  }
}
