/// The key derivation function of RFC 5869 with SHA-384, in its two steps.
///
/// What is derived stands in memory of its own only, as all that it is derived by. The variants that take and give
/// arrays are for what is no secret and for tests.
public enum HKDFSHA384 {
  /// Bytes of a pseudorandom key.
  public static let length = SHA384.length
  /// The most bytes that one pseudorandom key expands to (RFC 5869 §2.3).
  public static let maximumOutputLength = 255 * length

  /// RFC 5869 §2.2. An empty salt stands for 48 zero bytes. Returns 48 bytes.
  public static func extract(salt: SecretBytes, inputKey: SecretBytes) -> SecretBytes {
    SecretBytes(count: length) { output in
      salt.withUnsafeBytes { salt in
        inputKey.withUnsafeBytes { HMACSHA384.authenticate(key: salt, data: [$0], into: output) }
      }
    }
  }

  public static func extract(salt: [UInt8], inputKey: [UInt8]) -> [UInt8] {
    HMACSHA384.authenticate(key: salt, data: inputKey)
  }

  /// RFC 5869 §2.3. Returns `length` bytes.
  ///
  /// - Precondition: `length` is from 0 to 12,240. It is a constant of the protocol, never a peer's number.
  public static func expand(pseudoRandomKey: SecretBytes, info: [UInt8], length: Int) -> SecretBytes {
    precondition((0...maximumOutputLength).contains(length), "HKDF cannot expand to \(length) bytes")
    return SecretBytes(count: length) { output in
      var block = SecretBytes(count: 0) { _ in }
      var rest = output[...]
      var counter: UInt8 = 0
      while !rest.isEmpty {
        counter &+= 1
        block = next(after: block, pseudoRandomKey, info, counter)
        let count = min(Self.length, rest.count)
        block.withUnsafeBytes { block in
          UnsafeMutableRawBufferPointer(rebasing: rest).copyMemory(
            from: UnsafeRawBufferPointer(rebasing: block[..<count]))
        }
        rest = rest.dropFirst(count)
      }
    }
  }

  public static func expand(pseudoRandomKey: [UInt8], info: [UInt8], length: Int) -> [UInt8] {
    let output = expand(pseudoRandomKey: SecretBytes(copying: pseudoRandomKey), info: info, length: length)
    return output.withUnsafeBytes { [UInt8]($0) }
  }

  /// T(n) = HMAC(PRK, T(n-1) ‖ info ‖ n).
  private static func next(
    after block: SecretBytes, _ key: SecretBytes, _ info: [UInt8], _ counter: UInt8
  ) -> SecretBytes {
    let tail = info + [counter]
    return SecretBytes(count: length) { output in
      key.withUnsafeBytes { key in
        block.withUnsafeBytes { block in
          tail.withUnsafeBytes { HMACSHA384.authenticate(key: key, data: [block, $0], into: output) }
        }
      }
    }
  }
}
