import Glibc
import Synchronization
import Testing

/// Stands between clients and a KDC, by UDP, and takes its time with some requests.
final class SlowRelay: Sendable {
  let port: UInt16
  private let front: Int32

  /// - Parameters:
  ///   - bytes: called with everything that goes by, either way.
  ///   - wait: called with each request's size before it goes on to the KDC.
  init(
    to kdc: UInt16, bytes: @escaping @Sendable ([UInt8]) -> Void = { _ in },
    wait: @escaping @Sendable (Int) -> Void
  ) throws {
    let front = socket(AF_INET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    let back = socket(AF_INET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = Self.loopback(0)
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = Self.with(&address) { bind(front, $0, $1) == 0 && getsockname(front, $0, &length) == 0 }
    var target = Self.loopback(kdc)
    try #require(isBound && Self.with(&target) { connect(back, $0, $1) == 0 })
    self.front = front
    port = UInt16(bigEndian: address.sin_port)
    detach { Self.serve(front, back, bytes, wait) }
  }

  deinit { shutdown(front, Int32(SHUT_RDWR)) }

  /// Sends the clients of a configuration file here instead of to the KDC.
  func insert(into path: String, for kdc: UInt16) throws {
    let file = try #require(fopen(path, "r+"))
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 16)
    let count = fread(&bytes, 1, bytes.count, file)
    let text = String(decoding: bytes[..<count], as: UTF8.self).replacing(":\(kdc)", with: ":\(port)")
    rewind(file)
    fputs(text, file)
    ftruncate(fileno(file), text.utf8.count)
  }

  private static func serve(
    _ front: Int32, _ back: Int32, _ bytes: ([UInt8]) -> Void, _ wait: (Int) -> Void
  ) {
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      var client = sockaddr_in()
      var length = socklen_t(MemoryLayout<sockaddr_in>.size)
      let size = with(&client) { address, _ in
        recvfrom(front, &buffer, buffer.count, 0, address, &length)
      }
      guard size > 0 else { break }
      bytes(Array(buffer[..<size]))
      wait(size)
      guard send(back, buffer, size, 0) == size else { break }
      let answer = recv(back, &buffer, buffer.count, 0)
      guard answer > 0 else { break }
      bytes(Array(buffer[..<answer]))
      _ = with(&client) { sendto(front, buffer, answer, 0, $0, $1) }
    }
    close(front)
    close(back)
  }

  private static func loopback(_ port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = in_addr_t(INADDR_LOOPBACK).bigEndian
    return address
  }

  private static func with<R>(
    _ address: inout sockaddr_in, _ body: (UnsafeMutablePointer<sockaddr>, socklen_t) -> R
  ) -> R {
    withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
  }
}
