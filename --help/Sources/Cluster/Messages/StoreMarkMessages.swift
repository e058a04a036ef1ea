import Wire

/// Database → authority, every heartbeat until it was answered for this mark: this is the store I have.
public struct StoreReport: Hashable, Sendable {
  /// Of the database's process.
  public let incarnation: Incarnation
  public let mark: StoreMark

  public init(incarnation: Incarnation, mark: StoreMark) {
    self.incarnation = incarnation
    self.mark = mark
  }
}

/// Authority → database: whether the store may be used. One that is held serves nobody.
public struct StoreVerdict: Hashable, Sendable {
  /// Those of the report.
  public let incarnation: Incarnation
  public let mark: StoreMark
  /// The store that the cluster knows instead; nil when the one that was reported is accepted.
  public let known: KnownStore?

  public init(incarnation: Incarnation, mark: StoreMark, known: KnownStore?) {
    self.incarnation = incarnation
    self.mark = mark
    self.known = known
  }
}

/// Administrator → authority: which stores does the cluster know, and which are held?
public struct StoresRequest: Hashable, Sendable {
  public let number: UInt64
  public init(number: UInt64) { self.number = number }
}

/// A database's store, as the authority knows it.
public struct DatabaseStanding: Hashable, Sendable {
  public let database: Principal
  public let known: KnownStore
  /// What the database shows instead, and is not to use; nil when there is nothing to decide.
  public let held: StoreMark?

  public init(database: Principal, known: KnownStore, held: StoreMark?) {
    self.database = database
    self.known = known
    self.held = held
  }
}

/// Authority → administrator.
public struct StoresAnswer: Hashable, Sendable {
  public let number: UInt64
  /// In order of database.
  public let stores: [DatabaseStanding]

  public init(number: UInt64, stores: [DatabaseStanding]) {
    self.number = number
    self.stores = stores
  }
}

/// Administrator → authority: the store that this database shows is the one to go on with, whatever it lacks.
public struct StoreAcceptance: Hashable, Sendable {
  public let number: UInt64
  public let database: Principal
  /// What is accepted: nothing else than the administrator has seen.
  public let mark: StoreMark

  public init(number: UInt64, database: Principal, mark: StoreMark) {
    self.number = number
    self.database = database
    self.mark = mark
  }
}

/// Authority → administrator.
public struct StoreAcceptanceAnswer: Hashable, Sendable {
  public let number: UInt64
  /// A sentence for the administrator when nothing was changed; nil: the store is accepted.
  public let refusal: String?

  public init(number: UInt64, refusal: String?) {
    self.number = number
    self.refusal = refusal
  }
}

extension StoreReport: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(2)
    incarnation.encode(into: &writer)
    mark.encode(into: &writer)
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 2)
    self.init(incarnation: try Incarnation(from: &reader), mark: try StoreMark(from: &reader))
  }
}

extension StoreVerdict: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(3)
    incarnation.encode(into: &writer)
    mark.encode(into: &writer)
    if let known { known.encode(into: &writer) } else { writer.writeNull() }
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 3)
    self.init(
      incarnation: try Incarnation(from: &reader), mark: try StoreMark(from: &reader),
      known: try reader.readNull() ? nil : try KnownStore(from: &reader))
  }
}

extension StoresRequest: WireMessage {
  public func encode(into writer: inout CBORWriter) { writer.write(unsigned: number) }
  public init(from reader: inout CBORReader) throws(CBORError) {
    self.init(number: try reader.readUnsigned())
  }
}

extension DatabaseStanding: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(3)
    database.encode(into: &writer)
    known.encode(into: &writer)
    if let held { held.encode(into: &writer) } else { writer.writeNull() }
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 3)
    self.init(
      database: try Principal(from: &reader), known: try KnownStore(from: &reader),
      held: try reader.readNull() ? nil : try StoreMark(from: &reader))
  }
}

extension StoresAnswer: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(2)
    writer.write(unsigned: number)
    writer.write(stores)
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 2)
    self.init(
      number: try reader.readUnsigned(),
      stores: try reader.readMessages(DatabaseStanding.self, maximum: MembershipList.maximumMembers))
  }
}

extension StoreAcceptance: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(3)
    writer.write(unsigned: number)
    database.encode(into: &writer)
    mark.encode(into: &writer)
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 3)
    self.init(
      number: try reader.readUnsigned(), database: try Principal(from: &reader),
      mark: try StoreMark(from: &reader))
  }
}

extension StoreAcceptanceAnswer: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(2)
    writer.write(unsigned: number)
    if let refusal { writer.write(text: refusal) } else { writer.writeNull() }
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 2)
    self.init(
      number: try reader.readUnsigned(), refusal: try reader.readNull() ? nil : try reader.readText())
  }
}
