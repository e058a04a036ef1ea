import Measuring
import NIOCore
import Testing

@testable import failover

@Suite("Redis' protocol")
struct RESPTests {
  private func read(_ text: String) throws -> [RESP] {
    var buffer = ByteBuffer(string: text)
    var replies: [RESP] = []
    while let reply = try RESP.read(from: &buffer) { replies.append(reply) }
    return replies
  }

  @Test("replies of every kind are read, also several at once")
  func kinds() throws {
    #expect(
      try read("+OK\r\n-MOVED 5 127.0.0.1:7\r\n:12\r\n$3\r\na\r\n\r\n$-1\r\n*2\r\n:1\r\n$1\r\nb\r\n") == [
        .simple("OK"), .error("MOVED 5 127.0.0.1:7"), .integer(12), .bulk("a\r\n"), .bulk(nil),
        .array([.integer(1), .bulk("b")]),
      ])
  }

  @Test("what has not wholly come is left where it is")
  func parts() throws {
    let whole = "*2\r\n$4\r\nabcd\r\n:1\r\n"
    for length in 0..<whole.utf8.count {
      var buffer = ByteBuffer(bytes: whole.utf8.prefix(length))
      #expect(try RESP.read(from: &buffer) == nil)
      #expect(buffer.readableBytes == length)
    }
  }

  @Test("something else is refused")
  func refused() {
    #expect(throws: BenchmarkError.self) { try read("HTTP/1.1 400\r\n") }
    #expect(throws: BenchmarkError.self) { try read(":x\r\n") }
  }
}
