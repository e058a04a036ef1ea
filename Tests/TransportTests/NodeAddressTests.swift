import Testing
import Transport

@Suite("Addresses")
struct NodeAddressTests {
  @Test(
    "are read as people write them",
    arguments: [
      ("127.0.0.1:7000", "127.0.0.1", 7000), ("localhost", "localhost", 6234), ("[::1]:7000", "::1", 7000),
      ("::1", "::1", 6234), ("[fe80::1]", "fe80::1", 6234), ("db1.example:1", "db1.example", 1),
    ])
  func reading(text: String, host: String, port: Int) throws {
    let address = try NodeAddress(text)
    #expect(address == NodeAddress(host: host, port: port))
    #expect(try NodeAddress(address.description) == address)
  }

  @Test(
    "that are none are refused",
    arguments: [
      "", ":", ":1", "a:", "a:0", "a:65536", "a:x", "a:-1", "a: 1", "[::1", "[::1]7", "a b:1", "http://a:1",
      "a:99999999999999999999",
    ])
  func refusing(text: String) {
    #expect(throws: TransportError.self) { try NodeAddress(text) }
  }
}
