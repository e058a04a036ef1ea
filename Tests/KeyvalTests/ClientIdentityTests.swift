import Glibc
import Kerberos
import KerberosFixture
import Keyval
import Testing

/// A client is one principal from its first ticket on, whatever becomes of the credential cache.
@Suite("Client: identity", .timeLimit(.minutes(2))) struct ClientIdentityTests {
  private static let realm = Result { () throws -> KerberosFixture in
    let fixture = try KerberosFixture()
    for user in ["alice", "bob"] { try fixture.addUser(user) }
    return fixture
  }

  /// What `kinit` does to a cache.
  private func kinit(_ user: String, into cache: String) throws {
    let fresh = try Self.realm.get().cache(of: user)
    #expect(rename(String(fresh.dropFirst(5)), String(cache.dropFirst(5))) == 0)
  }

  @Test("a kinit as somebody else does not make one client two principals, and is undone by the next")
  func otherPrincipal() async throws {
    let fixture = try Self.realm.get()
    let cluster = try await FakeCluster(fixture: fixture, drones: 2)
    let cache = "FILE:\(fixture.path("shared.ccache"))"
    try kinit("alice", into: cache)
    let client = try KeyvalClient(configuration: cluster.configuration(cache: cache, seeds: [0]))
    #expect(try await client.get(cluster.key(of: 0)) == nil)
    #expect(cluster.clients == [fixture.principal("alice")])

    try kinit("bob", into: cache)
    // The session that is open is alice's; a further one is nobody's.
    #expect(try await client.get(cluster.key(of: 0)) == nil)
    let error = await #expect(throws: KeyvalError.self) { try await client.get(cluster.key(of: 1)) }
    let (alice, bob) = (fixture.principal("alice"), fixture.principal("bob"))
    #expect(error == .otherPrincipal(client: alice, now: bob, cache: cache))
    #expect(error?.kinitLine == "kinit \(alice)")
    #expect(cluster.clients == [alice])
    // A client that begins now is bob, and nobody but bob.
    let other = try KeyvalClient(configuration: cluster.configuration(cache: cache, seeds: [0]))
    #expect(try await other.get(cluster.key(of: 1)) == nil)
    #expect(cluster.clients == [alice, bob])

    try kinit("alice", into: cache)
    #expect(try await client.get(cluster.key(of: 1)) == nil)
    #expect(cluster.clients == [alice, bob])
    client.close()
    other.close()
    await cluster.stop()
  }

  @Test("a client without a ticket is who comes first")
  func firstTicket() async throws {
    let fixture = try Self.realm.get()
    let cluster = try await FakeCluster(fixture: fixture, drones: 1)
    let cache = "FILE:\(fixture.path("later.ccache"))"
    let client = try KeyvalClient(configuration: cluster.configuration(cache: cache))
    await #expect(throws: KeyvalError.noTicket(realm: fixture.realmName)) {
      try await client.get(cluster.key(of: 0))
    }
    try kinit("bob", into: cache)
    #expect(try await client.get(cluster.key(of: 0)) == nil)
    #expect(cluster.clients == [fixture.principal("bob")])
    client.close()
    await cluster.stop()
  }
}
