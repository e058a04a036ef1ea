import Cluster
import Wire

/// Requests as bytes, encoded once; what differs between two of a kind is written over in place.
///
/// Request numbers always take two bytes and write numbers four: so each stands where it stood in the template.
struct RequestTemplates: Sendable {
  /// Of the first request; two bytes of CBOR hold it and 65,000 more.
  static let firstNumber: UInt64 = 256
  static let maximumNumbers = 65_536 - Int(firstNumber)
  /// Of the first write; four bytes of CBOR hold it and four thousand million more.
  static let firstWrite: UInt64 = 65_536

  let names: KeyNames
  private let get: [UInt8]
  private let put: [UInt8]
  /// Where the bytes of the key begin.
  private let getKey: Int
  private let putKey: Int

  // Behind the heads of array, kind, and number.
  private static let number = 3
  private static let write = number + 2 + 1

  init(names: KeyNames, valueBytes: Int, level: AcknowledgementLevel?) {
    self.names = names
    var random = SplitMix(seed: 3)
    let value = (0..<valueBytes).map { _ in UInt8(ascii: "a") + UInt8(random.next(below: 26)) }
    let key = names.template
    (get, put) = key.withUnsafeBytes { key in
      value.withUnsafeBytes { value in
        var (reading, writing) = (CBORWriter(), CBORWriter())
        DataRequest.get(number: Self.firstNumber, key: key).encode(into: &reading)
        DataRequest.put(
          number: Self.firstNumber, write: Self.firstWrite, retry: false, level: level, key: key, value: value
        ).encode(into: &writing)
        return (reading.bytes, writing.bytes)
      }
    }
    // Both end with it, the put with the value and its head behind.
    var head = CBORWriter()
    head.write(bytes: value)
    getKey = get.count - key.count
    putKey = put.count - head.count - key.count
  }

  /// Bytes of the longest request.
  var longest: Int { put.count }

  /// Writes a get of a key to the beginning of a buffer, which has at least ``longest`` bytes.
  /// - Returns: its length.
  @inline(__always)
  func writeGet(_ number: Int, key: Int, into output: UnsafeMutableRawBufferPointer) -> Int {
    get.withUnsafeBytes { output.copyMemory(from: $0) }
    patch(number, key: key, at: getKey, in: output)
    return get.count
  }

  /// Writes a put of a key in the same way.
  /// - Parameter write: its number less that of the first.
  @inline(__always)
  func writePut(_ number: Int, write: UInt32, key: Int, into output: UnsafeMutableRawBufferPointer) -> Int {
    put.withUnsafeBytes { output.copyMemory(from: $0) }
    let write = UInt32(Self.firstWrite) &+ write
    output.storeBytes(of: write.bigEndian, toByteOffset: Self.write, as: UInt32.self)
    patch(number, key: key, at: putKey, in: output)
    return put.count
  }

  @inline(__always)
  private func patch(_ number: Int, key: Int, at position: Int, in output: UnsafeMutableRawBufferPointer) {
    let number = UInt16(truncatingIfNeeded: Int(Self.firstNumber) &+ number)
    output.storeBytes(of: number.bigEndian, toByteOffset: Self.number, as: UInt16.self)
    names.write(
      key, into: UnsafeMutableRawBufferPointer(rebasing: output[position..<position + names.length]))
  }
}
