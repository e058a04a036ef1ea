/// The keys of a load: `key:` and the number in decimal digits, with zeros before it up to the length of a key.
public struct KeyNames: Sendable, Equatable {
  /// Bytes of each key.
  public let length: Int
  public let count: Int
  private static let prefix = Array("key:".utf8)
  /// Digits that differ between keys: more numbers nobody loads.
  public static let digits = 12

  /// - Throws: ``LoadError/badSize(_:)`` when keys of this length cannot all be different.
  public init(length: Int, count: Int) throws(LoadError) {
    let least = String(max(0, count - 1)).utf8.count
    guard (1...1_000_000_000).contains(count) else {
      throw .badSize("there must be from 1 to 1,000,000,000 keys")
    }
    guard length >= least, length <= 1_024 else {
      throw .badSize("a key has from \(least) bytes, for \(count) different ones, to 1024")
    }
    self.length = length
    self.count = count
  }

  /// A key whose digits are all 0.
  public var template: [UInt8] {
    var key = [UInt8](repeating: UInt8(ascii: "0"), count: length)
    // Of a short key the digits need all bytes.
    if length >= Self.prefix.count + Self.digits {
      key.replaceSubrange(..<Self.prefix.count, with: Self.prefix)
    }
    return key
  }

  public func key(_ number: Int) -> [UInt8] {
    var key = template
    key.withUnsafeMutableBytes { write(number, into: $0) }
    return key
  }

  /// Writes the digits of a number over those of a template. `key` has exactly the length of a key.
  public func write(_ number: Int, into key: UnsafeMutableRawBufferPointer) {
    var (rest, position) = (UInt64(number), key.count)
    let first = max(0, key.count - Self.digits)
    while position > first {
      position -= 1
      let next = rest / 10
      key[position] = UInt8(truncatingIfNeeded: rest &- next &* 10) &+ UInt8(ascii: "0")
      rest = next
    }
  }
}
