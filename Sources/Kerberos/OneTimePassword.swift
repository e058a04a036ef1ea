/// Passwords for a machine's first minutes: 128 random bits that a person can copy.
public enum OneTimePassword {
  /// 26 characters of RFC 4648's base 32 alphabet in groups of five, from the system's random source.
  public static func generate() -> String {
    let alphabet = Array("abcdefghijklmnopqrstuvwxyz234567")
    var generator = SystemRandomNumberGenerator()
    var text = ""
    for position in 0..<26 {
      if position > 0, position % 5 == 0 { text.append("-") }
      text.append(alphabet[Int(generator.next() & 31)])
    }
    return text
  }
}
