import Wire

/// What is known of the writes that a partition has had, so that a retry is told its outcome and never executed again.
/// Nothing is implied: of whatever is not known any more there is a gap.
public struct PastWrites: Hashable, Sendable {
  /// In order of sequence.
  public var outcomes: [WriteOutcome]
  /// In order.
  public var gaps: [HistoryGap]

  /// - Parameter outcomes: in order of sequence.
  public init(outcomes: [WriteOutcome] = [], gaps: [HistoryGap] = []) {
    self.outcomes = outcomes
    self.gaps = gaps
  }
}

/// Writes of which nobody knows any more whether they were executed. On the wire `[1, client, write]`, `[2, principal]`
/// or `[3]`.
public enum HistoryGap: Hashable, Sendable {
  /// Those of this client that are up to this number, where no outcome tells of one.
  case writes(ClientIncarnation, through: UInt64)
  /// Any of a client of this principal (`ClientIncarnation.principalMark`) of which there is neither an outcome nor a gap.
  case clients(of: UInt64)
  /// Any of a client of which there is neither an outcome nor a gap.
  case anybody
}

extension HistoryGap: Comparable {
  private var order: (UInt64, UInt64, UInt64) {
    switch self {
    case .anybody: (0, 0, 0)
    case .clients(let principal): (principal, 0, 1)
    case .writes(let client, let write): (client.high, client.low, write)
    }
  }

  public static func < (left: HistoryGap, right: HistoryGap) -> Bool { left.order < right.order }
}

extension PastWrites: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(2)
    writer.write(outcomes)
    writer.write(gaps)
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 2)
    self.init(
      outcomes: try reader.readMessages(WriteOutcome.self), gaps: try reader.readMessages(HistoryGap.self))
  }
}

extension HistoryGap: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    switch self {
    case .writes(let client, let write):
      writer.beginArray(3)
      writer.write(unsigned: 1)
      client.encode(into: &writer)
      writer.write(unsigned: write)
    case .clients(let principal):
      writer.beginArray(2)
      writer.write(unsigned: 2)
      writer.write(unsigned: principal)
    case .anybody:
      writer.beginArray(1)
      writer.write(unsigned: 3)
    }
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    let start = reader.offset
    let count = try reader.readArrayHeader(maximum: 3)
    switch (try reader.readUnsigned(), count) {
    case (1, 3): self = .writes(try ClientIncarnation(from: &reader), through: try reader.readUnsigned())
    case (2, 2): self = .clients(of: try reader.readUnsigned())
    case (3, 1): self = .anybody
    case (1...3, _): throw .outOfRange(field: "the number of items", offset: start)
    case (let kind, _): throw .unknownKind("a gap of a history", kind: kind)
    }
  }
}
