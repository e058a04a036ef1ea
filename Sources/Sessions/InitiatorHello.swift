import Cryptography
import Wire

/// H1: what the initiator says first.
package struct InitiatorHello: Equatable, Sendable {
  static let version: UInt64 = 1
  static let randomLength = 32
  static let publicKeyLength = 32

  /// In the order of the initiator's preference. Numbers that this version does not know are left out.
  var suites: [CipherSuite]
  var random: [UInt8]
  var publicKey: [UInt8]
  /// Empty in a bare hello of somebody who does not know the cluster yet.
  var cluster: String
  /// The service principal that is dialled, with its realm; empty in a bare hello.
  var service: String

  package func encoded() -> [UInt8] {
    var writer = CBORWriter(capacity: 256)
    writer.beginArray(6)
    writer.write(unsigned: Self.version)
    writer.beginArray(suites.count)
    for suite in suites { writer.write(unsigned: UInt64(suite.rawValue)) }
    writer.write(bytes: random)
    writer.write(bytes: publicKey)
    writer.write(text: cluster)
    writer.write(text: service)
    return writer.bytes
  }

  /// - Throws: ``SessionError/unsupportedVersion(_:)`` before anything else of the hello is looked at, since
  ///   another version may have another shape; else ``SessionError/malformedFrame(_:)``.
  package static func decode(_ bytes: [UInt8], limits: SessionLimits) throws(SessionError) -> InitiatorHello {
    try decodeWire(bytes) { reader throws(SessionError) in
      let (count, version) = try wire { () throws(CBORError) in
        (try reader.readArrayHeader(maximum: 64), try reader.readUnsigned())
      }
      guard version == Self.version else { throw .unsupportedVersion(version) }
      guard count == 6 else { throw .malformedFrame("the hello has \(count) items instead of 6") }
      return try wire { () throws(CBORError) in
        InitiatorHello(
          suites: try readSuites(&reader, limits),
          random: try reader.readByteArray(count: randomLength, field: "the hello's random bytes"),
          publicKey: try reader.readByteArray(count: publicKeyLength, field: "the hello's public key"),
          cluster: try reader.readPrintableText(maximum: limits.nameBytes),
          service: try reader.readPrintableText(maximum: limits.nameBytes))
      }
    }
  }

  private static func readSuites(
    _ reader: inout CBORReader, _ limits: SessionLimits
  ) throws(CBORError) -> [CipherSuite] {
    var suites: [CipherSuite] = []
    for _ in 0..<(try reader.readArrayHeader(maximum: limits.offeredSuites)) {
      let number = try reader.readUnsigned(as: UInt16.self, field: "a cipher suite")
      if let suite = CipherSuite(rawValue: number), !suites.contains(suite) { suites.append(suite) }
    }
    return suites
  }
}
