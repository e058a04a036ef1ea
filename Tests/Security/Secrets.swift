import Foundation

/// Keys and values that no log may ever show.
enum Secrets {
  static let pairs: [(key: String, value: String)] = (0..<8).map { number in
    let tag = (0..<16).map { _ in String(UInt8.random(in: 16 ... .max), radix: 16) }.joined()
    return (key: "secret-key-\(number)-\(tag)", value: "secret-value-\(number)-\(tag)")
  }

  /// The ways in which bytes may stand in a text.
  static func spellings(of bytes: [UInt8]) -> [String] {
    let hexadecimal = bytes.map { String(UInt16($0) + 0x100, radix: 16).dropFirst() }.joined()
    return [
      hexadecimal, hexadecimal.uppercased(), Data(bytes).base64EncodedString(),
      "[" + bytes.map(String.init).joined(separator: ", ") + "]",
    ]
  }

  /// AES-256 keys (encryption type 20, 32 bytes) in a keytab.
  static func keys(inKeytab bytes: [UInt8]) -> [[UInt8]] {
    let head: [UInt8] = [0, 20, 0, 32]
    return bytes.indices.dropLast(head.count + 31).filter { bytes[$0...].starts(with: head) }
      .map { Array(bytes[($0 + 4)..<($0 + 36)]) }
  }
}
