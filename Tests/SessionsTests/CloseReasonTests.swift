import Testing
import Wire

@testable import Sessions

@Suite("Why a session is closed")
struct CloseReasonTests {
  @Test("a message that cannot be read is the peer's software's fault, and no question of rights")
  func unreadable() {
    #expect(SessionCloseReason(after: CBORError.unknownKind("a request", kind: 99)) == .unknownMessage)
    for error in [
      CBORError.truncated(offset: 1), .unknownValue(field: "level", value: 9), .trailingBytes(count: 1),
      .limitExceeded("items", offset: 0),
    ] { #expect(SessionCloseReason(after: error) == .protocolError) }
    // What is not about bytes is not the peer's fault.
    #expect(SessionCloseReason(after: SessionError.messageTooLarge(length: 2, limit: 1)) == .finished)
  }

  @Test("each reason is a sentence of its own")
  func sentences() {
    let reasons = (UInt8(0)...7).compactMap(SessionCloseReason.init(rawValue:))
    #expect(Set(reasons.map(\.description)).count == 8)
    #expect(SessionError.closedByPeer(.unknownMessage).description.contains("newer version"))
  }
}
