/// Why bytes are not a message of ours.
///
/// Always the fault of whoever wrote the bytes: a peer's software that does not follow the protocol, or
/// data that was altered before it was sealed. The remedy is on that side; nothing was changed here.
public enum CBORError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The item goes on behind the last byte.
  case truncated(offset: Int)
  /// Another type stood where `expected` was needed.
  case unexpectedType(expected: String, majorType: UInt8, offset: Int)
  /// Valid CBOR, but not the deterministic encoding (RFC 8949 section 4.2.1): a longer head than needed.
  case notShortest(offset: Int)
  /// Indefinite lengths, tags, floating point and undefined are outside the subset.
  case unsupported(initialByte: UInt8, offset: Int)
  /// A number is beyond what this field holds.
  case outOfRange(field: String, offset: Int)
  /// Text that is not UTF-8.
  case invalidText(offset: Int)
  /// Map keys out of order or twice.
  case unorderedKeys(offset: Int)
  /// More items, bytes or levels than the limit says.
  case limitExceeded(String, offset: Int)
  /// Bytes behind the last item that was expected.
  case trailingBytes(count: Int)
  /// A value of a field that the protocol does not have.
  case unknownValue(field: String, value: UInt64)
  /// A kind of message that the protocol does not have where this one came.
  case unknownKind(String, kind: UInt64)

  public var description: String {
    switch self {
    case .truncated(let offset):
      "the peer's message ends in the middle of an item (byte \(offset))"
    case .unexpectedType(let expected, let majorType, let offset):
      "the peer's message has CBOR major type \(majorType) where \(expected) belongs (byte \(offset))"
    case .notShortest(let offset):
      "the peer's message is not in deterministic encoding: a head longer than needed (byte \(offset))"
    case .unsupported(let initialByte, let offset):
      "the peer's message uses CBOR outside the protocol's subset (initial byte \(initialByte), byte \(offset))"
    case .outOfRange(let field, let offset):
      "the peer's message has a number out of range for \(field) (byte \(offset))"
    case .invalidText(let offset):
      "the peer's message has text that is not UTF-8 (byte \(offset))"
    case .unorderedKeys(let offset):
      "the peer's message has map keys out of order or twice (byte \(offset))"
    case .limitExceeded(let what, let offset):
      "the peer's message exceeds the limit on \(what) (byte \(offset))"
    case .trailingBytes(let count):
      "the peer's message has \(count) bytes behind its end"
    case .unknownValue(let field, let value):
      "the peer's message has the unknown \(field) \(value); is one side a newer version?"
    case .unknownKind(let what, let kind):
      "the peer's message is \(what) of the unknown kind \(kind); is one side a newer version?"
    }
  }
}
