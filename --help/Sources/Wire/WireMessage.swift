/// Something that travels: it writes itself as one CBOR item and reads itself back.
public protocol WireMessage: Sendable {
  func encode(into writer: inout CBORWriter)
  /// Throws when the next item is not what `encode` writes.
  init(from reader: inout CBORReader) throws(CBORError)
}

extension WireMessage {
  /// The message alone, in bytes of its own.
  public func encoded() -> [UInt8] {
    var writer = CBORWriter()
    encode(into: &writer)
    return writer.take()
  }

  /// Reads a message that must fill the bytes to the end.
  public static func decode(_ bytes: UnsafeRawBufferPointer) throws(CBORError) -> Self {
    var reader = CBORReader(bytes)
    let message = try Self(from: &reader)
    try reader.requireEnd()
    return message
  }

  public static func decode(_ bytes: [UInt8]) throws(CBORError) -> Self {
    // withUnsafeBytes does not carry a typed error through every overload, so the result does.
    try bytes.withUnsafeBytes { buffer -> Result<Self, CBORError> in
      do throws(CBORError) {
        return .success(try decode(buffer))
      } catch {
        return .failure(error)
      }
    }.get()
  }
}

extension CBORWriter {
  @inlinable
  public mutating func write<Message: WireMessage>(_ messages: [Message]) {
    beginArray(messages.count)
    for message in messages { message.encode(into: &self) }
  }

  @inlinable
  public mutating func write<Message: WireMessage>(optional message: Message?) {
    if let message { message.encode(into: &self) } else { writeNull() }
  }

  public mutating func write(optional value: Bool?) {
    if let value { write(bool: value) } else { writeNull() }
  }
}

extension CBORReader {
  @inlinable
  public mutating func readMessages<Message: WireMessage>(
    _ type: Message.Type, maximum: Int = Limits.maximumItems
  ) throws(CBORError) -> [Message] {
    let count = try readArrayHeader(maximum: maximum)
    var messages: [Message] = []
    for _ in 0..<count { messages.append(try Message(from: &self)) }
    return messages
  }

  @inlinable
  public mutating func readOptional<Message: WireMessage>(
    _ type: Message.Type
  ) throws(CBORError) -> Message? {
    try readNull() ? nil : try Message(from: &self)
  }

  public mutating func readOptionalBool() throws(CBORError) -> Bool? { try readNull() ? nil : try readBool() }
}
