import Wire

/// What a client asks of a drone, read in place: keys and values point into the record and live as long as
/// it is being handled. On the wire each is an array that begins with its kind and a number that the client
/// chooses; the answer carries the number back.
///
/// Kinds: 0 to 15 are requests, 16 to 31 answers (`DataAnswer`), 32 to 63 control messages (`ControlMessage`),
/// 64 to 95 belong to drone and database (`StoreRequest`, `StoreAnswer`), 96 to 127 to a partition's owner and its
/// shadows (`ReplicationMessage`, `ReplicationAnswer`).
public enum DataRequest {
  public enum Kind {
    public static let introduce: UInt64 = 3
    public static let topology: UInt64 = 4
    public static let status: UInt64 = 5
    public static let administer: UInt64 = 6
    public static let unreachable: UInt64 = 8
    public static let sessions: UInt64 = 9
    public static let range: ClosedRange<UInt64> = 0...15
  }

  // Those on a key: `ReadKind` and `WriteKind` say which there are.
  case read(ReadRequest)
  case write(WriteRequest)

  /// `[3, number, [high, low]]`: the incarnation under which this session's writes are numbered. Sent before
  /// the first write; not answered.
  case introduce(number: UInt64, client: ClientIncarnation)
  /// `[4, number]`: send me the signed slot map.
  case topology(number: UInt64)
  /// `[8, number, principal]`: I do not reach this drone, or it does not answer me. The commander looks at once
  /// whether it does. Not answered.
  case unreachable(number: UInt64, Principal)
  /// `[5, number]`: how is the cluster? Only the commander answers with `DataAnswer.status`.
  case status(number: UInt64)
  /// `[6, number, order, name]`: an operator's order. Only the commander takes it.
  case administer(number: UInt64, AdministratorOrder, name: String)
  /// `[9, number, order]`: an operator's order about this drone's own sessions.
  case sessions(number: UInt64, SessionOrder)

  /// The longest name in an order, in bytes.
  private static let maximumName = 255

  /// Reads the next request. Lengths of key and value are checked against `Limits` by who executes it, so
  /// that a too long one can be answered; anything else that is wrong throws, and the session should end.
  public init(from reader: inout CBORReader) throws(CBORError) {
    let start = reader.offset
    let count = try reader.readArrayHeader(maximum: 8)
    let kind = try reader.readUnsigned()
    if let read = ReadKind(rawValue: kind) {
      try Self.check(count, ReadRequest.itemCount, start)
      self = .read(try ReadRequest(read, from: &reader))
    } else if let write = WriteKind(rawValue: kind) {
      try Self.check(count, WriteRequest.itemCount(of: write), start)
      self = .write(try WriteRequest(write, from: &reader))
    } else {
      guard let expected = Self.itemCount(of: kind) else { throw .unknownKind("a request", kind: kind) }
      try Self.check(count, expected, start)
      self = try Self.other(kind, from: &reader)
    }
  }

  @inline(__always)
  private static func check(_ count: Int, _ expected: Int, _ start: Int) throws(CBORError) {
    guard count == expected else { throw .outOfRange(field: "the number of items", offset: start) }
  }

  private static func other(
    _ kind: UInt64, from reader: inout CBORReader
  ) throws(CBORError) -> DataRequest {
    let number = try reader.readUnsigned()
    switch kind {
    case Kind.introduce: return .introduce(number: number, client: try ClientIncarnation(from: &reader))
    case Kind.topology: return .topology(number: number)
    case Kind.unreachable: return .unreachable(number: number, try Principal(from: &reader))
    case Kind.sessions: return .sessions(number: number, try SessionOrder(from: &reader))
    case Kind.administer:
      return .administer(
        number: number, try AdministratorOrder(from: &reader),
        name: try reader.readText(maximum: Self.maximumName))
    default: return .status(number: number)
    }
  }

  private static func itemCount(of kind: UInt64) -> Int? {
    switch kind {
    case Kind.introduce, Kind.unreachable, Kind.sessions: 3
    case Kind.topology, Kind.status: 2
    case Kind.administer: 4
    default: nil
    }
  }

  public func encode(into writer: inout CBORWriter) {
    switch self {
    case .read(let request): request.encode(into: &writer)
    case .write(let request): request.encode(into: &writer)
    case .introduce(let number, let client):
      Self.begin(Kind.introduce, number, into: &writer)
      client.encode(into: &writer)
    case .topology(let number):
      Self.begin(Kind.topology, number, into: &writer)
    case .unreachable(let number, let principal):
      Self.begin(Kind.unreachable, number, into: &writer)
      principal.encode(into: &writer)
    case .status(let number):
      Self.begin(Kind.status, number, into: &writer)
    case .administer(let number, let order, let name):
      Self.begin(Kind.administer, number, into: &writer)
      order.encode(into: &writer)
      writer.write(text: name)
    case .sessions(let number, let order):
      Self.begin(Kind.sessions, number, into: &writer)
      order.encode(into: &writer)
    }
  }

  private static func begin(_ kind: UInt64, _ number: UInt64, into writer: inout CBORWriter) {
    writer.beginArray(itemCount(of: kind) ?? 2)
    writer.write(unsigned: kind)
    writer.write(unsigned: number)
  }
}

extension DataRequest {
  /// The number that its answer carries; nil when it is not answered.
  @inline(__always)
  public var number: UInt64? {
    switch self {
    case .read(let request): request.number
    case .write(let request): request.number
    case .topology(let number), .status(let number), .administer(let number, _, _), .sessions(let number, _):
      number
    case .introduce, .unreachable: nil
    }
  }

  /// Nil for what has none.
  @inline(__always)
  public var key: UnsafeRawBufferPointer? {
    switch self {
    case .read(let request): request.key
    case .write(let request): request.key
    case .introduce, .topology, .unreachable, .status, .administer, .sessions: nil
    }
  }

  /// The partition of its key; nil when it has none.
  @inline(__always)
  public var partition: Partition? { key.map { Slot(key: $0).partition } }

  public var isWrite: Bool { if case .write = self { true } else { false } }
}

extension DataRequest {
  public static func get(number: UInt64, key: UnsafeRawBufferPointer) -> DataRequest {
    .read(ReadRequest(.get, number: number, key: key))
  }

  public static func put(
    number: UInt64, write: UInt64, retry: Bool, level: AcknowledgementLevel? = nil,
    key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer
  ) -> DataRequest {
    .write(
      WriteRequest(.put, number: number, write: write, retry: retry, level: level, key: key, value: value))
  }

  public static func delete(
    number: UInt64, write: UInt64, retry: Bool, level: AcknowledgementLevel? = nil,
    key: UnsafeRawBufferPointer
  ) -> DataRequest {
    .write(WriteRequest(.delete, number: number, write: write, retry: retry, level: level, key: key))
  }

  public static func compareAndPut(
    number: UInt64, write: UInt64, retry: Bool, level: AcknowledgementLevel? = nil,
    key: UnsafeRawBufferPointer, expected: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer
  ) -> DataRequest {
    .write(
      WriteRequest(
        .compareAndPut, number: number, write: write, retry: retry, level: level, key: key,
        expected: expected, value: value))
  }
}
