import Authority
import Cluster
import Testing

@Suite("Who may talk with the authority") struct AuthorityPeerTests {
  private func admitted(_ peer: String) throws -> AuthorityPeer? {
    AuthorityPeer.admitted(
      peer, realm: World.realm, administrators: [try Principal("root/admin@\(World.realm)")])
  }

  @Test("drones and databases of the realm, members or not, and administrators") func admitted() throws {
    #expect(try admitted("keyval-drone/d9@\(World.realm)") == .node)
    #expect(try admitted("keyval-database/db9@\(World.realm)") == .node)
    #expect(try admitted("root/admin@\(World.realm)") == .administrator)
  }

  @Test(
    "nobody else",
    arguments: [
      "alice@KEYVAL.TEST", "root/admin@OTHER.TEST", "keyval-drone/d1@OTHER.TEST",
      "keyval-authority/a1@KEYVAL.TEST", "keyval-command/db1@KEYVAL.TEST", "keyval-commander/17@KEYVAL.TEST",
      "",
    ])
  func refused(peer: String) throws {
    #expect(try admitted(peer) == nil)
  }
}
