import Cryptography
import Wire

/// H2: the acceptor's answer to a hello that it takes.
package struct AcceptorHello: Equatable, Sendable {
  var suite: CipherSuite
  var random: [UInt8]
  var publicKey: [UInt8]
  /// The service principal that answers: the one that was dialled.
  var service: String
  /// The cluster, the realm and what else the node says of itself. Authenticated here, by T.
  var description: NodeDescription

  package func encoded() -> [UInt8] {
    var writer = CBORWriter(capacity: 512)
    writer.beginArray(6)
    writer.write(unsigned: InitiatorHello.version)
    writer.write(unsigned: UInt64(suite.rawValue))
    writer.write(bytes: random)
    writer.write(bytes: publicKey)
    writer.write(text: service)
    description.encode(into: &writer)
    return writer.bytes
  }

  package static func decode(_ bytes: [UInt8], limits: SessionLimits) throws(SessionError) -> AcceptorHello {
    try decodeWire(bytes) { reader throws(SessionError) in
      let (version, number) = try wire { () throws(CBORError) in
        try reader.readArrayHeader(exactly: 6)
        return (try reader.readUnsigned(), try reader.readUnsigned(as: UInt16.self, field: "a cipher suite"))
      }
      guard version == InitiatorHello.version else { throw .unsupportedVersion(version) }
      guard let suite = CipherSuite(rawValue: number) else {
        throw .malformedFrame("the peer chose cipher suite \(number), which was not offered")
      }
      return try wire { () throws(CBORError) in
        AcceptorHello(
          suite: suite,
          random: try reader.readByteArray(
            count: InitiatorHello.randomLength, field: "the hello's random bytes"),
          publicKey: try reader.readByteArray(
            count: InitiatorHello.publicKeyLength, field: "the hello's public key"),
          service: try reader.readPrintableText(maximum: limits.nameBytes),
          description: try NodeDescription(from: &reader))
      }
    }
  }
}
