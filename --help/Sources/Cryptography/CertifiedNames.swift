/// The names that certificates carry, and which of them are allowed.
///
/// A name that needs quoting somewhere (in a template, a principal's text, a log) is refused, both when a
/// certificate is issued and when one is read.
enum CertifiedNames {
  static let dronePrefix = "keyval-drone/"
  static let officeComponent = "keyval-commander"
  private static let maximumLength = DistinguishedName.maximumLength

  /// - Throws: `invalidValue` unless it is letters, digits and `. _ - +`, at most 255 bytes.
  static func checkRealm(_ realm: String) throws(CryptographyError) {
    guard isName(realm[...], also: []) else {
      throw .invalidValue("a realm in a certificate is made of letters, digits and . _ - +")
    }
  }

  /// The realm of a drone's principal; `nil` unless the text is exactly `keyval-drone/NODE@REALM`.
  static func realm(ofDrone principal: String) -> String? {
    guard principal.utf8.count <= maximumLength, principal.hasPrefix(dronePrefix) else { return nil }
    let halves = principal.dropFirst(dronePrefix.count).split(
      separator: "@", omittingEmptySubsequences: false)
    guard halves.count == 2, isName(halves[0], also: [UInt8(ascii: "$")]), isName(halves[1], also: [])
    else { return nil }
    return String(halves[1])
  }

  /// The office of a term, as a principal.
  static func office(term: UInt64, realm: String) -> String { "\(officeComponent)/\(term)@\(realm)" }

  private static func isName(_ text: Substring, also others: [UInt8]) -> Bool {
    (1...maximumLength).contains(text.utf8.count)
      && text.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"),
          UInt8(ascii: "-"), UInt8(ascii: "+"):
          true
        default: others.contains(byte)
        }
      }
  }
}
