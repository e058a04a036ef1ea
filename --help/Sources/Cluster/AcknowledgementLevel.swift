import Wire

/// What has to be true of a write before its caller is told that it is done.
public enum AcknowledgementLevel: UInt64, Sendable, CaseIterable {
  /// It is in two independent places: the memory of its owner and of every shadow in sync, or the database.
  case secured = 1
  /// It is on the database's disk.
  case durable = 2
  /// It is in the memory of its owner: the caller waives the second place.
  case memory = 3

  /// By its name, as people write it.
  public init?(name: String) {
    guard let level = Self.allCases.first(where: { $0.name == name }) else { return nil }
    self = level
  }

  public var name: String {
    switch self {
    case .secured: "secured"
    case .durable: "durable"
    case .memory: "memory"
    }
  }
}

extension AcknowledgementLevel: WireMessage {
  public func encode(into writer: inout CBORWriter) { writer.write(unsigned: rawValue) }

  public init(from reader: inout CBORReader) throws(CBORError) {
    let raw = try reader.readUnsigned()
    guard let level = AcknowledgementLevel(rawValue: raw) else {
      throw .unknownValue(field: "level", value: raw)
    }
    self = level
  }
}
