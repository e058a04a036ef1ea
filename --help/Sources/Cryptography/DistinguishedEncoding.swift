/// A writer of the little DER (X.690) that an election certificate's extensions are made of.
///
/// Extensions are verified by writing what must stand there and comparing: no reader, no leniency.
enum DistinguishedEncoding {
  /// The names of PKINIT (RFC 4556) and the extensions of RFC 5280, as encoded object identifiers.
  enum Identifier {
    /// id-pkinit-san, 1.3.6.1.5.2.2
    static let pkinitName: [UInt8] = [0x06, 0x06, 0x2b, 0x06, 0x01, 0x05, 0x02, 0x02]
    /// id-pkinit-KPClientAuth, 1.3.6.1.5.2.3.4
    static let pkinitClient: [UInt8] = [0x06, 0x07, 0x2b, 0x06, 0x01, 0x05, 0x02, 0x03, 0x04]
  }

  static let sequenceTag: UInt8 = 0x30
  static let integerTag: UInt8 = 0x02
  static let generalStringTag: UInt8 = 0x1b

  /// One value: tag, length in the shortest form, contents. Longer than 65,535 bytes is not needed here.
  static func value(_ tag: UInt8, _ contents: [UInt8]) -> [UInt8] {
    precondition(contents.count <= 0xffff, "an extension's value is short")
    let length: [UInt8] =
      switch contents.count {
      case 0..<0x80: [UInt8(contents.count)]
      case 0x80...0xff: [0x81, UInt8(contents.count)]
      default: [0x82, UInt8(contents.count >> 8), UInt8(contents.count & 0xff)]
      }
    return [tag] + length + contents
  }

  static func sequence(_ parts: [UInt8]...) -> [UInt8] { value(sequenceTag, Array(parts.joined())) }

  /// A context-specific tag around a whole value (EXPLICIT).
  static func explicit(_ number: UInt8, _ contents: [UInt8]) -> [UInt8] { value(0xa0 | number, contents) }

  static func generalString(_ text: String) -> [UInt8] { value(generalStringTag, Array(text.utf8)) }

  /// GeneralNames with one otherName, the KRB5PrincipalName of RFC 4556 §3.2.2 with name type 1.
  static func principalName(realm: String, components: [String]) -> [UInt8] {
    let name = sequence(
      explicit(0, value(integerTag, [1])),
      explicit(1, value(sequenceTag, Array(components.map(generalString).joined()))))
    let principal = sequence(explicit(0, generalString(realm)), explicit(1, name))
    return sequence(explicit(0, Identifier.pkinitName + explicit(0, principal)))
  }
}
