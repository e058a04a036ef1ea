import Wire

/// Where a node listens: a host and a port. It says nothing of who is there; the handshake does.
public struct NodeAddress: Hashable, Sendable, CustomStringConvertible {
  /// A name or a numeric address, IPv6 without brackets.
  public var host: String
  public var port: Int

  public static let defaultPort = Limits.defaultPort

  public init(host: String, port: Int = defaultPort) {
    self.host = host
    self.port = port
  }

  /// Reads `host`, `host:port`, `1.2.3.4:port`, `[::1]:port` or `::1`.
  /// - Throws: ``TransportError/badAddress(_:)``.
  public init(_ text: String) throws(TransportError) {
    var host = Substring(text)
    var port: Substring?
    if text.hasPrefix("[") {
      guard let end = text.firstIndex(of: "]") else { throw .badAddress(text) }
      host = text[text.index(after: text.startIndex)..<end]
      let rest = text[text.index(after: end)...]
      guard rest.isEmpty || rest.hasPrefix(":") else { throw .badAddress(text) }
      if !rest.isEmpty { port = rest.dropFirst() }
    } else if let colon = text.firstIndex(of: ":"), text.lastIndex(of: ":") == colon {
      host = text[..<colon]
      port = text[text.index(after: colon)...]
    }
    let isPrintable = host.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "/") }
    guard !host.isEmpty, host.utf8.count <= 255, isPrintable else { throw .badAddress(text) }
    self.host = String(host)
    guard let port else {
      self.port = Self.defaultPort
      return
    }
    guard port.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(port),
      (1...65535).contains(number)
    else { throw .badAddress(text) }
    self.port = number
  }

  public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
