import Glibc

/// Ports of the loopback address.
package enum LoopbackPort {
  /// A socket that is bound to one that nobody else has.
  package static func bound() throws -> (descriptor: Int32, port: Int) {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw BenchmarkError("there is no socket") }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
      }
    }
    guard isBound else {
      close(descriptor)
      throw BenchmarkError("there is no free port")
    }
    return (descriptor, Int(UInt16(bigEndian: address.sin_port)))
  }

  /// One that nobody listens on at the moment.
  package static func free() throws -> Int {
    let (descriptor, port) = try bound()
    close(descriptor)
    return port
  }
}
