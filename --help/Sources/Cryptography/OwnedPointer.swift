import COpenSSL

/// An OpenSSL object that is freed with its last Swift owner.
///
/// `@unchecked Sendable` holds because only keys and certificates that nobody changes any more are kept in
/// one: OpenSSL lets threads read such an object at the same time (it locks the caches inside), and the
/// count of this class is atomic.
final class OwnedPointer: @unchecked Sendable {
  let pointer: OpaquePointer
  private let free: @convention(c) (OpaquePointer?) -> Void

  /// Takes ownership of what an OpenSSL constructor returned.
  init(
    _ pointer: OpaquePointer?, free: @escaping @convention(c) (OpaquePointer?) -> Void,
    _ operation: String
  ) throws(CryptographyError) {
    self.pointer = try require(pointer, operation)
    self.free = free
  }

  deinit { free(pointer) }
}

/// Keeps an object until a `defer` runs this. Taking its pointer is its last use as far as Swift can see, and
/// an object may be freed right after its last use, while OpenSSL still works with the pointer.
func keepAlive(_ object: OwnedPointer?) { withExtendedLifetime(object) {} }

/// Runs an OpenSSL encoder (`i2d_…`): it is asked for the length first, then writes into an array.
func encodeDER(
  _ operation: String, _ encode: (UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>?) -> Int32
) throws(CryptographyError) -> [UInt8] {
  let length = Int(encode(nil))
  guard length > 0 else { throw openSSLFailure(operation) }
  var written: Int32 = 0
  let der = [UInt8](unsafeUninitializedCapacity: length) { output, count in
    var cursor = output.baseAddress
    written = encode(&cursor)
    count = max(0, min(length, Int(written)))
  }
  guard der.count == length, Int(written) == length else { throw openSSLFailure(operation) }
  return der
}

/// Runs an OpenSSL decoder (`d2i_…`) and returns what it made only if it used up every byte.
func decodeDER(
  _ der: [UInt8], free: @escaping @convention(c) (OpaquePointer?) -> Void,
  _ decode: (UnsafeMutablePointer<UnsafePointer<UInt8>?>, Int) -> OpaquePointer?
) -> OwnedPointer? {
  der.withUnsafeBufferPointer { bytes -> OwnedPointer? in
    var cursor = bytes.baseAddress
    let object = decode(&cursor, bytes.count)
    defer { ERR_clear_error() }
    guard let owned = try? OwnedPointer(object, free: free, "decode") else { return nil }
    guard let start = bytes.baseAddress, let cursor, cursor - start == bytes.count else { return nil }
    return owned
  }
}

/// Lets `write` print an object that was read or made before to a buffer in memory, and returns the text:
/// only exhausted memory makes that fail. OpenSSL wipes its buffer afterwards.
func writePEM(_ operation: String, _ write: (OpaquePointer) -> Int32) -> String {
  String(decoding: writePEMBytes(operation, write), as: UTF8.self)
}

/// The same as bytes, which can be zeroed. The buffer is, when it is freed.
func writePEMBytes(_ operation: String, _ write: (OpaquePointer) -> Int32) -> [UInt8] {
  guard let buffer = BIO_new(BIO_s_mem()) else { stopForBrokenOpenSSL("allocate a buffer") }
  defer { BIO_free(buffer) }
  var data: UnsafeMutablePointer<CChar>?
  guard write(buffer) == 1, case let length = keyval_bio_memory(buffer, &data), length > 0, let data
  else { stopForBrokenOpenSSL(operation) }
  return [UInt8](UnsafeRawBufferPointer(start: data, count: length))
}

/// Lets `read` parse a text in place, and takes ownership of what it returns. `nil` if it is not of the kind.
func readPEM(
  _ text: String, free: @escaping @convention(c) (OpaquePointer?) -> Void,
  _ read: (OpaquePointer) -> OpaquePointer?
) -> OwnedPointer? {
  var text = text
  defer { ERR_clear_error() }
  return text.withUTF8 { bytes -> OwnedPointer? in
    guard bytes.count <= maximumCertificateLength, let count = Int32(exactly: bytes.count),
      let buffer = BIO_new_mem_buf(bytes.baseAddress, count)
    else { return nil }
    defer { BIO_free(buffer) }
    return try? OwnedPointer(read(buffer), free: free, "read PEM")
  }
}

/// The longest encoding of a certificate, request or key that is looked at, in bytes; real ones have 1 KiB.
let maximumCertificateLength = 16 << 10
