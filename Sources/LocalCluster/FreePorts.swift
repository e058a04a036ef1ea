import Glibc

/// Ports of the loopback address that nobody uses now.
///
/// They come from below the range that the kernel gives to outgoing connections (32768 and up), so that no
/// connection takes one between our look and the bind of the process that it is meant for. Two clusters that start
/// at the same moment draw at random, and each port is held until `release()`.
final class FreePorts {
  private var held: [Int32] = []
  private var drawn: Set<UInt16> = []
  private static let range: Range<UInt16> = 20_000..<32_000

  deinit { release() }

  /// A port free for TCP and for UDP (the KDC listens on both).
  func draw() throws(LocalClusterError) -> UInt16 {
    for _ in 0..<1_000 {
      let port = UInt16.random(in: Self.range)
      guard !drawn.contains(port) else { continue }
      guard let stream = try Self.bind(port, type: Int32(SOCK_STREAM.rawValue)) else { continue }
      // From here on deinit closes it, also when this throws.
      held.append(stream)
      guard let datagram = try Self.bind(port, type: Int32(SOCK_DGRAM.rawValue)) else { continue }
      held.append(datagram)
      drawn.insert(port)
      return port
    }
    throw LocalClusterError(
      .system, "found no free port on 127.0.0.1 from \(Self.range.lowerBound) to \(Self.range.upperBound)")
  }

  /// Lets go of all ports, right before the processes that bind them start.
  func release() {
    for descriptor in held { close(descriptor) }
    held = []
  }

  /// Whether nobody uses the port for TCP now.
  static func isFree(_ port: UInt16) -> Bool {
    guard let descriptor = try? bind(port, type: Int32(SOCK_STREAM.rawValue)) else { return false }
    close(descriptor)
    return true
  }

  /// - Returns: nil where somebody has the port.
  /// - Throws: `LocalClusterError` where another port would not help: there is no descriptor left.
  private static func bind(_ port: UInt16, type: Int32) throws(LocalClusterError) -> Int32? {
    let descriptor = socket(AF_INET, type | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw .system("cannot look for free ports", code: errno) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = in_addr_t(INADDR_LOOPBACK).bigEndian
    let code = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard code == 0 else {
      close(descriptor)
      return nil
    }
    return descriptor
  }
}
