import Kerberos
import Testing

@testable import Transport

@Suite("Tokens that were refused as replays")
struct ReplayedTokensTests {
  private let error = KerberosError(.replay, "seen before")

  @Test("only that token to that service is known")
  func exact() {
    let tokens = ReplayedTokens()
    tokens.add([1, 2, 3], to: "a@R", error)
    #expect(tokens.refusal(of: [1, 2, 3], to: "a@R") == error)
    #expect(tokens.refusal(of: [1, 2, 3], to: "b@R") == nil)
    #expect(tokens.refusal(of: [1, 2, 4], to: "a@R") == nil)
    #expect(tokens.refusal(of: [], to: "a@R") == nil)
  }

  @Test("however many are sent, at most two generations are kept, the newest among them")
  func bounded() {
    let tokens = ReplayedTokens(limit: 10)
    let all = (0..<100).map { [UInt8($0)] }
    for token in all { tokens.add(token, to: "a@R", error) }
    let known = all.filter { tokens.refusal(of: $0, to: "a@R") != nil }
    #expect(known.count <= 20)
    #expect(known.suffix(10) == all.suffix(10))
  }
}
