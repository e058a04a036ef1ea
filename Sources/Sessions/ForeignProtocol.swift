/// What a connection speaks that was meant for another program, by the first four bytes that came: where our frame has its
/// length (most significant byte first) these protocols have a word.
enum ForeignProtocol: String {
  case http = "HTTP"
  case tls = "TLS"
  case redis = "the protocol of Redis"
  case ssh = "SSH"

  /// Nil for what may as well be a wrong length.
  init?(firstBytes number: Int) {
    guard let word = UInt32(exactly: number) else { return nil }
    let bytes = (0..<4).map { UInt8(truncatingIfNeeded: word >> UInt32(24 - 8 * $0)) }
    let text = String(decoding: bytes, as: Unicode.ASCII.self)
    switch text {
    case "GET ", "PUT ", "POST", "HEAD", "OPTI", "DELE", "CONN", "PRI ", "HTTP", "<!DO", "<htm": self = .http
    case "SSH-": self = .ssh
    case "PING", "AUTH", "HELL", "-ERR", "-NOA": self = .redis
    default:
      // A record of its handshake (RFC 8446, section 5.1), or an alert.
      if bytes[0] == 0x16 || bytes[0] == 0x15, bytes[1] == 0x03, bytes[2] <= 0x04 {
        self = .tls
      } else if bytes[0] == UInt8(ascii: "*"), (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[1]) {
        // An array of the serialization protocol.
        self = .redis
      } else {
        return nil
      }
    }
  }
}
