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
    public static let get: UInt64 = 0
    public static let put: UInt64 = 1
    public static let delete: UInt64 = 2
    public static let introduce: UInt64 = 3
    public static let topology: UInt64 = 4
    public static let status: UInt64 = 5
    public static let administer: UInt64 = 6
    public static let compareAndPut: UInt64 = 7
    public static let unreachable: UInt64 = 8
    public static let sessions: UInt64 = 9
    public static let range: ClosedRange<UInt64> = 0...15
  }

  /// `[0, number, key]`
  case get(number: UInt64, key: UnsafeRawBufferPointer)
  /// `[1, number, write, retry, level, key, value]`; `write` is the client's number of this write, counted up over
  /// all partitions; `retry` says that an earlier attempt of it may have been executed; `level` is what has to be
  /// true before it is answered, null for what the cluster's configuration says.
  case put(
    number: UInt64, write: UInt64, retry: Bool, level: AcknowledgementLevel? = nil,
    key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer)
  /// `[2, number, write, retry, level, key]`
  case delete(
    number: UInt64, write: UInt64, retry: Bool, level: AcknowledgementLevel? = nil,
    key: UnsafeRawBufferPointer)
  /// `[7, number, write, retry, level, key, expected, value]`: a put that is executed only if the key has exactly the
  /// expected value, or with null only if it has none. Either way its outcome is kept like that of every write.
  case compareAndPut(
    number: UInt64, write: UInt64, retry: Bool, level: AcknowledgementLevel? = nil,
    key: UnsafeRawBufferPointer, expected: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer)
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
    guard count == Self.itemCount(of: kind) else {
      if Self.itemCount(of: kind) == nil { throw .unknownKind("a request", kind: kind) }
      throw .outOfRange(field: "the number of items", offset: start)
    }
    let number = try reader.readUnsigned()
    switch kind {
    case Kind.get:
      self = .get(number: number, key: try reader.readBytes())
    case Kind.put:
      self = .put(
        number: number, write: try reader.readUnsigned(), retry: try reader.readBool(),
        level: try reader.readOptional(AcknowledgementLevel.self),
        key: try reader.readBytes(), value: try reader.readBytes())
    case Kind.delete:
      self = .delete(
        number: number, write: try reader.readUnsigned(), retry: try reader.readBool(),
        level: try reader.readOptional(AcknowledgementLevel.self), key: try reader.readBytes())
    case Kind.compareAndPut:
      self = .compareAndPut(
        number: number, write: try reader.readUnsigned(), retry: try reader.readBool(),
        level: try reader.readOptional(AcknowledgementLevel.self), key: try reader.readBytes(),
        expected: try reader.readNull() ? nil : try reader.readBytes(), value: try reader.readBytes())
    case Kind.introduce:
      self = .introduce(number: number, client: try ClientIncarnation(from: &reader))
    case Kind.topology:
      self = .topology(number: number)
    case Kind.unreachable:
      self = .unreachable(number: number, try Principal(from: &reader))
    case Kind.sessions:
      self = .sessions(number: number, try SessionOrder(from: &reader))
    case Kind.administer:
      self = .administer(
        number: number, try AdministratorOrder(from: &reader),
        name: try reader.readText(maximum: Self.maximumName))
    default:
      self = .status(number: number)
    }
  }

  private static func itemCount(of kind: UInt64) -> Int? {
    switch kind {
    case Kind.get, Kind.introduce, Kind.unreachable, Kind.sessions: 3
    case Kind.put: 7
    case Kind.delete: 6
    case Kind.compareAndPut: 8
    case Kind.topology, Kind.status: 2
    case Kind.administer: 4
    default: nil
    }
  }

  public func encode(into writer: inout CBORWriter) {
    switch self {
    case .get(let number, let key):
      Self.begin(Kind.get, number, into: &writer)
      writer.write(bytes: key)
    case .put(let number, let write, let retry, let level, let key, let value):
      Self.begin(Kind.put, number, into: &writer)
      writer.write(unsigned: write)
      writer.write(bool: retry)
      writer.write(optional: level)
      writer.write(bytes: key)
      writer.write(bytes: value)
    case .delete(let number, let write, let retry, let level, let key):
      Self.begin(Kind.delete, number, into: &writer)
      writer.write(unsigned: write)
      writer.write(bool: retry)
      writer.write(optional: level)
      writer.write(bytes: key)
    case .compareAndPut(let number, let write, let retry, let level, let key, let expected, let value):
      Self.begin(Kind.compareAndPut, number, into: &writer)
      writer.write(unsigned: write)
      writer.write(bool: retry)
      writer.write(optional: level)
      writer.write(bytes: key)
      if let expected { writer.write(bytes: expected) } else { writer.writeNull() }
      writer.write(bytes: value)
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
