import Kerberos
import KerberosFixture
import Testing

@Suite("Security contexts")
struct ContextTests {
  let fixture: KerberosFixture
  init() throws { fixture = try KerberosFixture.shared.get() }

  @Test("a user and a drone authenticate each other")
  func mutual() throws {
    let pair = try Pair(fixture, user: "mutual", drone: "mutual")
    let (initiator, acceptor) = try pair.handshake()
    let (i, a) = (try initiator.properties(), try acceptor.properties())
    print(i, a)
    #expect(i.local == a.peer && a.local == i.peer)
  }
}

/// A user with a ticket, and a drone that accepts.
struct Pair {
  let initiator: InitiatorCredential
  let acceptor: AcceptorCredential

  init(_ fixture: KerberosFixture, user: String, drone: String) throws {
    try fixture.addUser(user)
    initiator = try .fromCache(name: fixture.cache(of: user))
    acceptor = try fixture.acceptor("keyval-drone/\(drone)", keytab: fixture.addDrone(drone))
  }

  /// Two tokens, and both sides are done.
  func handshake(binding: [UInt8] = [1, 2, 3]) throws -> (SecurityContext, SecurityContext) {
    let i = try SecurityContext.initiate(
      credential: initiator, target: acceptor.principal, channelBinding: binding)
    let a = try SecurityContext.accept(credential: acceptor, channelBinding: binding)
    let request = try i.step(token: nil)
    let answer = try a.step(token: request.token)
    let end = try i.step(token: answer.token)
    #expect(!request.isComplete && answer.isComplete && end.isComplete && end.token == nil)
    return (i, a)
  }
}
