import Wire

/// Where a node listens: a host name or IP address, and a port. Written `host:port`, IPv6 in brackets.
public struct Endpoint: Hashable, Sendable, CustomStringConvertible {
  public let host: String
  public let port: UInt16

  public init(host: String, port: UInt16) {
    self.host = host
    self.port = port
  }

  /// Nil unless the text is `host:port` or `[v6]:port` with a port from 1 to 65535.
  public init?(_ text: String) {
    guard text.utf8.count <= 255, let colon = text.lastIndex(of: ":"),
      let port = UInt16(text[text.index(after: colon)...]), port > 0
    else { return nil }
    var host = text[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") {
      host = host.dropFirst().dropLast()
    } else if host.contains(":") {
      return nil
    }
    guard !host.isEmpty else { return nil }
    self.init(host: String(host), port: port)
  }

  public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

extension Endpoint: WireMessage {
  public func encode(into writer: inout CBORWriter) { writer.write(text: description) }

  public init(from reader: inout CBORReader) throws(CBORError) {
    let offset = reader.offset
    guard let endpoint = Endpoint(try reader.readText(maximum: 255)) else {
      throw .outOfRange(field: "an address", offset: offset)
    }
    self = endpoint
  }
}
