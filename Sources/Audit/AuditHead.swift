/// A line of an audit log as the next one names it: its sequence number, and the SHA-256 of its bytes without the
/// newline. Whoever keeps the last one knows later whether the log still has that line, and what led to it.
public struct AuditHead: Hashable, Sendable, CustomStringConvertible {
  static let hashLength = 32

  public let sequence: UInt64
  public let hash: [UInt8]

  init(sequence: UInt64, hash: [UInt8]) {
    self.sequence = sequence
    self.hash = hash
  }

  /// What the first line of all follows.
  public static let none = AuditHead(sequence: 0, hash: [UInt8](repeating: 0, count: hashLength))

  /// Of `SEQUENCE:HASH`, as `description` writes it; nil for any other text.
  public init?(_ text: String) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2, let sequence = UInt64(parts[0]), "\(sequence)" == parts[0],
      let hash = Hexadecimal.bytes(parts[1].utf8), hash.count == Self.hashLength
    else { return nil }
    self.init(sequence: sequence, hash: hash)
  }

  public var description: String { "\(sequence):\(Hexadecimal.text(hash))" }
}

enum Hexadecimal {
  static func text(_ bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(
      decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }

  /// Nil unless it is an even number of lower-case digits.
  static func bytes(_ text: some Collection<UInt8>) -> [UInt8]? {
    guard text.count.isMultiple(of: 2) else { return nil }
    var bytes: [UInt8] = []
    var high: UInt8?
    for character in text {
      let digit: UInt8
      switch character {
      case 0x30...0x39: digit = character - 0x30
      case 0x61...0x66: digit = character - 0x61 + 10
      default: return nil
      }
      if let first = high {
        bytes.append(first << 4 | digit)
        high = nil
      } else {
        high = digit
      }
    }
    return bytes
  }
}
