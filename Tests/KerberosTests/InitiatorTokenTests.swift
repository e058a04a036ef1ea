import Kerberos
import KerberosFixture
import Testing

@Suite("What stands in clear in an initiator's token")
struct InitiatorTokenTests {
  private let token: [UInt8]
  /// Where its ticket's encryption type stands.
  private let place: Int

  init() throws {
    let token = try Pair(try sharedFixture()).request().1
    // EncryptedData in the ticket comes before that of the authenticator: SEQUENCE, [0] INTEGER 20, [1] or [2].
    let wanted: [UInt8] = [0xa0, 0x03, 0x02, 0x01, 20]
    let start = token.indices.first { token[$0...].starts(with: wanted) }
    place = try #require(start) + wanted.count - 1
    self.token = token
  }

  @Test("the ticket's encryption type is read from where it stands, and nothing else is taken for it")
  func type() {
    #expect(InitiatorToken.ticketEncryptionType(in: token) == 20)
    var other = token
    other[place] = 18
    #expect(InitiatorToken.ticketEncryptionType(in: other) == 18)
    other[place] = 0xff
    #expect(InitiatorToken.ticketEncryptionType(in: other) == -1)
  }

  @Test("a token that is cut anywhere, or is another thing, says nothing; one that is altered traps nothing")
  func damaged() {
    for length in 0..<token.count {
      #expect(InitiatorToken.ticketEncryptionType(in: Array(token.prefix(length))) == nil)
    }
    for bytes: [UInt8] in [
      [0x60, 0x84, 0xff, 0xff, 0xff, 0xff], [0x60, 0x80], [0x60, 0x8f, 1],
      [UInt8](repeating: 0x60, count: 300),
    ] {
      #expect(InitiatorToken.ticketEncryptionType(in: bytes) == nil)
    }
    for index in token.indices {
      for bit in 0..<8 {
        var altered = token
        altered[index] ^= 1 << bit
        _ = InitiatorToken.ticketEncryptionType(in: altered)
      }
    }
  }
}
