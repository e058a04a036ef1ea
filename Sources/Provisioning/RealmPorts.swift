import Glibc

/// Where the realm's daemons listen.
public struct RealmPorts: Sendable, Equatable {
  /// The KDC, by UDP and TCP.
  public var kdc: UInt16
  /// kadmind, by TCP.
  public var kadmind: UInt16
  /// The password service of kadmind, by UDP and TCP.
  public var kpasswd: UInt16

  public init(kdc: UInt16, kadmind: UInt16, kpasswd: UInt16) {
    self.kdc = kdc
    self.kadmind = kadmind
    self.kpasswd = kpasswd
  }

  /// Three ports of the loopback address that nobody uses at this moment.
  ///
  /// They come from below the range that the kernel gives to outgoing connections, so that no connection takes
  /// one before the daemon does; against another process that draws at the same moment, `Realm.start` draws
  /// anew.
  public static func free() throws(ProvisioningError) -> RealmPorts {
    var drawn: [UInt16] = []
    for _ in 0..<1_000 where drawn.count < 3 {
      let port = UInt16.random(in: 20_000..<32_000)
      if !drawn.contains(port), isFree(port, "127.0.0.1") { drawn.append(port) }
    }
    guard drawn.count == 3 else {
      throw ProvisioningError(.system, "There are no free ports from 20000 to 31999 on 127.0.0.1.")
    }
    return RealmPorts(kdc: drawn[0], kadmind: drawn[1], kpasswd: drawn[2])
  }

  /// Whether nobody listens on any of the ports of this address.
  func areFree(on host: String) -> Bool {
    [kdc, kadmind, kpasswd].allSatisfy { Self.isFree($0, host) }
  }

  private static func isFree(_ port: UInt16, _ host: String) -> Bool {
    for type in [SOCK_STREAM, SOCK_DGRAM] {
      guard let socket = ProbeSocket(type: type), socket.bind(host, port) else { return false }
    }
    return true
  }
}

/// A socket that finds something out, closed with this value.
struct ProbeSocket: ~Copyable {
  private let descriptor: Int32

  init?(type: __socket_type) {
    descriptor = socket(AF_INET, Int32(type.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return nil }
    // Over connections that have ended but linger, as a daemon binds; a listener is still in the way.
    var on: Int32 = 1
    if type == SOCK_STREAM {
      setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
    }
  }

  deinit { close(descriptor) }

  func bind(_ host: String, _ port: UInt16) -> Bool {
    Self.withAddress(host, port) { Glibc.bind(descriptor, $0, $1) == 0 }
  }

  func connect(_ host: String, _ port: UInt16) -> Bool {
    Self.withAddress(host, port) { Glibc.connect(descriptor, $0, $1) == 0 }
  }

  private static func withAddress(
    _ host: String, _ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Bool
  ) -> Bool {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    guard inet_pton(AF_INET, host, &address.sin_addr) == 1 else { return false }
    return withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
  }
}
