/// What bounds the bytes of a peer, on one screen. Units are bytes unless a name says otherwise.
public enum Limits {
  /// A record: the ciphertext behind the 4-byte length, its tag included.
  public static let maximumRecordLength = 1 << 20
  /// What a record holds for messages: the record less the AEAD tag (16) and the content type (1).
  public static let maximumPlaintextLength = maximumRecordLength - 17
  public static let maximumKeyLength = 1 << 10
  /// A value is shorter than a record by its key and the room that a message around them needs.
  public static let maximumValueLength = maximumPlaintextLength - maximumKeyLength - 256
  /// A text field of a message: principals, addresses, sentences.
  public static let maximumTextLength = 4 << 10
  /// Items of one array or map.
  public static let maximumItems = 1 << 16
  /// Levels of arrays and maps within each other.
  public static let maximumDepth = 16
  /// A GSSAPI token of the handshake.
  public static let maximumTokenLength = 16 << 10
  /// Everything that one side sends before the session is established.
  public static let maximumHandshakeLength = 64 << 10
  public static let handshakeTimeoutSeconds = 5
  public static let defaultPort = 6234
}
