import Glibc
import Kerberos
import KerberosFixture
import Synchronization
import Testing

@Suite("Security contexts")
struct ContextTests {
  let fixture: KerberosFixture
  init() throws { fixture = try sharedFixture() }

  @Test("a user and a drone authenticate each other with one token each way")
  func mutual() throws {
    let pair = try Pair(fixture)
    let (initiating, accepting) = try pair.handshake()
    let (client, server) = (try initiating.properties(), try accepting.properties())
    #expect(client.local == pair.initiator.principal && client.peer == pair.acceptor.principal)
    #expect(server.local == pair.acceptor.principal && server.peer == pair.initiator.principal)
    #expect(client.target == pair.acceptor.principal && server.target == pair.acceptor.principal)
    for side in [client, server] {
      #expect(side.isMutual && side.isChannelBound && side.hasAcceptorSubkey)
      #expect(side.sessionKeyEncryptionType == 20)  // aes256-cts-hmac-sha384-192
      #expect(side.authenticationIndicators == [])
    }
    #expect(server.ticketEncryptionType == 20 && client.ticketEncryptionType == nil)
    let now = Int64(time(nil))
    #expect(client.expiry > now + 7 * 3_600 && client.expiry <= now + 8 * 3_600 + 1)
    #expect(server.expiry - client.expiry == 30)  // the realm's clock skew
  }

  @Test("both sides compute the same pseudo-random bytes, others for another input, and none before the end")
  func pseudoRandom() throws {
    let pair = try Pair(fixture)
    let (initiating, accepting) = try pair.handshake()
    let ours = try initiating.pseudoRandom(input: [1, 2, 3], length: 48)
    #expect(ours.count == 48)
    #expect(try accepting.pseudoRandom(input: [1, 2, 3], length: 48) == ours)
    #expect(try accepting.pseudoRandom(input: [1, 2, 4], length: 48) != ours)
    let (unfinished, _) = try pair.request()
    expectRefusal(.badToken) { try unfinished.pseudoRandom(input: [1], length: 48) }
    expectRefusal(.badToken) { try unfinished.properties() }
  }

  @Test("the acceptor can compute before its token has been sent")
  func acceptorFirst() throws {
    let pair = try Pair(fixture)
    let (initiating, request) = try pair.request()
    let (accepting, answer) = try pair.accept(request)
    let early = try accepting.pseudoRandom(input: [7], length: 48)
    _ = try initiating.step(token: answer)
    #expect(try initiating.pseudoRandom(input: [7], length: 48) == early)
  }

  @Test("a token bound to another connection is refused, one bound to none as well")
  func channelBinding() throws {
    let pair = try Pair(fixture)
    for binding: [UInt8] in [[1, 2, 4], [1, 2], []] {
      let (_, token) = try pair.request(binding: binding)
      expectRefusal(.channelBindingMismatch) { try pair.accept(token) }
    }
  }

  @Test("a token that was accepted once is a replay, also for an acceptor that was started anew")
  func replay() throws {
    let pair = try Pair(fixture)
    let (_, token) = try pair.request()
    try pair.accept(token)
    let error = expectRefusal(.replay, saying: pair.acceptor.principal) { try pair.accept(token) }
    #expect(error?.code == -1_765_328_350)  // KRB5KRB_AP_ERR_REPEAT
    let name = String(pair.acceptor.principal.prefix { $0 != "@" })
    let again = try fixture.acceptor(name, keytab: pair.acceptor.keytab)
    expectRefusal(.replay) { try Pair(pair.initiator, again).accept(token) }
  }

  /// The initiator's cache is made to believe that its ticket lasts an hour, or libkrb5 would not present it.
  /// Before the real end and the clock skew have passed the acceptor takes it, so that its refusal afterwards
  /// cannot have another reason. The wait is for the clock, which alone ends a ticket.
  @Test("an expired ticket is refused by the acceptor, in a sentence that says so and what to do")
  func expiredTicket() throws {
    let drone = "keyval-drone/\(uniqueName("d"))"
    let acceptor = try fixture.acceptor(drone, keytab: fixture.addService(drone))
    let ticket = try fixture.outlivedTicket(of: uniqueName("edgar"), for: drone)
    let pair = Pair(try .fromCache(name: ticket.cache), acceptor)
    try pair.accept(pair.request().1)

    let end = ticket.end + Int64(fixture.realm.settings.clockSkew)
    #expect(eventually(within: 60) { Int64(time(nil)) > end })
    let token = try pair.request().1
    let error = try #require(
      expectRefusal(
        .ticketExpired, saying: fixture.principal(drone), "has expired", "KDC of realm \(fixture.realmName)",
        "kinit"
      ) { try pair.accept(token) })
    #expect(error.code == -1_765_328_352)  // KRB5KRB_AP_ERR_TKT_EXPIRED

    // The acceptor goes on.
    let other = uniqueName("emma")
    try fixture.addUser(other)
    _ = try Pair(.fromCache(name: fixture.cache(of: other)), acceptor).handshake()
  }

  @Test("a token for another service is refused, even when the keytab holds that service's key")
  func wrongTarget() throws {
    let names = ["keyval-drone/\(uniqueName("d"))", "keyval-drone/\(uniqueName("d"))"]
    let keytab = fixture.path("\(uniqueName("both")).keytab")
    for name in names { try fixture.realm.addService(name: name, keytab: keytab) }
    let acceptors = try names.map { try fixture.acceptor($0, keytab: keytab) }
    let user = uniqueName("user")
    try fixture.addUser(user)
    let initiator = try InitiatorCredential.fromCache(name: fixture.cache(of: user))
    let (_, token) = try Pair(initiator, acceptors[0]).request()
    expectRefusal(.wrongTarget, saying: names[1]) { try Pair(initiator, acceptors[1]).accept(token) }
    try Pair(initiator, acceptors[0]).accept(token)
  }

  /// Kerberos leaves a few bits of a request unprotected (flags, tags): the session protocol hashes the whole
  /// token for that reason. No alteration may turn the client into anybody else.
  @Test("an altered token is refused, or at most proves what the unaltered one did")
  func alteredTokens() throws {
    let pair = try Pair(fixture)
    var accepted = 0
    for part in 0..<40 {
      var (_, token) = try pair.request()
      token[part * token.count / 40] ^= 0x41
      guard let (context, _) = try? pair.accept(token) else { continue }
      accepted += 1
      #expect(try context.properties().peer == pair.initiator.principal)
      #expect(try context.properties().isChannelBound)
    }
    #expect(accepted < 8)
  }

  @Test("bytes that are no token are refused, and the acceptor goes on")
  func noTokens() throws {
    let pair = try Pair(fixture)
    let (_, token) = try pair.request()
    for length in stride(from: 0, to: token.count, by: 31) {
      #expect(throws: KerberosError.self) { try pair.accept(Array(token.prefix(length))) }
    }
    expectRefusal(.badToken) { try pair.accept([]) }
    expectRefusal(.badToken) { try pair.accept([UInt8](repeating: 0x60, count: 16_384)) }
    try pair.accept(token)
  }

  @Test("an altered answer is refused by the initiator")
  func alteredAnswer() throws {
    let pair = try Pair(fixture)
    for position in [0, 20, 60, 100] {
      let (initiating, request) = try pair.request()
      var (_, answer) = try pair.accept(request)
      answer[position] ^= 1
      #expect(throws: KerberosError.self) { try initiating.step(token: answer) }
      #expect(throws: KerberosError.self) { try initiating.properties() }
    }
  }

  @Test("SPNEGO is refused: there is one mechanism")
  func negotiation() throws {
    let pair = try Pair(fixture)
    // A NegTokenInit (RFC 4178) that offers Kerberos 5, without a first token.
    let mechanism: [UInt8] = [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02]
    let offer: [UInt8] = [0xa0, 0x11, 0x30, 0x0f, 0xa0, 0x0d, 0x30, 0x0b] + mechanism
    let identifier: [UInt8] = [0x06, 0x06, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x02]
    let token: [UInt8] = [0x60, UInt8(identifier.count + offer.count)] + identifier + offer
    expectRefusal(.badToken) { try pair.accept(token) }
  }

  @Test("a context takes no token after the last one, nor after a failure")
  func noMoreTokens() throws {
    let pair = try Pair(fixture)
    let (initiating, accepting) = try pair.handshake()
    expectRefusal(.badToken) { try initiating.step(token: [1]) }
    expectRefusal(.badToken) { try accepting.step(token: [1]) }
    let (_, token) = try pair.request()
    let broken = try SecurityContext.accept(credential: pair.acceptor, channelBinding: [])
    expectRefusal(.channelBindingMismatch) { try broken.step(token: token) }
    expectRefusal(.badToken) { try broken.step(token: token) }
  }

  @Test("many contexts at once, on threads that share both credentials")
  func parallel() throws {
    let drone = uniqueName("d")
    let keytab = try fixture.addDrone(drone)
    let name = "keyval-drone/\(drone)"
    let acceptor = try fixture.acceptor(name, keytab: keytab)
    let initiator = try InitiatorCredential.fromKeytab(
      keytab: keytab, principal: fixture.principal(name))
    let pair = Pair(initiator, acceptor)
    let done = Atomic<Int>(0)
    let failures = Mutex<[String]>([])
    onThreads(8) { thread in
      for round in 0..<25 {
        do {
          if round % 5 == thread % 5 { initiator.forgetTickets() }
          let (initiating, accepting) = try pair.handshake(binding: [UInt8(thread), UInt8(round)])
          let (left, right) = (
            try initiating.pseudoRandom(input: [UInt8(round)], length: 48),
            try accepting.pseudoRandom(input: [UInt8(round)], length: 48)
          )
          if left == right { done.wrappingAdd(1, ordering: .relaxed) }
        } catch { failures.withLock { $0.append("\(error)") } }
      }
    }
    #expect(failures.withLock { $0 } == [])
    #expect(done.load(ordering: .relaxed) == 200)
  }
}
