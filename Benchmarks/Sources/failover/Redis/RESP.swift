import Measuring
import NIOCore

/// A reply of Redis' protocol, version 2, as far as this benchmark asks for any.
indirect enum RESP: Equatable, Sendable {
  case simple(String)
  case error(String)
  case integer(Int)
  case bulk(String?)
  case array([RESP])

  /// Takes one whole reply off the buffer; nil, and the buffer as it was, while it has not all come.
  static func read(from buffer: inout ByteBuffer) throws -> RESP? {
    let start = buffer.readerIndex
    let reply = try readWhole(from: &buffer)
    if reply == nil { buffer.moveReaderIndex(to: start) }
    return reply
  }

  private static func readWhole(from buffer: inout ByteBuffer) throws -> RESP? {
    guard let line = readLine(from: &buffer) else { return nil }
    let rest = String(line.dropFirst())
    switch line.first {
    case "+": return .simple(rest)
    case "-": return .error(rest)
    case ":": return .integer(try number(rest))
    case "$":
      let length = try number(rest)
      guard length >= 0 else { return .bulk(nil) }
      guard buffer.readableBytes >= length + 2, let text = buffer.readString(length: length) else {
        return nil
      }
      buffer.moveReaderIndex(forwardBy: 2)
      return .bulk(text)
    case "*":
      var elements: [RESP] = []
      for _ in 0..<max(0, try number(rest)) {
        guard let element = try readWhole(from: &buffer) else { return nil }
        elements.append(element)
      }
      return .array(elements)
    default: throw BenchmarkError("Redis answers ‘\(line)’")
    }
  }

  private static func readLine(from buffer: inout ByteBuffer) -> String? {
    guard let end = buffer.readableBytesView.firstIndex(of: UInt8(ascii: "\n")) else { return nil }
    let line = buffer.readString(length: end - buffer.readerIndex)
    buffer.moveReaderIndex(forwardBy: 1)
    return line.map { String($0.dropLast()) }
  }

  private static func number(_ text: String) throws -> Int {
    guard let number = Int(text) else { throw BenchmarkError("Redis answers ‘\(text)’ for a number") }
    return number
  }

  static func command(_ words: [String], into buffer: inout ByteBuffer) {
    buffer.writeString("*\(words.count)\r\n")
    for word in words { buffer.writeString("$\(word.utf8.count)\r\n\(word)\r\n") }
  }
}
