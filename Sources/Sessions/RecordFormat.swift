import Wire

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
  /// The peer is who it says, and has no business here (any more).
  case notAuthorized = 5
  /// What the peer sent cannot be read, or does not belong there: its software does not follow the protocol.
  case protocolError = 6
  /// The peer sent a kind of message that this side does not know; one of the two may be a newer version.
  case unknownMessage = 7
  /// The node has too many sessions: of this principal, from this address, or in all.
  case tooManySessions = 8
  /// The peer did not end a record that it had begun.
  case tooSlow = 9
  /// An operator has ended it.
  case ended = 10

  /// After an error in the handling of a peer's messages: what cannot be read is the peer's fault, and whatever else
  /// there may be is not.
  public init(after error: any Error) {
    switch error {
    case CBORError.unknownKind: self = .unknownMessage
    case is CBORError: self = .protocolError
    default: self = .finished
    }
  }
}

extension SessionCloseReason: CustomStringConvertible {
  public var description: String {
    switch self {
    case .finished: "it has finished"
    case .ticketExpired: "the ticket has expired"
    case .idle: "it was idle for too long"
    case .replaced: "another session takes its place"
    case .shuttingDown: "the other side is about to end"
    case .notAuthorized: "not authorised"
    case .protocolError: "what this side sent cannot be read there"
    case .unknownMessage:
      "this side sent a kind of message that is not known there; is one of the two a newer version?"
    case .tooManySessions: "the node has too many sessions, of this principal, from this address or in all"
    case .tooSlow: "a record that was begun did not come whole in time"
    case .ended: "an operator has ended it"
    }
  }
}
