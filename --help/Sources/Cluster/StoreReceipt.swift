import Cryptography
import Wire

/// What a database gives its drones to keep: how far its store had come, under a seal that the database alone can make.
/// A drone cannot read from it that a store is behind, but the database can, when the receipt is shown to it again. So a
/// drone that lies has nothing to show.
public struct StoreReceipt: Hashable, Sendable {
  public let mark: StoreMark
  /// HMAC-SHA-384 (RFC 2104) of the mark, under the store's receipt key.
  public let tag: [UInt8]

  public init(mark: StoreMark, tag: [UInt8]) {
    self.mark = mark
    self.tag = tag
  }
}

/// A store's key for its receipts, drawn when the store was created. A copy of its file has it too.
public struct ReceiptKey: Sendable {
  public static let length = 32
  private static let label = [UInt8]("keyval store receipt".utf8)
  private let key: SecretBytes

  /// - Parameter bytes: ``length`` of them; nil for any other number.
  public init?(bytes: [UInt8]) {
    guard bytes.count == Self.length else { return nil }
    var bytes = bytes
    key = SecretBytes(taking: &bytes)
  }

  /// Those of a new key, for whoever stores it.
  public static func drawnBytes() -> [UInt8] { SecureRandom.bytes(length) }

  public func receipt(of mark: StoreMark) -> StoreReceipt { StoreReceipt(mark: mark, tag: tag(of: mark)) }

  public func hasSealed(_ receipt: StoreReceipt) -> Bool {
    constantTimeEqual(tag(of: receipt.mark), receipt.tag)
  }

  private func tag(of mark: StoreMark) -> [UInt8] {
    let commit = withUnsafeBytes(of: mark.commit.bigEndian) { [UInt8]($0) }
    return HMACSHA384.authenticate(key: key, data: Self.label + mark.identity.bytes + commit)
  }
}

extension StoreReceipt: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(2)
    mark.encode(into: &writer)
    writer.write(bytes: tag)
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 2)
    self.init(
      mark: try StoreMark(from: &reader),
      tag: try reader.readByteArray(count: HMACSHA384.length, field: "a receipt's tag"))
  }
}
