import Wire

/// What an operator wants of the sessions of one drone. It is asked of that drone itself, which carries it out whether
/// or not there is a commander.
public enum SessionOrder: Hashable, Sendable {
  /// Show the first of those with a higher number, in order of number.
  case list(after: UInt64)
  /// End the one of that number.
  case end(UInt64)
  /// End every one of a principal, but for the one on which this is asked.
  case endAll(of: Principal)
}

extension SessionOrder: WireMessage {
  private enum Kind {
    static let list: UInt64 = 1
    static let end: UInt64 = 2
    static let endAll: UInt64 = 3
  }

  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(2)
    switch self {
    case .list(let number):
      writer.write(unsigned: Kind.list)
      writer.write(unsigned: number)
    case .end(let number):
      writer.write(unsigned: Kind.end)
      writer.write(unsigned: number)
    case .endAll(let principal):
      writer.write(unsigned: Kind.endAll)
      principal.encode(into: &writer)
    }
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 2)
    let kind = try reader.readUnsigned()
    switch kind {
    case Kind.list: self = .list(after: try reader.readUnsigned())
    case Kind.end: self = .end(try reader.readUnsigned())
    case Kind.endAll: self = .endAll(of: try Principal(from: &reader))
    default: throw .unknownValue(field: "session order", value: kind)
    }
  }
}

/// A session that a drone has accepted, as it shows it to an operator.
public struct OpenSession: Hashable, Sendable {
  /// Unique in the life of the drone's process.
  public let id: UInt64
  public let principal: Principal
  /// `address:port` of the other end.
  public let address: String
  /// Whether it is one of the cluster's nodes.
  public let isNode: Bool
  /// When the handshake was over: seconds since 1970.
  public let since: Int64
  /// Requests that have come on it; of a node: records.
  public let requests: UInt64
  /// Bytes that wait for the peer to read.
  public let unsentBytes: UInt64

  /// Bytes of an address.
  public static let maximumAddress = 255

  public init(
    id: UInt64, principal: Principal, address: String, isNode: Bool, since: Int64, requests: UInt64,
    unsentBytes: UInt64
  ) {
    self.id = id
    self.principal = principal
    self.address = address
    self.isNode = isNode
    self.since = since
    self.requests = requests
    self.unsentBytes = unsentBytes
  }
}

extension OpenSession: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(7)
    writer.write(unsigned: id)
    principal.encode(into: &writer)
    writer.write(text: address)
    writer.write(bool: isNode)
    writer.write(integer: since)
    writer.write(unsigned: requests)
    writer.write(unsigned: unsentBytes)
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 7)
    self.init(
      id: try reader.readUnsigned(), principal: try Principal(from: &reader),
      address: try reader.readText(maximum: Self.maximumAddress), isNode: try reader.readBool(),
      since: try reader.readInteger(), requests: try reader.readUnsigned(),
      unsentBytes: try reader.readUnsigned())
  }
}

/// Some of a drone's sessions, in order of number.
public struct SessionPage: Hashable, Sendable {
  /// So many fit into a record whatever the names.
  public static let limit = 512

  public let sessions: [OpenSession]
  /// Whether there are others behind the last of these.
  public let hasMore: Bool

  public init(sessions: [OpenSession], hasMore: Bool) {
    self.sessions = sessions
    self.hasMore = hasMore
  }
}

extension SessionPage: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(2)
    writer.write(sessions)
    writer.write(bool: hasMore)
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 2)
    self.init(
      sessions: try reader.readMessages(OpenSession.self, maximum: Self.limit),
      hasMore: try reader.readBool())
  }
}
