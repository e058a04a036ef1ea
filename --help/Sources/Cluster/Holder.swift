import Wire

/// A drone in one life of it: who may hold a partition, or a copy of one. A restarted process is another holder,
/// and holds nothing.
public struct Holder: Hashable, Comparable, Sendable, CustomStringConvertible {
  public let principal: Principal
  public let incarnation: Incarnation

  public init(principal: Principal, incarnation: Incarnation) {
    self.principal = principal
    self.incarnation = incarnation
  }

  // Lives are told apart faster than names.
  public static func == (left: Holder, right: Holder) -> Bool {
    left.incarnation == right.incarnation && left.principal == right.principal
  }

  public var description: String { "\(principal.shortName) (life \(incarnation))" }

  public static func < (left: Holder, right: Holder) -> Bool {
    (left.principal, left.incarnation.number) < (right.principal, right.incarnation.number)
  }
}

extension Holder: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(2)
    principal.encode(into: &writer)
    incarnation.encode(into: &writer)
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 2)
    self.init(principal: try Principal(from: &reader), incarnation: try Incarnation(from: &reader))
  }
}
