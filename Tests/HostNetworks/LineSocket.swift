import Foundation
import Glibc

/// Values as lines of JSON on a descriptor, both ways. Reading blocks.
public final class LineSocket {
  private let descriptor: Int32
  private var buffer = Data()

  public init(descriptor: Int32) { self.descriptor = descriptor }

  /// Nil at the end.
  public func read<Value: Decodable>(_: Value.Type) throws -> Value? {
    while true {
      if let end = buffer.firstIndex(of: 10) {
        let line = buffer[..<end]
        buffer = Data(buffer[(end + 1)...])
        return try JSONDecoder().decode(Value.self, from: line)
      }
      var chunk = [UInt8](repeating: 0, count: 1 << 16)
      let count = Glibc.read(descriptor, &chunk, chunk.count)
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { return nil }
      buffer += chunk[..<count]
    }
  }

  public func write(_ value: some Encodable) throws {
    let bytes = [UInt8](try JSONEncoder().encode(value)) + [10]
    var written = 0
    while written < bytes.count {
      let count = bytes.withUnsafeBytes {
        send(descriptor, $0.baseAddress! + written, bytes.count - written, Int32(MSG_NOSIGNAL))
      }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw CocoaError(.fileWriteUnknown) }
      written += count
    }
  }
}
