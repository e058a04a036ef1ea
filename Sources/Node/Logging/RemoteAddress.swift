import Glibc

/// Addresses of peers as people read them, and as far as rates are bounded by them. They prove nothing.
enum RemoteAddress {
  /// `host:port`, or `[host]:port`, of how NIO writes an address: `[IPv4]name/127.0.0.1:5000`.
  static func plain(_ remote: String) -> String {
    guard let (host, port) = parts(remote) else { return remote }
    return isV6(host) ? "[\(host)]:\(port)" : "\(host):\(port)"
  }

  // All by bytes: searching for characters takes as long as all the rest, and a flood asks for each connection.

  private static func isV6(_ host: Substring) -> Bool { host.utf8.contains(UInt8(ascii: ":")) }

  private static func parts(_ remote: String) -> (host: Substring, port: Substring)? {
    var rest = remote.utf8[...]
    if rest.starts(with: "[IPv".utf8), let end = rest.firstIndex(of: UInt8(ascii: "]")) {
      rest = rest[rest.index(after: end)...]
    }
    if let slash = rest.lastIndex(of: UInt8(ascii: "/")) { rest = rest[rest.index(after: slash)...] }
    guard let colon = rest.lastIndex(of: UInt8(ascii: ":")) else { return nil }
    var host = rest[..<colon]
    if host.first == UInt8(ascii: "["), host.last == UInt8(ascii: "]"), host.count > 1 {
      host = host.dropFirst().dropLast()
    }
    return (Substring(host), Substring(rest[rest.index(after: colon)...]))
  }

  /// Where an address comes from, as far as rates are bounded by it: the host, or the network half of an IPv6 address,
  /// since whoever has one has 2^64 of them.
  static func source(of remote: String) -> String {
    guard let host = parts(remote).map({ String($0.host) }) else { return remote }
    var bytes = in6_addr()
    guard isV6(host[...]), inet_pton(AF_INET6, host, &bytes) == 1 else { return host }
    return withUnsafeBytes(of: &bytes) { bytes in
      // An IPv4 host as a socket for both kinds shows it.
      let isMapped = bytes.prefix(10).allSatisfy { $0 == 0 } && bytes[10] == 0xff && bytes[11] == 0xff
      guard !isMapped else { return bytes.suffix(4).map { "\($0)" }.joined(separator: ".") }
      return bytes.prefix(8).map { String(UInt16($0) + 0x100, radix: 16).dropFirst() }.joined()
    }
  }
}
