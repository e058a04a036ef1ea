import Wire

/// Where a node listens: a host name or IP address, and a port. Written `host:port`, IPv6 in brackets.
public struct Endpoint: Hashable, Sendable, CustomStringConvertible {
  public let host: String
  public let port: UInt16

  public init(host: String, port: UInt16) {
    self.host = host
    self.port = port
  }

  /// Nil unless the text is `host:port` or `[v6]:port` with a port from 1 to 65535, the host in letters,
  /// digits and `. - _` (and `: %` in brackets): an address meets terminals and logs.
  public init?(_ text: String) {
    guard text.utf8.count <= 255, let colon = text.lastIndex(of: ":") else { return nil }
    let digits = text[text.index(after: colon)...]
    guard digits.utf8.allSatisfy(Self.isDigit), let port = UInt16(digits), port > 0 else { return nil }
    var host = text[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") {
      host = host.dropFirst().dropLast()
    } else if host.contains(":") {
      return nil
    }
    guard !host.isEmpty, host.utf8.allSatisfy(Self.isOfHost) else { return nil }
    self.init(host: String(host), port: port)
  }

  public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

  private static func isDigit(_ byte: UInt8) -> Bool {
    byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
  }

  private static func isOfHost(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "."),
      UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: ":"), UInt8(ascii: "%"):
      true
    default: isDigit(byte)
    }
  }
}

extension Endpoint: WireMessage {
  public func encode(into writer: inout CBORWriter) { writer.write(text: description) }

  public init(from reader: inout CBORReader) throws(CBORError) {
    let offset = reader.offset
    let text = try reader.readText(maximum: 255)
    guard let endpoint = Endpoint(text), endpoint.description == text else {
      throw .outOfRange(field: "an address", offset: offset)
    }
    self = endpoint
  }
}
