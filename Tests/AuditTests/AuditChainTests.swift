import Audit
import Foundation
import Testing

@Suite("A line of an audit log")
struct AuditChainTests {
  private func line(_ event: AuditEvent, at milliseconds: Int64 = 0) -> String {
    var chain = AuditChain()
    return String(decoding: chain.append(event, at: milliseconds), as: UTF8.self)
  }

  @Test("is one JSON object, its fields in a fixed order, and only those that there are")
  func form() throws {
    let event = AuditEvent(
      .order, "drain", outcome: "accepted", principal: "alice@R", address: "127.0.0.1:5", encryptionType: 20,
      term: 3, subject: "d2", reason: "d2 is being emptied")
    let zeros = String(repeating: "0", count: 64)
    #expect(
      line(event, at: 1_709_210_096_007)
        == "{\"sequence\":1,\"time\":\"2024-02-29T12:34:56.007Z\",\"previous\":\"\(zeros)\",\"event\":\"order\","
        + "\"action\":\"drain\",\"outcome\":\"accepted\",\"principal\":\"alice@R\",\"address\":\"127.0.0.1:5\","
        + "\"enctype\":20,\"term\":3,\"subject\":\"d2\",\"reason\":\"d2 is being emptied\"}\n")
  }

  @Test(
    "tells the time that Foundation tells",
    arguments: [0, 951_782_399_999, 951_782_400_000, 4_102_444_799_001])
  func time(milliseconds: Int64) {
    let style = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
    // Half a millisecond keeps Foundation from rounding down.
    let expected = Date(timeIntervalSince1970: Double(milliseconds) / 1_000 + 0.0004).formatted(style)
    #expect(line(AuditEvent(.log, "x", outcome: "y"), at: milliseconds).contains("\"time\":\"\(expected)\""))
  }

  @Test("is printable ASCII whatever a peer put into a name, and a JSON decoder gives that back")
  func escapes() throws {
    let name = "böse\n\u{202e}\u{0}\"\\\u{1f600}@R"
    let text = line(AuditEvent(.denial, "get", outcome: "denied", principal: name))
    #expect(text.utf8.dropLast().allSatisfy { (0x20...0x7e).contains($0) })
    let object = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    #expect(object["principal"] as? String == name)
    #expect(
      TestLog.verdict([Array(text.utf8)]).kinds == [.beginsWithin(sequence: 1)], "the verifier reads it")
  }

  @Test("has a key of the store as a text where it is one, else in hexadecimal digits, and never cut")
  func keys() throws {
    func named(_ key: [UInt8]) throws -> [String: Any] {
      let text = line(AuditEvent(.data, "put", outcome: "permitted", key: key))
      #expect(!text.contains("..."))
      return try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    }
    #expect(try named(Array("böse\n\"".utf8))["key"] as? String == "böse\n\"")
    let binary = try named([0xff, 0x00, 0x1f])
    #expect(binary["key-hex"] as? String == "ff001f" && binary["key"] == nil)
    let longest = [UInt8](repeating: 0x01, count: 1_024)
    #expect(try (named(longest)["key"] as? String)?.utf8.count == 1_024)
    #expect(
      try (named([UInt8](repeating: 0xff, count: 1_024))["key-hex"] as? String)?.utf8.count == 2_048)
  }

  @Test("is bounded whatever a peer sends")
  func bounded() {
    let long = String(repeating: "\u{1f600}", count: 10_000)
    let text = line(
      AuditEvent(
        .denial, long, outcome: long, principal: long, address: long, subject: long,
        key: [UInt8](repeating: 0x01, count: 1_024), reason: long))
    #expect(text.utf8.count < 32_000 && text.contains("..."))
    #expect(
      TestLog.verdict([Array(text.utf8)]).kinds == [.beginsWithin(sequence: 1)], "the verifier reads it")
  }

  @Test("what stands behind the last whole line is found when a file is taken up again")
  func tail() throws {
    let log = TestLog(files: [4])
    let bytes = log.bytes[0]
    let whole = AuditTail(bytes, isWholeFile: true)
    #expect(whole.head == log.chain.head && whole.torn == nil && whole.isUsable)
    let torn = AuditTail(bytes + Array("{\"seq".utf8), isWholeFile: true)
    #expect(torn.head == log.chain.head && torn.torn?.count == 5 && torn.isUsable)
    // Cut within the file, and within its last line.
    let last = try #require(log.files[0].last)
    let cut = AuditTail(Array(bytes.dropLast(3).suffix(last.count + 100)), isWholeFile: false)
    #expect(cut.head == nil && !cut.isUsable)
    #expect(AuditTail([], isWholeFile: true) == AuditTail([], isWholeFile: true))
    #expect(AuditTail([], isWholeFile: true).isUsable && AuditTail([], isWholeFile: true).head == nil)
    let damaged = AuditTail(bytes + [UInt8](repeating: 0, count: 100_000), isWholeFile: true)
    #expect(damaged.head == log.chain.head && !damaged.isUsable)
  }

  @Test("is not read in any other form")
  func strict() {
    let good = line(AuditEvent(.log, "opened", outcome: "started"))
    for (old, new) in [
      ("{\"sequence\":1,", "{\"sequence\": 1,"), ("{\"sequence\":1,", "{"),
      ("\"sequence\":1", "\"sequence\":0"),
      ("0000\",\"event", "000\",\"event"), ("}", ""), ("}", "}}"), ("started", "star\tted"),
      ("started\"", "started"),
      ("\"sequence\":1", "\"sequence\":99999999999999999999"),
    ] {
      let text = good.replacingOccurrences(of: old, with: new)
      #expect(text != good)
      #expect(TestLog.verdict([Array(text.utf8)]).kinds.first != nil, "\(text)")
    }
    #expect(TestLog.verdict([Array(good.utf8)]).kinds == [])
  }
}
