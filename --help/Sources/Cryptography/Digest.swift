import COpenSSL

/// A digest algorithm, fetched once for the whole process.
struct Digest: @unchecked Sendable {
  // `@unchecked Sendable` holds because a fetched `EVP_MD` is immutable and OpenSSL lets threads share it.
  let algorithm: OpaquePointer
  let length: Int

  private init(name: String, length: Int) {
    guard let algorithm = EVP_MD_fetch(nil, name, nil) else { stopForBrokenOpenSSL("find \(name)") }
    self.algorithm = algorithm
    self.length = length
  }

  static let sha256 = Digest(name: "SHA2-256", length: 32)
  static let sha384 = Digest(name: "SHA2-384", length: 48)

  func hash(_ data: UnsafeRawBufferPointer) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: length) { output, count in
      guard EVP_Digest(data.baseAddress, data.count, output.baseAddress, nil, algorithm, nil) == 1 else {
        stopForBrokenOpenSSL("hash")
      }
      count = length
    }
  }
}

/// SHA-256 (FIPS 180-4): 32 bytes.
public enum SHA256 {
  public static let length = 32

  public static func hash(_ data: [UInt8]) -> [UInt8] { data.withUnsafeBytes(Digest.sha256.hash) }
  public static func hash(_ data: UnsafeRawBufferPointer) -> [UInt8] { Digest.sha256.hash(data) }
}

/// SHA-384 (FIPS 180-4): 48 bytes.
public enum SHA384 {
  public static let length = 48

  public static func hash(_ data: [UInt8]) -> [UInt8] { data.withUnsafeBytes(Digest.sha384.hash) }
  public static func hash(_ data: UnsafeRawBufferPointer) -> [UInt8] { Digest.sha384.hash(data) }
}
