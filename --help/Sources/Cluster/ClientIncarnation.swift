import Cryptography
import Wire

/// One life of a client. With a number that the client counts up it names a write for ever.
///
/// A client announces 128 random bits. Whoever learns them could use up its numbers, so a drone knows it by these bits
/// *and* its principal (``bound(to:)``): that is what logs, histories and the database have.
public struct ClientIncarnation: Hashable, Sendable {
  public let high: UInt64
  public let low: UInt64
  public init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// As it is known behind the session in which this principal announced it: the first half tells the principal, the
  /// second the life, both by SHA-256. Lives of one principal alone can ever meet.
  public func bound(to principal: String) -> ClientIncarnation {
    let name = Array(principal.utf8)
    var bits = CBORWriter()
    encode(into: &bits)
    let life = Self.leading(of: bits.bytes + name)
    return ClientIncarnation(high: Self.leading(of: name), low: life == Self.others ? 1 : life)
  }

  private static func leading(of bytes: [UInt8]) -> UInt64 {
    SHA256.hash(bytes).prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// Tells the principal of a bound one.
  public var principalMark: UInt64 { high }

  private static let others: UInt64 = 0

  /// All lives of a principal that are not told of one by one, in a store's rows.
  public static func others(of principalMark: UInt64) -> ClientIncarnation {
    ClientIncarnation(high: principalMark, low: others)
  }

  public var isOthers: Bool { low == Self.others }

  /// All principals that are not told of one by one.
  public static let everybody = ClientIncarnation(high: 0, low: others)
}

extension ClientIncarnation: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.write(atMost: 3 * CBORWriter.longestHead) { encode(into: &$0) }
  }

  /// Into room for three heads.
  @inline(__always)
  func encode(into writer: inout CBORCursor) {
    writer.beginArray(2)
    writer.write(unsigned: high)
    writer.write(unsigned: low)
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 2)
    self.init(high: try reader.readUnsigned(), low: try reader.readUnsigned())
  }
}
