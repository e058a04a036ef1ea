/// What stands in clear in an initiator's token (RFC 4121 section 4.1): GSSAPI tells nothing of it.
public enum InitiatorToken {
  /// The encryption type of the key that the KDC has encrypted the ticket with (RFC 4120 section 5.3, `enc-part`).
  ///
  /// Nobody has proved it before the ticket was decrypted.
  /// - Returns: nil for what is no token with an AP-REQ in DER.
  public static func ticketEncryptionType(in token: [UInt8]) -> Int32? {
    var outer = DERReader(token[...])
    guard var rest = outer.read(tag: 0x60) else { return nil }
    // The mechanism, and TOK_ID 01 00: an AP-REQ follows.
    guard rest.read(tag: 0x06) != nil, rest.skip([1, 0]) else { return nil }
    guard var request = rest.read(tag: 0x6e)?.reading(tag: 0x30),
      var ticket = request.readField(3)?.reading(tag: 0x61)?.reading(tag: 0x30),
      var encrypted = ticket.readField(3)?.reading(tag: 0x30), var type = encrypted.readField(0)
    else { return nil }
    return type.readInteger()
  }
}

/// Goes through DER (X.690) of which little is wanted; the library has no such thing for others. Only lengths below 2^31,
/// and only tags of one byte.
private struct DERReader {
  private var bytes: ArraySlice<UInt8>

  init(_ bytes: ArraySlice<UInt8>) { self.bytes = bytes }

  /// The contents of the next element, if it has this tag.
  mutating func read(tag: UInt8) -> DERReader? {
    guard bytes.first == tag, let contents = readElement() else { return nil }
    return DERReader(contents)
  }

  /// The contents of the first element, if it has this tag.
  consuming func reading(tag: UInt8) -> DERReader? {
    var reader = self
    return reader.read(tag: tag)
  }

  /// The contents of a field of a SEQUENCE by its context-specific number; the fields before it are passed over.
  mutating func readField(_ number: UInt8) -> DERReader? {
    while let tag = bytes.first, tag < 0xa0 + number { guard readElement() != nil else { return nil } }
    return read(tag: 0xa0 + number)
  }

  mutating func skip(_ expected: [UInt8]) -> Bool {
    guard bytes.starts(with: expected) else { return false }
    bytes = bytes.dropFirst(expected.count)
    return true
  }

  /// Of at most four bytes.
  mutating func readInteger() -> Int32? {
    guard bytes.first == 0x02, let contents = readElement(), let first = contents.first, contents.count <= 4
    else { return nil }
    return contents.dropFirst().reduce(Int32(Int8(bitPattern: first))) { $0 << 8 | Int32($1) }
  }

  private mutating func readElement() -> ArraySlice<UInt8>? {
    guard bytes.count >= 2 else { return nil }
    var rest = bytes.dropFirst()
    guard let first = rest.popFirst() else { return nil }
    var length = Int(first)
    if first >= 0x80 {
      let count = Int(first & 0x7f)
      guard (1...4).contains(count), rest.count >= count else { return nil }
      length = rest.prefix(count).reduce(0) { $0 << 8 | Int($1) }
      rest = rest.dropFirst(count)
    }
    guard rest.count >= length else { return nil }
    let contents = rest.prefix(length)
    bytes = rest.dropFirst(length)
    return contents
  }
}
