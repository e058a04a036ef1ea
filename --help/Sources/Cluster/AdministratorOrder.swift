import Wire

/// What an operator tells the commander to do.
public enum AdministratorOrder: UInt64, Sendable, CaseIterable {
  /// Have a drone emptied.
  case drain = 1
  /// Give it work again.
  case resume = 2
  /// Serve from the database what waits for copies that are lost. The name is empty.
  case acceptLoss = 3
}

/// What the commander answers.
public struct AdministratorReply: Hashable, Sendable {
  /// Otherwise nothing was changed.
  public let isAccepted: Bool
  /// For the operator.
  public let sentence: String

  public init(isAccepted: Bool, sentence: String) {
    self.isAccepted = isAccepted
    self.sentence = sentence
  }
}

extension AdministratorOrder: WireMessage {
  public func encode(into writer: inout CBORWriter) { writer.write(unsigned: rawValue) }

  public init(from reader: inout CBORReader) throws(CBORError) {
    let raw = try reader.readUnsigned()
    guard let order = AdministratorOrder(rawValue: raw) else {
      throw .unknownValue(field: "order", value: raw)
    }
    self = order
  }
}
