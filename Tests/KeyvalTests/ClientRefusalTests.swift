import Cluster
import Cryptography
import FoundationEssentials
import Glibc
import Kerberos
import KerberosFixture
import Keyval
import Testing

/// What a client says when it may not, or must not believe.
@Suite("Client: refusals") struct ClientRefusalTests {
  private static let realm = Result { () throws -> (KerberosFixture, String) in
    let fixture = try KerberosFixture()
    try fixture.addUser("alice")
    return (fixture, try fixture.cache(of: "alice"))
  }

  private func error(
    _ change: (FakeCluster, inout ClientConfiguration) throws -> Void
  ) async throws -> KeyvalError? {
    let (fixture, cache) = try Self.realm.get()
    let cluster = try await FakeCluster(fixture: fixture, drones: 2)
    var configuration = cluster.configuration(cache: cache)
    configuration.deadline = .seconds(3)
    try change(cluster, &configuration)
    let client = try KeyvalClient(configuration: configuration)
    var found: KeyvalError?
    do {
      _ = try await client.get("key")
    } catch let error as KeyvalError {
      found = error
    }
    client.close()
    await cluster.stop()
    return found
  }

  @Test("without a ticket the error names the realm that the node says, and the kinit line")
  func noTicket() async throws {
    let realm = try Self.realm.get().0.realmName
    let error = try await error { _, configuration in
      // Its error comes at once; a machine that runs all tests beside this one may take some seconds over that.
      configuration.deadline = .seconds(30)
      configuration.credentialCache = "FILE:/nonexistent/cache"
    }
    #expect(error == .noTicket(realm: realm))
    #expect(error?.kinitLine == "kinit NAME@\(realm)")
  }

  @Test("with an expired ticket it says so")
  func expiredTicket() async throws {
    let fixture = try Self.realm.get().0
    let cache = try fixture.cache(of: "alice", lifetime: 1)
    func isExpired() -> Bool {
      do throws(KerberosError) {
        _ = try InitiatorCredential.fromCache(name: cache)
        return false
      } catch {
        return error.reason == .ticketExpired
      }
    }
    while !isExpired() { try await Task.sleep(for: .milliseconds(50)) }
    let error = try await error { _, configuration in configuration.credentialCache = cache }
    #expect(error == .ticketExpired(realm: fixture.realmName))
  }

  @Test("a ticket of another realm opens nothing")
  func otherRealm() async throws {
    let other = try KerberosFixture()
    try other.addUser("alice")
    let cache = try other.cache(of: "alice")
    let error = try await error { _, configuration in configuration.credentialCache = cache }
    switch error {
    case .credential, .refused, .noTicket: break
    default: Issue.record("\(String(describing: error))")
    }
  }

  @Test("a slot map that a drone signed itself is not believed")
  func forgedMap() async throws {
    let error = try await error { cluster, _ in
      let forger = try P256PrivateKey.generate()
      cluster.state.withLock { $0.forger = forger }
    }
    guard case .mapRefused(let node, let reason) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(node.contains("keyval-drone/") && reason.contains("not signed by the commander"))
  }

  @Test("a cluster of another name is refused")
  func otherCluster() async throws {
    let error = try await error { _, configuration in configuration.cluster = "another" }
    guard case .refused(_, let reason) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(reason.contains("another"))
  }

  @Test("an anchor of another CA believes no map")
  func otherAnchor() async throws {
    let path = "\(try Self.realm.get().0.directory)/other-ca.crt"
    let now = Int64(time(nil))
    let other = try CertificateAuthority.create(
      name: "Other CA", realm: "OTHER.TEST", notBefore: now - 60, notAfter: now + 3_600)
    try other.certificatePEM.write(toFile: path, atomically: true, encoding: .utf8)
    let error = try await error { _, configuration in configuration.anchors = path }
    guard case .mapRefused = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test("a node that answers under another name than the one dialled is not talked with")
  func otherNode() async throws {
    let error = try await error { cluster, configuration in
      configuration.seeds = [
        .init(principal: cluster.principals[0], endpoint: configuration.seeds[1].endpoint)
      ]
    }
    guard case .noReachableNode = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test("seeds where nobody listens are named")
  func nobody() async throws {
    let error = try await error { _, configuration in
      configuration.deadline = .milliseconds(300)
      configuration.seeds = configuration.seeds.map {
        .init(principal: $0.principal, endpoint: Endpoint(host: "127.0.0.1", port: 1))
      }
    }
    guard case .noReachableNode(let tried, _) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(tried.count == 2 && tried[0].contains("127.0.0.1:1"))
  }
}
