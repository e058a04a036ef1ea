import Wire

/// A node that the authority knows.
public struct RegisteredNode: Hashable, Sendable {
  public let principal: Principal
  public let endpoint: Endpoint

  public init(principal: Principal, endpoint: Endpoint) {
    self.principal = principal
    self.endpoint = endpoint
  }
}

/// Node → authority, on each new session and then every heartbeat × 4: I am alive, here.
public struct Register: Hashable, Sendable {
  public let incarnation: Incarnation
  public let endpoint: Endpoint
  /// Of the access list that the node has from the authority; 0: none. A database needs none.
  public let accessVersion: UInt64
  /// The version of the membership list that the node goes by, 0 without one: a newer one is sent to it.
  public let membership: UInt64
  /// The highest term that the drone has promised: it follows no commander of a lower one.
  public let promised: Term

  public init(
    incarnation: Incarnation, endpoint: Endpoint, accessVersion: UInt64 = 0, membership: UInt64,
    promised: Term = .none
  ) {
    self.incarnation = incarnation
    self.endpoint = endpoint
    self.accessVersion = accessVersion
    self.membership = membership
    self.promised = promised
  }
}

/// Authority → node: the answer to `Register`, and again whenever something of it changed.
public struct Registered: Hashable, Sendable {
  /// The highest term in the authority's register, certified or burnt.
  public let term: Term
  /// The certificate of the current commander (DER), nil while a certification is under way or none was ever.
  public let certificate: [UInt8]?
  /// The version of the membership list that the drones and databases here are taken from. A commander counts
  /// its majority by the drones of the highest version that it has been told of, and never goes back.
  public let membership: UInt64
  /// All registered drones, in order of principal: the voters.
  public let drones: [RegisteredNode]
  /// All registered databases, in order of principal.
  public let databases: [RegisteredNode]
  /// Of the access list that is in force at the authority.
  public let accessVersion: UInt64

  public init(
    term: Term, certificate: [UInt8]?, membership: UInt64, drones: [RegisteredNode],
    databases: [RegisteredNode], accessVersion: UInt64 = 0
  ) {
    self.term = term
    self.certificate = certificate
    self.membership = membership
    self.drones = drones
    self.databases = databases
    self.accessVersion = accessVersion
  }
}

extension RegisteredNode: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(2)
    principal.encode(into: &writer)
    endpoint.encode(into: &writer)
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 2)
    self.init(principal: try Principal(from: &reader), endpoint: try Endpoint(from: &reader))
  }
}

extension Register: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(5)
    incarnation.encode(into: &writer)
    endpoint.encode(into: &writer)
    writer.write(unsigned: accessVersion)
    writer.write(unsigned: membership)
    promised.encode(into: &writer)
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 5)
    self.init(
      incarnation: try Incarnation(from: &reader), endpoint: try Endpoint(from: &reader),
      accessVersion: try reader.readUnsigned(), membership: try reader.readUnsigned(),
      promised: try Term(from: &reader))
  }
}

extension Registered: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(6)
    term.encode(into: &writer)
    if let certificate { writer.write(bytes: certificate) } else { writer.writeNull() }
    writer.write(unsigned: membership)
    writer.write(drones)
    writer.write(databases)
    writer.write(unsigned: accessVersion)
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 6)
    self.init(
      term: try Term(from: &reader),
      certificate: try reader.readNull()
        ? nil : try reader.readByteArray(maximum: ElectionVerifier.maximumCertificateLength),
      membership: try reader.readUnsigned(),
      drones: try reader.readMessages(RegisteredNode.self, maximum: SlotMap.maximumDrones),
      databases: try reader.readMessages(RegisteredNode.self, maximum: SlotMap.maximumDrones),
      accessVersion: try reader.readUnsigned())
  }
}
