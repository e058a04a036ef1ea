import Wire

/// Administrator → authority: this node shall not belong to the cluster any more.
public struct RemovalRequest: Hashable, Sendable {
  /// The administrator's number, repeated in the answer.
  public let number: UInt64
  public let principal: Principal
  /// The administrator asserts that its process is off for good.
  public let isDead: Bool

  public init(number: UInt64, principal: Principal, isDead: Bool) {
    self.number = number
    self.principal = principal
    self.isDead = isDead
  }
}

/// Authority → administrator.
public struct RemovalAnswer: Hashable, Sendable {
  public enum Outcome: Hashable, Sendable {
    /// It is on no list any more. Elections still need a majority of the lists that it was on, until a commander
    /// is known to count without it.
    case pending(version: UInt64)
    /// It is on no list any more, and no election needs a majority of one that it was on.
    case removed(version: UInt64)
    /// Nothing was changed: a sentence for the administrator.
    case refused(reason: String)
  }

  public let number: UInt64
  public let outcome: Outcome

  public init(number: UInt64, outcome: Outcome) {
    self.number = number
    self.outcome = outcome
  }
}

/// Drone → drone, while the authority is not heard: the membership list that this drone goes by is of this version (0:
/// none); whoever has a newer one sends it. The authority has signed it, so it does not matter from whom it comes.
public struct MembershipQuestion: Hashable, Sendable {
  public let version: UInt64

  public init(version: UInt64) { self.version = version }
}

extension MembershipQuestion: WireMessage {
  public func encode(into writer: inout CBORWriter) { writer.write(unsigned: version) }

  public init(from reader: inout CBORReader) throws(CBORError) {
    self.init(version: try reader.readUnsigned())
  }
}

/// Administrator → authority: who belongs to the cluster?
public struct NodesRequest: Hashable, Sendable {
  public let number: UInt64
  public init(number: UInt64) { self.number = number }
}

/// Authority → administrator.
public struct NodesAnswer: Hashable, Sendable {
  public let number: UInt64
  /// Of the membership list.
  public let version: UInt64
  /// The version that the commander is known to count.
  public let counted: UInt64
  /// The members, in order of principal.
  public let nodes: [RegisteredNode]
  /// Removed nodes of which an election's majorities still take account.
  public let pending: [Principal]
  /// Removed and not enrolled anew, those that are pending too.
  public let revoked: [Principal]

  public init(
    number: UInt64, version: UInt64, counted: UInt64, nodes: [RegisteredNode], pending: [Principal],
    revoked: [Principal]
  ) {
    self.number = number
    self.version = version
    self.counted = counted
    self.nodes = nodes
    self.pending = pending
    self.revoked = revoked
  }
}

extension RemovalRequest: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(3)
    writer.write(unsigned: number)
    principal.encode(into: &writer)
    writer.write(bool: isDead)
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 3)
    self.init(
      number: try reader.readUnsigned(), principal: try Principal(from: &reader),
      isDead: try reader.readBool())
  }
}

extension RemovalAnswer: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(4)
    writer.write(unsigned: number)
    switch outcome {
    case .pending(let version):
      writer.write(unsigned: 1)
      writer.write(unsigned: version)
      writer.write(text: "")
    case .removed(let version):
      writer.write(unsigned: 2)
      writer.write(unsigned: version)
      writer.write(text: "")
    case .refused(let reason):
      writer.write(unsigned: 3)
      writer.write(unsigned: 0)
      writer.write(text: reason)
    }
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 4)
    let number = try reader.readUnsigned()
    let kind = try reader.readUnsigned()
    let offset = reader.offset
    let version = try reader.readUnsigned()
    let text = try reader.readText()
    guard kind == 3 ? version == 0 : text.isEmpty else {
      throw .outOfRange(field: "an outcome", offset: offset)
    }
    switch kind {
    case 1: self.init(number: number, outcome: .pending(version: version))
    case 2: self.init(number: number, outcome: .removed(version: version))
    case 3: self.init(number: number, outcome: .refused(reason: text))
    default: throw .unknownValue(field: "an outcome", value: kind)
    }
  }
}

extension NodesRequest: WireMessage {
  public func encode(into writer: inout CBORWriter) { writer.write(unsigned: number) }
  public init(from reader: inout CBORReader) throws(CBORError) {
    self.init(number: try reader.readUnsigned())
  }
}

extension NodesAnswer: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(6)
    writer.write(unsigned: number)
    writer.write(unsigned: version)
    writer.write(unsigned: counted)
    writer.write(nodes)
    writer.write(pending)
    writer.write(revoked)
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 6)
    self.init(
      number: try reader.readUnsigned(), version: try reader.readUnsigned(),
      counted: try reader.readUnsigned(),
      nodes: try reader.readMessages(RegisteredNode.self, maximum: MembershipList.maximumMembers),
      pending: try reader.readMessages(Principal.self, maximum: MembershipList.maximumMembers),
      revoked: try reader.readMessages(Principal.self, maximum: MembershipList.maximumMembers))
  }
}
