import Glibc
import Testing

@testable import Node

@Suite("A line of the log")
struct NodeLoggingTests {
  private func line(_ message: String, _ metadata: [String: String]) -> String {
    LogLine.format(
      time: timespec(tv_sec: 1_700_000_000, tv_nsec: 7_000_000), level: .info, label: "drone.d1",
      message: message, metadata: metadata.mapValues { "\($0)" })
  }

  @Test("has the time, the node, the event and its metadata in order of key")
  func order() {
    #expect(
      line("elected", ["term": "3", "principal": "keyval-drone/d1@R"])
        == "2023-11-14T22:13:20.007Z info drone.d1 elected principal=keyval-drone/d1@R term=3")
  }

  @Test("stays one line whatever a peer put into a name")
  func oneLine() {
    let text = line("refused\nagain", ["reason": "no \"ticket\"\r\u{1b}[2J"])
    #expect(!text.contains("\n") && !text.contains("\r") && !text.contains("\u{1b}"))
    #expect(text.hasSuffix("reason=\"no \\\"ticket\\\"\\u{d}\\u{1b}[2J\""))
  }
}
