import Keyval
import Testing

@testable import keyval

@Suite("What is told of sessions") struct SessionReportTests {
  private func session(
    _ id: UInt64, _ principal: String, requests: UInt64, address: String = "192.0.2.7:5000",
    since: Int64 = 1_800_000_000
  ) throws -> OpenSession {
    OpenSession(
      id: id, principal: try Principal(principal), address: address, isNode: principal.contains("/"),
      since: since, requests: requests, unsentBytes: id)
  }

  @Test("who asks most comes first, of several drones, and a drone's words do no harm to a terminal")
  func table() throws {
    var report = SessionReport()
    report.add(
      [
        try session(1, "bob@R", requests: 2),
        try session(2, "bob@R", requests: 2, address: "\u{1b}[2J::1", since: -1),
      ], of: "d1")
    report.add([try session(1, "keyval-drone/d1@R", requests: 70)], of: "d2")
    #expect(
      report.text == """
        SESSION  PRINCIPAL          ADDRESS         SINCE                 REQUESTS  UNSENT
        d2/1     keyval-drone/d1@R  192.0.2.7:5000  2027-01-15T08:00:00Z  70        1 bytes
        d1/1     bob@R              192.0.2.7:5000  2027-01-15T08:00:00Z  2         1 bytes
        d1/2     bob@R              [2J::1          ?                     2         2 bytes

        3 sessions

        """)
  }

  @Test("as JSON it is one object")
  func json() throws {
    var report = SessionReport()
    report.add([try session(4, "bob@R", requests: 2)], of: "d1")
    #expect(
      report.json == """
        {"sessions": [{"drone": "d1", "number": 4, "principal": "bob@R", "address": "192.0.2.7:5000", "isNode": false, \
        "since": "2027-01-15T08:00:00Z", "requests": 2, "unsentBytes": 4}]}

        """)
    #expect(SessionReport().json == "{\"sessions\": []}\n")
  }

  @Test("what to end is a session of a drone, or a principal with its realm")
  func targets() throws {
    #expect(SessionCommand.Target(argument: "d1/4711") == .session(drone: "d1", number: 4711))
    #expect(SessionCommand.Target(argument: "bob@R") == .principal(try Principal("bob@R")))
    #expect(
      SessionCommand.Target(argument: "keyval-drone/d1@R") == .principal(try Principal("keyval-drone/d1@R")))
    for text in ["", "bob", "d1/", "d1/0", "/1", "d1/-1", "d1/1/2", "@", "a b@R", "4711"] {
      #expect(SessionCommand.Target(argument: text) == nil, "\(text)")
    }
  }
}
