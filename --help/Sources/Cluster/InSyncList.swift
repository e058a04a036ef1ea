import Wire

/// Who holds every acknowledged write of a partition besides its owner: a fact at the database, changed under the
/// owner's fence only. Whoever is on it may be promoted, and nobody else.
///
/// The owner numbers the changes that it asks for, and the database takes a number only once and only upwards: a
/// request that was lost and comes late undoes nothing.
public struct InSyncList: Hashable, Sendable {
  /// Two shadows, one more while a partition moves, and an owner whose place another is about to take.
  public static let maximumHolders = 4

  /// Of the change that made it.
  public let number: UInt64
  /// In order, each once.
  public let holders: [Holder]

  public init(number: UInt64, holders: [Holder]) {
    self.number = number
    self.holders = holders.sorted()
  }

  /// The same list with somebody besides.
  func adding(_ holder: Holder) -> InSyncList {
    holders.contains(holder) ? self : InSyncList(number: number, holders: holders + [holder])
  }

  /// Nobody: everything that was acknowledged is in the database.
  public static let empty = InSyncList(number: 0, holders: [])
}

extension InSyncList: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(2)
    writer.write(unsigned: number)
    writer.write(holders)
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 2)
    let offset = reader.offset
    let number = try reader.readUnsigned()
    let holders = try reader.readMessages(Holder.self, maximum: Self.maximumHolders)
    // The owner counts on from here.
    guard number <= UInt64(Int64.max) else {
      throw .outOfRange(field: "the number of a list", offset: offset)
    }
    guard zip(holders, holders.dropFirst()).allSatisfy({ $0 < $1 }) else {
      throw .outOfRange(field: "the order of holders", offset: offset)
    }
    self.init(number: number, holders: holders)
  }
}
