/// The key derivation function of RFC 5869 with SHA-384, in its two steps.
public enum HKDFSHA384 {
  /// Bytes of a pseudorandom key.
  public static let length = SHA384.length
  /// The most bytes that one pseudorandom key expands to (RFC 5869 §2.3).
  public static let maximumOutputLength = 255 * length

  /// RFC 5869 §2.2. An empty salt stands for 48 zero bytes. Returns 48 bytes.
  public static func extract(salt: [UInt8], inputKey: [UInt8]) -> [UInt8] {
    HMACSHA384.authenticate(key: salt, data: inputKey)
  }

  /// RFC 5869 §2.3. Returns `length` bytes.
  ///
  /// - Precondition: `length` is from 0 to 12,240. It is a constant of the protocol, never a peer's number.
  public static func expand(pseudoRandomKey: [UInt8], info: [UInt8], length: Int) -> [UInt8] {
    precondition((0...maximumOutputLength).contains(length), "HKDF cannot expand to \(length) bytes")
    var output: [UInt8] = []
    output.reserveCapacity(length)
    var block: [UInt8] = []
    var input: [UInt8] = []
    var counter: UInt8 = 0
    while output.count < length {
      counter &+= 1
      cleanse(&input)
      input = block + info + [counter]
      cleanse(&block)
      block = HMACSHA384.authenticate(key: pseudoRandomKey, data: input)
      output.append(contentsOf: block.prefix(length - output.count))
    }
    cleanse(&input)
    cleanse(&block)
    return output
  }
}
