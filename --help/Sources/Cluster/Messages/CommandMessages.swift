import Wire

/// Commander → drone and authority, every heartbeat.
public struct Heartbeat: Hashable, Sendable {
  public let term: Term
  /// Counts up with each round of heartbeats of a commander.
  public let sequence: UInt64
  /// The election certificate (DER): a receiver believes nothing without it.
  public let certificate: [UInt8]
  /// The version of the newest slot map; a drone that has an older one says so in its report.
  public let mapVersion: UInt64
  /// The version of the membership list by which the commander counts its majority from now on. The authority
  /// need no longer ask ballots for majorities of lower versions.
  public let membership: UInt64

  public init(
    term: Term, sequence: UInt64, certificate: [UInt8], mapVersion: UInt64, membership: UInt64
  ) {
    self.term = term
    self.sequence = sequence
    self.certificate = certificate
    self.mapVersion = mapVersion
    self.membership = membership
  }
}

/// Authority → commander: the heartbeat has been heard.
public struct HeartbeatHeard: Hashable, Sendable {
  public let term: Term
  public let sequence: UInt64

  public init(term: Term, sequence: UInt64) {
    self.term = term
    self.sequence = sequence
  }
}

/// Commander → drone: the lease on these partitions runs on, counted by the drone from its sending of `nonce`.
public struct Renewal: Hashable, Sendable {
  public let term: Term
  public let nonce: UInt64
  public let partitions: PartitionSet
  public let milliseconds: UInt64
  /// For a drone that is about to end: partitions that nobody serves, and of which it has a copy. It is to wait until it
  /// has been promoted with what only it may have.
  public let orphans: PartitionSet

  public init(
    term: Term, nonce: UInt64, partitions: PartitionSet, milliseconds: UInt64, orphans: PartitionSet = []
  ) {
    self.term = term
    self.nonce = nonce
    self.partitions = partitions
    self.milliseconds = milliseconds
    self.orphans = orphans
  }
}

/// Drone → commander: the map says these are mine; grant me what I do not hold.
public struct GrantRequest: Hashable, Sendable {
  public let term: Term
  public let incarnation: Incarnation
  public let partitions: PartitionSet

  public init(term: Term, incarnation: Incarnation, partitions: PartitionSet) {
    self.term = term
    self.incarnation = incarnation
    self.partitions = partitions
  }
}

/// Commander → drone: a sealed grant, and in clear what the drone must know of it.
public struct GrantAnswer: Hashable, Sendable {
  public let term: Term
  /// The life of the drone that it was made for: another must not show it, or the database would take it for
  /// that one.
  public let incarnation: Incarnation
  public let partitions: PartitionSet
  public let token: FencingToken
  public let mode: Grant.Mode
  public let database: RegisteredNode
  public let grant: SealedGrant

  public init(
    term: Term, incarnation: Incarnation, partitions: PartitionSet, token: FencingToken,
    mode: Grant.Mode = .load, database: RegisteredNode, grant: SealedGrant
  ) {
    self.term = term
    self.incarnation = incarnation
    self.partitions = partitions
    self.token = token
    self.mode = mode
    self.database = database
    self.grant = grant
  }
}

/// Commander → drone: stop serving these, end what is under way, and report without them.
public struct Release: Hashable, Sendable {
  public let term: Term
  public let partitions: PartitionSet

  public init(term: Term, partitions: PartitionSet) {
    self.term = term
    self.partitions = partitions
  }
}

/// Commander → database, on its command session and in one record with everything that it asks there: the
/// election certificate by which it is believed.
public struct ShowCertificate: Hashable, Sendable {
  /// DER.
  public let certificate: [UInt8]

  public init(certificate: [UInt8]) { self.certificate = certificate }
}

/// Commander → database, on its command session: the key that seals this term's grants.
public struct DeliverKey: Hashable, Sendable, CustomStringConvertible, CustomReflectable {
  public let term: Term
  public let identifier: UInt64
  public let key: [UInt8]

  public init(term: Term, identifier: UInt64, key: [UInt8]) {
    self.term = term
    self.identifier = identifier
    self.key = key
  }

  /// Without the key, so that a message that is logged or dumped gives nothing away.
  public var description: String { "DeliverKey(term \(term), identifier \(identifier))" }
  public var customMirror: Mirror { Mirror(self, children: ["term": term, "identifier": identifier]) }
}

/// Database → commander: the key is stored. Commander → database again and again: is it, are you there?
public struct KeyStored: Hashable, Sendable {
  public let term: Term
  public let identifier: UInt64

  public init(term: Term, identifier: UInt64) {
    self.term = term
    self.identifier = identifier
  }
}

/// Anybody → the sender of a message that was refused. A hint for the log and for a quicker retreat.
public struct Refused: Hashable, Sendable {
  public let reason: String
  /// The highest term that the refuser has seen.
  public let term: Term

  public init(reason: String, term: Term) {
    self.reason = reason
    self.term = term
  }
}

extension Heartbeat: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(5)
    term.encode(into: &writer)
    writer.write(unsigned: sequence)
    writer.write(bytes: certificate)
    writer.write(unsigned: mapVersion)
    writer.write(unsigned: membership)
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 5)
    self.init(
      term: try Term(from: &reader), sequence: try reader.readUnsigned(),
      certificate: try reader.readByteArray(maximum: ElectionVerifier.maximumCertificateLength),
      mapVersion: try reader.readUnsigned(), membership: try reader.readUnsigned())
  }
}

extension HeartbeatHeard: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(2)
    term.encode(into: &writer)
    writer.write(unsigned: sequence)
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 2)
    self.init(term: try Term(from: &reader), sequence: try reader.readUnsigned())
  }
}

extension Renewal: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(5)
    term.encode(into: &writer)
    writer.write(unsigned: nonce)
    partitions.encode(into: &writer)
    writer.write(unsigned: milliseconds)
    orphans.encode(into: &writer)
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 5)
    self.init(
      term: try Term(from: &reader), nonce: try reader.readUnsigned(),
      partitions: try PartitionSet(from: &reader), milliseconds: try reader.readUnsigned(),
      orphans: try PartitionSet(from: &reader))
  }
}

extension GrantRequest: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(3)
    term.encode(into: &writer)
    incarnation.encode(into: &writer)
    partitions.encode(into: &writer)
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 3)
    self.init(
      term: try Term(from: &reader), incarnation: try Incarnation(from: &reader),
      partitions: try PartitionSet(from: &reader))
  }
}

extension GrantAnswer: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(7)
    term.encode(into: &writer)
    incarnation.encode(into: &writer)
    partitions.encode(into: &writer)
    token.encode(into: &writer)
    mode.encode(into: &writer)
    database.encode(into: &writer)
    grant.encode(into: &writer)
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 7)
    self.init(
      term: try Term(from: &reader), incarnation: try Incarnation(from: &reader),
      partitions: try PartitionSet(from: &reader), token: try FencingToken(from: &reader),
      mode: try Grant.Mode(from: &reader), database: try RegisteredNode(from: &reader),
      grant: try SealedGrant(from: &reader))
  }
}

extension Release: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(2)
    term.encode(into: &writer)
    partitions.encode(into: &writer)
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 2)
    self.init(term: try Term(from: &reader), partitions: try PartitionSet(from: &reader))
  }
}

extension ShowCertificate: WireMessage {
  public func encode(into writer: inout CBORWriter) { writer.write(bytes: certificate) }

  public init(from reader: inout CBORReader) throws(CBORError) {
    self.init(certificate: try reader.readByteArray(maximum: ElectionVerifier.maximumCertificateLength))
  }
}

extension DeliverKey: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(3)
    term.encode(into: &writer)
    writer.write(unsigned: identifier)
    writer.write(bytes: key)
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 3)
    self.init(
      term: try Term(from: &reader), identifier: try reader.readUnsigned(),
      key: try reader.readByteArray(count: SealingKey.length, field: "a sealing key"))
  }
}

extension KeyStored: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(2)
    term.encode(into: &writer)
    writer.write(unsigned: identifier)
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 2)
    self.init(term: try Term(from: &reader), identifier: try reader.readUnsigned())
  }
}

extension Refused: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(2)
    writer.write(text: reason)
    term.encode(into: &writer)
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 2)
    self.init(reason: try reader.readText(), term: try Term(from: &reader))
  }
}
