/// The layout of a record: `length(4, big-endian) ‖ AEAD(type(1) ‖ content) ‖ tag(16)`.
///
/// The length counts type, content and tag, and is the associated data. The nonce is the static IV of the
/// direction XOR the record's number under its key (RFC 8446 §5.3).
public enum RecordFormat {
  public static let lengthLength = 4
  public static let typeLength = 1
  public static let tagLength = 16
  /// Bytes before the content when a record is built in place.
  public static let headerLength = lengthLength + typeLength
  /// A record without content: what a key update takes.
  public static let emptyRecordLength = headerLength + tagLength
  /// Bytes to keep free behind the content: its tag, and a key update that may follow it.
  public static let tailLength = tagLength + emptyRecordLength
}

/// What a record carries: the first byte of its plaintext.
public enum RecordType: UInt8, Sendable {
  /// A CBOR sequence of messages for the layer above.
  case messages = 1
  /// The sender's next record is under its next key. No content.
  case keyUpdate = 2
  /// The sender has closed the session in order. Content: a ``SessionCloseReason`` byte.
  case close = 3
  /// The session will end soon. Content: seconds since 1970, 8 bytes big-endian.
  case expiryNotice = 4
}

/// Why a session was closed in order, as told to the peer.
public enum SessionCloseReason: UInt8, Sendable {
  case finished = 0
  case ticketExpired = 1
  case idle = 2
  case replaced = 3
  case shuttingDown = 4
  case notAuthorized = 5
}
