import Wire

/// What is refused before anything is sent, in the words of a person who typed it.
enum CommandLimits {
  static func complaint(aboutKey key: [UInt8]) -> String? {
    if key.isEmpty { return "a key has at least one byte" }
    if key.count > Limits.maximumKeyLength {
      return "the key has \(key.count) bytes; a key has at most \(Limits.maximumKeyLength)"
    }
    return nil
  }

  static func complaint(aboutValueOf length: Int) -> String? {
    guard length > Limits.maximumValueLength else { return nil }
    return "the value is too long; a value has at most \(Limits.maximumValueLength) bytes"
  }
}
