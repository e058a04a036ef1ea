/// The rule by which the KDC takes a certificate for an office: its subject ends with a secret of this office.
///
/// The KDC's rules (`pkinit_cert_match`) look at names and never at a key, and whoever has the election CA's key writes
/// any name for any key. So the name has to have something in it that only the KDC, the authority and the winner know.
enum OfficeRule {
  private static let start = "<SUBJECT>,serialNumber="
  private static let secretLength = 32
  private static let digits = Array("0123456789abcdef".utf8)

  /// A rule with a new secret.
  static func draw() -> String {
    var generator = SystemRandomNumberGenerator()
    let secret = (0..<2 * secretLength).map { _ in digits[Int(generator.next(upperBound: UInt64(16)))] }
    return "\(start)\(String(decoding: secret, as: UTF8.self))$"
  }

  /// The secret of a rule of this kind; nil for any other.
  static func secret(of rule: String) -> [UInt8]? {
    guard rule.hasPrefix(start), rule.hasSuffix("$") else { return nil }
    let digits = Array(rule.utf8.dropFirst(start.utf8.count).dropLast())
    guard digits.count == 2 * secretLength, digits.allSatisfy(Self.digits.contains) else { return nil }
    var secret: [UInt8] = []
    for index in stride(from: 0, to: digits.count, by: 2) {
      let pair = String(decoding: digits[index...index + 1], as: UTF8.self)
      guard let byte = UInt8(pair, radix: 16) else { return nil }
      secret.append(byte)
    }
    return secret
  }
}
