import Testing
import Wire

@testable import Cluster

@Suite("Principals, addresses and orders") struct NamesTests {
  @Test("a principal has a primary, perhaps an instance, and a realm")
  func principals() throws {
    let drone = try Principal("keyval-drone/d1@KEYVAL.TEST")
    #expect(drone.role == .drone && drone.shortName == "d1" && drone.realm == "KEYVAL.TEST")
    let person = try Principal("alice@KEYVAL.TEST")
    #expect(person.role == nil && person.instance == nil && person.shortName == "alice")
    #expect(try Principal(role: .command, node: "db1", realm: "R") == Principal("keyval-command/db1@R"))
    #expect(try Principal("keyval-drone@R").role == nil, "a person of that name is no node")
  }

  @Test(
    "what is no principal is refused",
    arguments: [
      "", "alice", "@R", "alice@", "a@b@c", "a/b/c@R", "/b@R", "a/@R", "a b@R", "a\\/b@R", "a\u{7}@R", "ä@R",
      "a\n@R", String(repeating: "a", count: 254) + "@R",
    ])
  func noPrincipals(text: String) {
    #expect(throws: PrincipalError.self) { try Principal(text) }
    var writer = CBORWriter()
    writer.write(text: text)
    #expect(throws: CBORError.self) { try Principal.decode(writer.bytes) }
  }

  @Test("the office of a term is canonical: no sign, no leading zero, never term 0")
  func offices() throws {
    #expect(try Principal.office(term: Term(17), realm: "R").officeTerm == Term(17))
    #expect(try Principal.office(term: Term(.max), realm: "R").officeTerm == Term(.max))
    for instance in ["0", "017", "+17", "-1", "17x", "18446744073709551616", "x"] {
      #expect(try Principal("keyval-commander/\(instance)@R").officeTerm == nil)
    }
    #expect(try Principal("keyval-drone/17@R").officeTerm == nil)
  }

  @Test("addresses are read and written", arguments: ["127.0.0.1:6234", "[::1]:80", "d1.example:65535"])
  func addresses(text: String) throws {
    let endpoint = try #require(Endpoint(text))
    #expect(endpoint.description == text)
    #expect(try Endpoint.decode(endpoint.encoded()) == endpoint)
  }

  @Test(
    "what is no address is refused",
    arguments: [
      "", ":", "host", "host:", ":80", "host:0", "host:65536", "host:-1", "host:+80", "host: 80", "::1:80",
      "[]:80", "ho st:80", "host\u{1b}[2J:80", "host\n:80", "[ho]st]:80", "höst:80",
      String(repeating: "h", count: 254) + ":80",
    ])
  func noAddresses(text: String) { #expect(Endpoint(text) == nil) }

  @Test("on the wire an address has one form", arguments: ["host:080", "[1.2.3.4]:80"])
  func canonicalAddress(text: String) {
    var writer = CBORWriter()
    writer.write(text: text)
    #expect(throws: CBORError.self) { try Endpoint.decode(writer.bytes) }
  }

  @Test("tokens and versions are ordered by term first")
  func orders() {
    let low = FencingToken(term: Term(2), counter: 9)
    let high = FencingToken(term: Term(3), counter: 1)
    #expect(FencingToken.none < low && low < high && low < FencingToken(term: Term(2), counter: 10))
    #expect(Version(fence: low, sequence: 100) < Version(fence: high, sequence: 1))
    #expect(Version(fence: low, sequence: 1) < Version(fence: low, sequence: 2))
    #expect(Term(1).next == Term(2) && Term(.max).next == Term(.max))
  }

  @Test(
    "intervals keep their relations at every heartbeat",
    arguments: [1, 10, 25, 250, 1_000, 60_000] as [Int64])
  func timing(heartbeat: Int64) {
    let timing = Timing(heartbeat: heartbeat)
    #expect(timing.suspicion > timing.heartbeat * 2)
    #expect(timing.lease > timing.suspicion + timing.ballot + timing.backOff.upperBound - timing.heartbeat)
    #expect(timing.drift > 0 && timing.drift < timing.lease)
    #expect(timing.resignation > timing.lease && timing.backOff.lowerBound > 0)
  }

  @Test(
    "a client's bits belong to its principal: another's are another client, and the first half tells whose")
  func boundClient() {
    let announced = ClientIncarnation(high: 1, low: 2)
    let alice = announced.bound(to: "alice@KEYVAL.TEST")
    #expect(alice == announced.bound(to: "alice@KEYVAL.TEST"))
    #expect(alice != announced.bound(to: "bob@KEYVAL.TEST"))
    #expect(alice.principalMark != announced.bound(to: "bob@KEYVAL.TEST").principalMark)
    let other = ClientIncarnation(high: 1, low: 3).bound(to: "alice@KEYVAL.TEST")
    #expect(alice != other && alice.principalMark == other.principalMark)
    #expect(!alice.isOthers && !other.isOthers)
  }

  @Test("a digest tells writes apart that differ in kind, key, expected value or value, and nothing else")
  func digest() {
    func digest(_ kind: WriteKind, _ key: String, _ expected: String?, _ value: String?) -> UInt32 {
      func bytes(_ text: String?, _ body: (UnsafeRawBufferPointer?) -> UInt32) -> UInt32 {
        guard let text else { return body(nil) }
        return [UInt8](text.utf8).withUnsafeBytes { body($0) }
      }
      return bytes(key) { key in
        bytes(expected) { expected in
          bytes(value) { value in
            WriteDigest.of(
              WriteRequest(
                kind, number: 1, write: 2, retry: false, level: nil, key: key!, expected: expected,
                value: value))
          }
        }
      }
    }
    let long = String(repeating: "x", count: 1000)
    let writes: [(WriteKind, String, String?, String?)] = [
      (.put, "a", nil, "b"), (.put, "ab", nil, ""), (.put, "", nil, "ab"), (.put, "a", nil, "c"),
      (.put, "b", nil, "b"),
      (.compareAndPut, "a", nil, "b"), (.compareAndPut, "a", "", "b"), (.compareAndPut, "a", "b", ""),
      (.delete, "a", nil, nil), (.put, "a", nil, ""), (.put, long, nil, "b"), (.put, long + "x", nil, "b"),
      (.put, "a", nil, long), (.put, "a", nil, long + "y"), (.put, "aaaaaaaa", nil, "b"),
      (.put, "aaaaaaab", nil, "b"),
    ]
    let digests = writes.map(digest)
    #expect(Set(digests).count == writes.count)
    #expect(writes.map(digest) == digests)
  }
}
