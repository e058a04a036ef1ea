import Wire

/// A frame of the handshake, behind its 4-byte big-endian length: a CBOR array whose first item is the kind.
package enum HandshakeFrame: Equatable, Sendable {
  /// `[1, H1, AP-REQ]`: the first flight. An empty token asks for a description only.
  case initiatorFlight(hello: [UInt8], token: [UInt8])
  /// `[2, H2, AP-REP, Finished_A]`: the second flight.
  case acceptorFlight(hello: [UInt8], token: [UInt8], finished: [UInt8])
  /// `[3, Finished_I]`: the third flight; records follow at once.
  case initiatorFinished([UInt8])
  /// `[4, description]`: the answer to a hello without a token. The acceptor closes after it.
  case description(NodeDescription)
  /// `[5, code, sentence, description]`: why there will be no session. Unauthenticated, hence a hint only.
  case refusal(Refusal)

  package static let lengthLength = 4

  /// The frame with its length prefix.
  package func encoded() -> [UInt8] {
    var writer = CBORWriter(capacity: 1024)
    switch self {
    case .initiatorFlight(let hello, let token):
      writer.beginArray(3)
      writer.write(unsigned: 1)
      writer.write(bytes: hello)
      writer.write(bytes: token)
    case .acceptorFlight(let hello, let token, let finished):
      writer.beginArray(4)
      writer.write(unsigned: 2)
      writer.write(bytes: hello)
      writer.write(bytes: token)
      writer.write(bytes: finished)
    case .initiatorFinished(let finished):
      writer.beginArray(2)
      writer.write(unsigned: 3)
      writer.write(bytes: finished)
    case .description(let description):
      writer.beginArray(2)
      writer.write(unsigned: 4)
      description.encode(into: &writer)
    case .refusal(let refusal):
      writer.beginArray(4)
      writer.write(unsigned: 5)
      writer.write(unsigned: UInt64(refusal.code.rawValue))
      writer.write(text: refusal.sentence)
      refusal.description.encode(into: &writer)
    }
    return withUnsafeBytes(of: UInt32(truncatingIfNeeded: writer.count).bigEndian) { $0 + writer.bytes }
  }

  /// Reads a frame (without its length prefix).
  /// - Throws: ``SessionError/malformedFrame(_:)``.
  package static func decode(_ bytes: [UInt8], limits: SessionLimits) throws(SessionError) -> HandshakeFrame {
    try decodeWire(bytes) { reader throws(SessionError) in
      try wire { () throws(CBORError) in
        let start = reader.offset
        let count = try reader.readArrayHeader(maximum: 4)
        let kind = try reader.readUnsigned()
        switch (kind, count) {
        case (1, 3):
          return .initiatorFlight(
            hello: try reader.readByteArray(), token: try reader.readByteArray(maximum: limits.tokenBytes))
        case (2, 4):
          return .acceptorFlight(
            hello: try reader.readByteArray(), token: try reader.readByteArray(maximum: limits.tokenBytes),
            finished: try readFinished(&reader))
        case (3, 2): return .initiatorFinished(try readFinished(&reader))
        case (4, 2): return .description(try NodeDescription(from: &reader))
        case (5, 4): return .refusal(try readRefusal(&reader, limits))
        case (1...5, _): throw .outOfRange(field: "the number of items", offset: start)
        default: throw .unknownValue(field: "kind of handshake frame", value: kind)
        }
      }
    }
  }

  private static func readFinished(_ reader: inout CBORReader) throws(CBORError) -> [UInt8] {
    try reader.readByteArray(count: KeySchedule.hashLength, field: "a Finished")
  }

  private static func readRefusal(
    _ reader: inout CBORReader, _ limits: SessionLimits
  ) throws(CBORError) -> Refusal {
    let code = try reader.readUnsigned(as: UInt8.self, field: "a refusal's code")
    return Refusal(
      code: RefusalCode(rawValue: code) ?? .other,
      sentence: try reader.readPrintableText(maximum: limits.nameBytes),
      description: try NodeDescription(from: &reader))
  }
}

/// Runs a reader over all of `bytes`, and requires it to have read them to the end.
func decodeWire<Value>(
  _ bytes: [UInt8], _ body: (inout CBORReader) throws(SessionError) -> Value
) throws(SessionError) -> Value {
  try bytes.withUnsafeBytes { buffer in
    Result { () throws(SessionError) in
      var reader = CBORReader(buffer)
      let value = try body(&reader)
      try wire { () throws(CBORError) in try reader.requireEnd() }
      return value
    }
  }.get()
}

/// Turns a decoder's error into the session's.
func wire<Value>(_ body: () throws(CBORError) -> Value) throws(SessionError) -> Value {
  do throws(CBORError) { return try body() } catch { throw .malformedFrame(error.description) }
}
